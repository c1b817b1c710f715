"""`python -m lsdc` and the `lsdc` command."""

import os
import sys


def main() -> None:
    try:
        from lsdc.cli.commands import lsdc
        from lsdc.cli.errors import reported
        from lsdc.threads import spin_briefly
    except ModuleNotFoundError as error:  # before even the doctor can speak
        sys.exit(f"error: a package is not installed\n  got:    {error}\n  to do:  make setup")

    spin_briefly()
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"  # in all processes of ours, whatever library asks
    # some training libraries import matplotlib, which otherwise keeps a font list in the home folder
    os.environ.setdefault("MPLCONFIGDIR", os.path.abspath(os.path.join(
        os.environ.get("LSDC_CACHE") or os.path.join(".lsdc", "cache"), "matplotlib")))
    with reported():
        lsdc(prog_name="lsdc", standalone_mode=True)


if __name__ == "__main__":
    sys.exit(main())
