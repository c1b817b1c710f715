"""Progress of long work: a bar on a terminal, plain lines in a pipe or a notebook."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from lsdc.errors import message, printable

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 15


def track(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Iterate with a progress bar on stderr; where that is no terminal, a line at most every 15 seconds.

    total: how many items there will be, where `items` cannot say.
    """
    if sys.stderr.isatty():
        yield from tqdm(items, desc=what, total=total, file=sys.stderr, dynamic_ncols=True)
        return
    total = len(items) if total is None and hasattr(items, "__len__") else total
    start = said = time.monotonic()
    done = 0
    for item in items:
        yield item
        done += 1
        now = time.monotonic()
        if now - said >= SECONDS_BETWEEN_LINES and done != total:
            said = now
            left = f", {tqdm.format_interval((now - start) / done * (total - done))} left" if total else ""
            _say(f"{what}: {done} of {total or '?'}, {tqdm.format_interval(now - start)} gone{left}")
    _say(f"{what}: {done} done in {tqdm.format_interval(time.monotonic() - start)}")


class _Shown(logging.Formatter):
    """The message alone, without what would steer a terminal or pass for another message."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (a method of logging)
        return message(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:  # with a traceback's lines
        return printable(super().format(record), lines=True)


def log_to_stderr(level: int) -> None:
    """Show this process's warnings, and from `level` on what the kit says."""
    shown = logging.StreamHandler(sys.stderr)
    shown.setFormatter(_Shown("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[shown])
    logging.getLogger("lsdc").setLevel(level)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
