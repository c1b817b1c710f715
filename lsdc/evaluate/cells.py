"""Figures as the cells of a text table; None is shown as a dash."""

from collections.abc import Sequence

from tabulate import tabulate

from lsdc.errors import printable, shortened

LONGEST = 400


def grid(rows: Sequence[Sequence], headers: Sequence[str]) -> str:
    alignment = ["left" if isinstance(cell, str) and cell[:1].isalpha() else "right" for cell in rows[0]]
    return tabulate(on_lines(rows), *on_lines([headers]), tablefmt="simple", colalign=alignment, disable_numparse=True)


def on_lines(rows: Sequence[Sequence]) -> list[list]:
    """Rows whose texts, which may be words of files, are of one line each, and of no more than LONGEST characters.

    >>> on_lines([["a\\nb", 1]])
    [['a\\\\nb', 1]]
    """
    return [[shortened(printable(cell), LONGEST) if isinstance(cell, str) else cell for cell in row] for row in rows]


def number(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.4f}"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def between(ends: Sequence[float | None], show=number) -> str:
    return "-" if None in ends else f"{show(ends[0])} to {show(ends[1])}"
