"""Progress of long work: a bar on a terminal, plain lines in a pipe or a notebook."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def track(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Iterate with a progress bar on stderr; where that is no terminal, one line every 15 seconds."""
    terminal = sys.stderr.isatty()
    bar = tqdm(
        items, desc=what, total=total, file=sys.stderr, dynamic_ncols=terminal, leave=True,
        mininterval=0.2 if terminal else 15, ascii=not terminal,
        bar_format=None if terminal else "{desc}: {n_fmt}/{total_fmt} [{elapsed}<{remaining}]\n",
    )
    yield from bar
