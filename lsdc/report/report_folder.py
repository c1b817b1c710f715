"""A folder that is built beside its place and appears whole; one report at a time, only reports are replaced."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lsdc.errors import StorageError
from lsdc.files import alone, written_aside

MARK = "figures.json"  # of a report; written last
NAMES = frozenset({MARK, "assets", "images", "index.html", "locations.html", "run.html", "studies", "worklist.html",
                   "worst.webp"})  # all that a report has
SHOWN = 5  # names of what else is there


@contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; when the block ends well it takes the place `out`, of an earlier report too.

    What a killed report left is removed first. StorageError when something else is in `out`, its folder cannot be
    written, or another process writes this report.
    """
    out = Path(out)
    check_replaceable(out)
    with alone(out, busy="another process is writing this report"), written_aside(out) as aside:
        aside.mkdir()
        yield aside
        check_replaceable(out)


def check_replaceable(out: Path) -> None:
    """StorageError when a folder holds something that is no report: nothing of others is ever removed."""
    out = Path(out)
    there = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if out.exists() and not (out.is_dir() and (not there or (MARK in there and there <= NAMES))):
        raise StorageError("this place holds something that is no report", where=out,
                           got=", ".join(sorted(there - NAMES)[:SHOWN]) or None,
                           wanted=f"a new or empty folder, or an earlier report ({MARK} in it) and nothing else",
                           remedy="choose another folder with OUT=... (--out), or move what is there")
