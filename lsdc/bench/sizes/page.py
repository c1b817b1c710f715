"""The figures of sizes as one page that opens from disk."""

from collections.abc import Mapping, Sequence

from lsdc.bench.made_with import machine, made_with
from lsdc.bench.sizes.growth import FLAT_KB, TOO_STEEP, exponent
from lsdc.bench.sizes.text import counted, in_order, memory_of, memory_table, said, time_table
from lsdc.bench.sizes.work import STAGES
from lsdc.report.figures import SizeCurve, size_curves
from lsdc.report.page import Figure, Grid, Part, render


def sizes_page(figures: Mapping) -> str:
    """The page as html, from what sizes.json holds."""
    stages, known = in_order(figures), figures["environment"]
    parts = [
        Part("Time", "time", [f"An exponent above {TOO_STEEP:g} is called worse than linear."],
             [_figure(stages, "processor_seconds", "processor seconds", "Processor seconds of each stage")],
             [_grid("Seconds", time_table(figures))]),
        Part("Memory", "memory", [
            "The largest resident memory of the stage's process during its work. What holds tables grows with them; "
            f"what goes through studies one by one may hold {FLAT_KB:g} KB more for each of them than its tables do."],
             [_figure(stages, "peak_mb", "MB", "Largest memory of each stage")],
             [_grid("Largest memory", memory_table(figures))]),
        Part("Stages", "stages", grids=[Grid("What was measured", ("stage", "what it is", "at the largest size"), [
            [name, STAGES[name].what, counted(rows, name)] for name, rows in stages.items()], frozenset({0, 1}))]),
        made_with(figures),
    ]
    lead = f"{machine(figures)}, commit {known['commit'] or '-'}, {figures['made']}. {said(figures)}"
    return render("bench.html", title="Cost against size", lead=lead, notices=_notices(figures), key=[], parts=parts)


def _notices(figures: Mapping) -> list[str]:
    stages = in_order(figures)
    steep = [name for name, rows in stages.items() if (exponent(rows) or 0) > TOO_STEEP]
    growing = [name for name in stages if memory_of(name, figures).startswith("grows")]
    return [*([f"Worse than linear in time: {', '.join(steep)}."] if steep else []),
            *([f"Memory grows with the studies gone through: {', '.join(growing)}."] if growing else [])]


def _grid(caption: str, table: tuple[Sequence[str], Sequence[Sequence[str]]]) -> Grid:
    headers, rows = table
    return Grid(caption, headers, rows, frozenset({0, len(headers) - 1}))


def _figure(stages: Mapping[str, Sequence[Mapping]], key: str, unit: str, what: str) -> Figure:
    panels = {}
    for name, rows in stages.items():
        panels.setdefault(STAGES[name].group, []).append(
            SizeCurve(name, [row["studies"] for row in rows], [row[key] for row in rows]))
    told = "; ".join(f"{curve.name} {', '.join(f'{value:.3g}' for value in curve.values)}"
                     for curves in panels.values() for curve in curves)
    return Figure(size_curves(panels, unit), f"{what} against the number of studies, both logarithmic, in {unit}: "
                  f"{told}.", f"{what}; grey and dashed, what is proportional to the number of studies.")
