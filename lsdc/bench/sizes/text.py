"""The figures of sizes as tables of words, for the terminal and for the page."""

from collections.abc import Mapping, Sequence

from tabulate import tabulate

from lsdc.bench.sizes.growth import exponent, kilobytes_a_study, memory_in_words, time_in_words
from lsdc.bench.sizes.work import STAGES


def text_of(figures: Mapping, before: Mapping[str, Sequence[float]] | None = None) -> str:
    """Two tables, of time and of memory, and what was read.

    before: processor seconds by size that the stages took the last time on this machine.
    """
    parts = [tabulate(rows, headers, colalign=("left", *["right"] * (len(headers) - 2), "left"), disable_numparse=True)
             for headers, rows in (time_table(figures, before or {}), memory_table(figures))]
    return "\n\n".join([*parts, said(figures)])


def in_order(figures: Mapping) -> dict[str, Sequence[Mapping]]:
    """The measured stages with their rows by size, as they follow each other; a json file has them by name."""
    return {name: figures["stages"][name] for name in STAGES if name in figures["stages"]}


def said(figures: Mapping) -> str:
    """What the figures are of, in a sentence or two."""
    return (f"Each stage in a process of its own. Labels, places and answers are drawn; a series is "
            f"{figures['files_each']} files of a small phantom, linked to again and again, so that files come from "
            f"memory. The exponent is of processor seconds between the two largest sizes: 1 is linear.")


def time_table(figures: Mapping, before: Mapping[str, Sequence[float]] | None = None
               ) -> tuple[list[str], list[list[str]]]:
    """Headers and rows: seconds at each size, processor seconds at the largest and how they changed since the last time
    (without `before` no such column), exponent, verdict.
    """
    sizes = [f"{size:,} studies" for size in figures["sizes"]]
    headers = ["stage", *sizes, "processor", *(["last"] if before is not None else []), "exponent", "time"]
    lines = []
    for name, rows in in_order(figures).items():
        used = rows[-1]["processor_seconds"]
        changed = [] if before is None else [f"{100 * (used / before[name][-1] - 1):+.0f} %" if name in before else ""]
        lines.append([name, *(_seconds(row["seconds"]) for row in rows), _seconds(used), *changed,
                      _number(exponent(rows), 2), time_in_words(rows)])
    return headers, lines


def memory_table(figures: Mapping) -> tuple[list[str], list[list[str]]]:
    """Headers and rows: largest MB at each size, growth by study, verdict."""
    headers = ["stage", *(f"{size:,} studies" for size in figures["sizes"]), "KB a study", "memory"]
    return headers, [[name, *(f"{row['peak_mb']:.0f} MB" for row in rows), _number(kilobytes_a_study(rows), 1),
                      memory_of(name, figures)] for name, rows in in_order(figures).items()]


def memory_of(name: str, figures: Mapping) -> str:
    """How a stage's memory follows the studies, in words."""
    tables = STAGES[name].tables
    if tables is not None and tables not in figures["stages"]:
        return "its tables were not measured"
    return memory_in_words(figures["stages"][name], figures["stages"].get(tables))


def counted(rows: Sequence[Mapping], name: str) -> str:
    """What a stage went through at the largest size."""
    return f"{rows[-1]['counted']:,} {STAGES[name].counted}"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value >= 10 else f"{value:.2f} s"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
