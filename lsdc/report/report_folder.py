"""A folder that is built beside its place and appears whole; one report at a time, only reports are replaced."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lsdc.errors import StorageError
from lsdc.files import locked

MARK = "figures.json"  # of a report; written last
NAMES = frozenset({MARK, "assets", "images", "index.html", "locations.html", "run.html", "studies", "worklist.html",
                   "worst.webp"})  # all that a report has
SHOWN = 5  # names of what else is there


@contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; when the block ends well it takes the place `out`, of an earlier report too.

    What a killed report left is removed first; a second process waits. StorageError when something else is in `out`,
    or its folder cannot be written.
    """
    out = Path(out)
    check_replaceable(out)
    making = out.parent / f".{out.name}.making"
    with locked(making):
        for name in ("new", "old"):
            shutil.rmtree(making / name, ignore_errors=True)
        (making / "new").mkdir()
        try:
            yield making / "new"
            check_replaceable(out)
            if out.exists():
                os.replace(out, making / "old")
            os.replace(making / "new", out)
        finally:
            if (making / "old").exists() and not out.exists():
                os.replace(making / "old", out)
            shutil.rmtree(making, ignore_errors=True)


def check_replaceable(out: Path) -> None:
    """StorageError when a folder holds something that is no report: nothing of others is ever removed."""
    out = Path(out)
    there = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if out.exists() and not (out.is_dir() and (not there or (MARK in there and there <= NAMES))):
        raise StorageError("this place holds something that is no report", where=out,
                           got=", ".join(sorted(there - NAMES)[:SHOWN]) or None,
                           wanted=f"a new or empty folder, or an earlier report ({MARK} in it) and nothing else",
                           remedy="choose another folder with OUT=... (--out), or move what is there")
