"""The rows of several runs as text: one table where it fits, else the scores and how they were made."""

from collections.abc import Mapping, Sequence

from tabulate import tabulate

from lsdc.errors import printable
from lsdc.evaluate.cells import between, number, on_lines, percent
from lsdc.taxonomy import Condition

SCORES = ("run", "set", "studies", "folds", "total", "interval", "priors", "floor", "of the way", "interval of it",
          "kappa c/f/s")
MADE = ("config", "network", "data", "train min", "GB", "commit", "begun")
WORDS = {"run", "set", "config", "network", "data", "commit", "begun"}  # columns of text, to the left
LEGEND = """\
set: runs of one letter were scored on the same studies; folds: located/finished/all; total: lower is better;
{level}of the way: from priors to floor; kappa: linear, canal/foraminal/subarticular;
train min: all folds (detector + classifier); commit: of the start, and how many others had a part"""


def text_of_runs(rows: Sequence[Mapping], warnings: Sequence[str], *, width: int | None = None) -> str:
    """Rows of `rows_of` as text, with notes and warnings below; width in characters, None where none is too wide."""
    lines = [{**_scores(row), **_made(row)} for row in rows]
    whole = _table(lines, (*SCORES, *MADE))
    if width is not None and max(map(len, whole.splitlines())) > width:
        whole = f"{_table(lines, SCORES)}\n\n{_table(lines, ('run', *MADE))}"
    notes = [f"{row['run']}: {note}" for row in rows for note in row["notes"]]
    notes += [f"{row['run']}: its difference from the priors is inside the noise" for row in rows
              if row["score"] and row["score"]["inside_noise"]]
    levels = {row["score"]["level"] for row in rows if row["score"]}
    legend = LEGEND.format(level=f"intervals: {100 * levels.pop():g} %, over studies; " if len(levels) == 1 else "")
    told = ["\n".join(map(printable, some)) for some in (notes, [f"Warning: {one}" for one in warnings])]
    return "\n\n".join(part for part in (whole, legend, *told) if part)


def minutes(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds / 60:.1f}"


def commits(names: Sequence[str]) -> str:
    """The first, and how many others had a part.

    >>> commits(["abc", "def"]), commits([])
    ('abc + 1', '-')
    """
    return "-" if not names else names[0] + (f" + {len(names) - 1}" if len(names) > 1 else "")


def _scores(row: Mapping) -> dict[str, str]:
    folds, score = row["folds"], row["score"]
    shown = {"run": row["run"], "set": row["set"] or "-", "studies": _or_dash(row["studies"]),
             "folds": f"{len(folds['located'])}/{len(folds['finished'])}/{_or_dash(folds['of'])}"}
    if score is None:
        return {**dict.fromkeys(SCORES, "-"), **shown, "total": row["state"]}
    way = score["share_of_way"]
    return {**shown, "total": number(score["total"]), "interval": between(score["interval"]),
            "priors": number(score["priors"]), "floor": number(score["floor"]),
            "of the way": percent(way["value"]) if way else "-",
            "interval of it": between(way["interval"], percent) if way else "-",
            "kappa c/f/s": " ".join(number(score["linear_kappa"].get(one.value), 2) for one in Condition)}


def _made(row: Mapping) -> dict[str, str]:
    seconds = row["seconds"]
    parts = [minutes(seconds[part]) for part in ("detector", "classifier")]
    both = "-" if set(parts) == {"-"} else f"{minutes(seconds['training'])} ({' + '.join(parts)})"
    return {
        "config": _or_dash(row["config"]), "network": _or_dash(row["network"]), "data": _or_dash(row["data"]["name"]),
        "train min": both, "GB": number(row["peak_memory_gb"], 1),
        "commit": commits(row["commits"]), "begun": _or_dash(row["begun"])[:10],
    }


def _table(lines: Sequence[Mapping[str, str]], columns: Sequence[str]) -> str:
    return tabulate(on_lines([[line[name] for name in columns] for line in lines]), columns, tablefmt="simple",
                    disable_numparse=True, colalign=["left" if name in WORDS else "right" for name in columns])


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)
