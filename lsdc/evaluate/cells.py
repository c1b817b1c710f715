"""Figures as the cells of a text table; None is shown as a dash."""

from collections.abc import Sequence

from tabulate import tabulate


def grid(rows: Sequence[Sequence], headers: Sequence[str]) -> str:
    alignment = ["left" if isinstance(cell, str) and cell[:1].isalpha() else "right" for cell in rows[0]]
    return tabulate(rows, headers, tablefmt="simple", colalign=alignment, disable_numparse=True)


def number(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.4f}"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def between(ends: Sequence[float | None], show=number) -> str:
    return "-" if None in ends else f"{show(ends[0])} to {show(ends[1])}"
