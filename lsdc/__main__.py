"""`python -m lsdc` and the `lsdc` command."""

import sys


def main() -> None:
    from lsdc.cli.commands import lsdc
    from lsdc.cli.errors import reported
    from lsdc.threads import spin_briefly

    spin_briefly()
    with reported():
        lsdc(prog_name="lsdc", standalone_mode=True)


if __name__ == "__main__":
    sys.exit(main())
