"""Many commands in one process, so that its imports are paid once: `python -m tests.faults.told [uid]`.

Standard input: a json list of [words, environment]. Standard output: a json list of [exit code, what was said]. With a
uid the process becomes that user first, for good.
"""

import contextlib
import importlib
import io
import json
import logging
import os
import pkgutil
import sys
import traceback

import lsdc as package
from lsdc.cli.commands import lsdc
from lsdc.cli.errors import reported


def main(*user: str) -> None:
    if user:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)  # that user may not be allowed to read them
        importlib.import_module("iterstrat.ml_stratifiers")  # nor this, which a function imports
        os.setgroups([])
        os.setgid(int(user[0]))
        os.setuid(int(user[0]))
    jobs, before, answers = json.load(sys.stdin), dict(os.environ), []
    for words, environment in jobs:
        os.environ.clear()
        os.environ.update(before | environment)
        answers.append(_told(words))
    json.dump(answers, sys.stdout)


def _told(words: list[str]) -> tuple[int, str]:
    said = io.StringIO()
    logging.getLogger().handlers.clear()  # that of the command before
    code = 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            with reported():
                lsdc(words, prog_name="lsdc", standalone_mode=True)
        except SystemExit as ended:
            code = ended.code or 0
        except BaseException:
            code = 70
            traceback.print_exc()
    return code, said.getvalue()


if __name__ == "__main__":
    main(*sys.argv[1:])
