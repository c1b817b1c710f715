"""The figures of the stages as a table of words, for the terminal and for the page."""

from collections.abc import Mapping, Sequence

from tabulate import tabulate

HEADERS = ("stage", "seconds", "last", "beside it", "its time", "ratio", "goal", "limited by", "of the least")


def text_of(figures: Mapping, names: Sequence[str], last: Mapping[str, Mapping]) -> str:
    """The table of the named stages, what it is of, and which goals are missed.

    last: rows of the same machine and settings before these.
    """
    rows = table(figures["rows"], names, last)
    shown = tabulate(rows, HEADERS, disable_numparse=True,
                     colalign=("left", "right", "right", "left", "right", "right", "right", "left", "right"))
    return "\n\n".join([shown, *(["Goals missed: " + "; ".join(lost)] if (
        lost := missed(figures["rows"], names)) else []), said(figures)])


def said(figures: Mapping) -> str:
    """What the figures are of, in a few sentences."""
    study = figures["study"]
    return (f"A study of {study['files']} files in {study['series']} series, {study['pixels'] / 1e6:.1f} million "
            f"pixels; networks of the config, untrained, the same on both sides but for the whole study, where the "
            f"paper's way has the paper's classifier; {figures['threads']} threads on both sides; files in the page "
            "cache. Where both ways are to give the same values, these are compared first. "
            "Ways are timed in turns after one untimed call: medians, and the ratio of "
            "each turn (least to largest). The least is what no way can do without (bytes read, forward "
            "passes), timed alone; what a stage is limited by is where the rest of its time goes.")


def table(rows: Mapping[str, Mapping], names: Sequence[str], last: Mapping[str, Mapping]) -> list[list[str]]:
    """Cells under HEADERS: a line for each stage, and one more for each further way beside it."""
    lines = []
    for name in names:
        if (row := rows.get(name)) is None:
            continue
        if "skipped" in row:
            lines.append([name, "-", "", f"not measured: {row['skipped']}", "", "", "", "", ""])
            continue
        own = [f"{name} ({row['unit']})", seconds(row["seconds"]["median"]), change(row, last.get(name))]
        bound = [row["limited_by"], share(row)]
        first, *further = [_beside(one) for one in row["rivals"]] or [["", "", "", ""]]
        lines += [[*own, *first, *bound], *([["", "", "", *cells, "", ""] for cells in further])]
    return lines


def _beside(rival: Mapping) -> list[str]:
    ratio = rival["ratio"]
    return [rival["name"], seconds(rival["seconds"]["median"]),
            f"{times(ratio['median'])} ({times(ratio['least'])[:-1]} to {times(ratio['largest'])[:-1]})",
            f">= {rival['goal']:g}x" if rival["goal"] else ""]


def missed(rows: Mapping[str, Mapping], names: Sequence[str]) -> list[str]:
    """The goals that the medians do not reach, in words."""
    return [f"{name} {times(one['ratio']['median'])} of {one['goal']:g}x" for name in names
            for one in rows.get(name, {}).get("rivals", ()) if one["goal"] and one["ratio"]["median"] < one["goal"]]


def share(row: Mapping) -> str:
    """How much longer a stage takes than what bounds it."""
    return "" if row["bound"] is None else f"{100 * row['seconds']['median'] / row['bound']['median']:.0f} %"


def change(row: Mapping, last: Mapping | None) -> str:
    """Seconds now against the last ones.

    >>> change({"seconds": {"median": 1.5}}, {"seconds": {"median": 1.0}}), change({"seconds": {"median": 1.0}}, None)
    ('+50 %', '')
    """
    if not last or "skipped" in last:
        return ""
    return f"{100 * (row['seconds']['median'] / last['seconds']['median'] - 1):+.0f} %"


def seconds(value: float) -> str:
    """Three digits.

    >>> seconds(12.345), seconds(0.012345), seconds(0.0000123)
    ('12.3 s', '12.3 ms', '0.0123 ms')
    """
    return f"{value:.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"


def times(value: float) -> str:
    """A ratio.

    >>> times(0.954), times(3.26), times(123.4)
    ('0.95x', '3.3x', '123x')
    """
    return f"{value:.2f}x" if value < 1 else f"{value:.1f}x" if value < 100 else f"{value:.0f}x"
