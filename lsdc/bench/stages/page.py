"""The figures of the stages as one page that opens from disk."""

from collections.abc import Mapping, Sequence

from lsdc.bench.made_with import machine, made_with
from lsdc.bench.stages.text import HEADERS, missed, said, seconds, table
from lsdc.report.page import Grid, Part, render

WORDS = frozenset({0, 2, 6})  # columns of text


def stages_page(figures: Mapping, names: Sequence[str]) -> str:
    """The page as html, from what stages.json holds; names: the stages in their order."""
    rows, known = figures["rows"], figures["environment"]
    headers = [name for name in HEADERS if name != "last"]
    cells = [[*line[:2], *line[3:]] for line in table(rows, names, {})]
    parts = [
        Part("Stages", "stages", [said(figures)],
             grids=[Grid("Ours, and what a user would otherwise do", headers, cells, WORDS)]),
        Part("Turns", "turns", grids=[Grid(
            "How the figures came about", ("stage", "made", "commit", "turns", "least", "largest"),
            [[name, row["made"], row["commit"] or "-", str(row["rounds"]), seconds(row["seconds"]["least"]),
              seconds(row["seconds"]["largest"])] for name in names if "seconds" in (row := rows.get(name, {}))],
            frozenset({0, 1, 2}))]),
        made_with(figures),
    ]
    lost = missed(rows, names)
    return render("bench.html", title="Seconds by stage", key=[], parts=parts,
                  lead=f"{machine(figures)}, commit {known['commit'] or '-'}, {figures['made']}.",
                  notices=[f"Goals missed: {'; '.join(lost)}."] if lost else [])
