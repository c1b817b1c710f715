"""The text that `lsdc evaluate` prints."""

from collections.abc import Sequence

from tabulate import tabulate

from lsdc.evaluate.metric import TERMS
from lsdc.taxonomy import Condition, Level

_NAMES = {
    "model": "model",
    "priors": "priors of the training folds",
    "priors_of_scored": "priors fitted on the scored studies",
    "floor": "floor of the phantom (best reachable)",
    "uniform": "uniform (one third)",
}
PHANTOM_LINE = "This is the phantom: synthetic studies with a known optimum. It says nothing about patients."


def text_of(figures: dict, *, run: str = "") -> str:
    """Figures of `figures_of` (with `folds` and `locations`, where they are) as text; None is shown as a dash."""
    parts = [_header(figures, run), _score_table(figures), _verdict(figures), _cell_table(figures),
             _agreement_table(figures), _fallback_lines(figures), *map(_location_table, figures.get("locations", []))]
    return "\n\n".join(part for part in parts if part)


def _header(figures: dict, run: str) -> str:
    folds = f"fold {', '.join(map(str, figures['folds']))}, " if figures.get("folds") else ""
    lines = [f"{run + ': ' if run else ''}{folds}{figures['studies']} studies, {figures['rows']} labelled rows; "
             f"weighted log loss, lower is better; {100 * figures['interval']:g} % intervals from "
             f"{figures['bootstrap']} bootstrap samples of studies"]
    return "\n".join(lines + [PHANTOM_LINE] * figures["phantom"])


def _score_table(figures: dict) -> str:
    rows = [[_NAMES[row["name"]], *(_number(row[term]) for term in TERMS), _number(row["total"]),
             _interval(row["intervals"]["total"])] for row in figures["scores"]]
    return _table(rows, ["", "canal", "foraminal", "subarticular", "any-severe", "total",
                         f"{100 * figures['interval']:g} % interval"])


def _verdict(figures: dict) -> str:
    """How far from priors to floor, and whether the model is better than the priors at all."""
    lines = []
    if (way := figures["share_of_way"]) is not None:
        if way["value"] is None:
            lines.append("Share of the way from priors to floor: -, because here the priors are not above the floor")
        else:
            lines.append(f"Share of the way from priors to floor: {_percent(way['value'])} "
                         f"({_interval(way['interval'], _percent)})")
    against = figures["model_minus_priors"]
    lines.append(f"Model minus priors, paired: {_signed(against['value'])} "
                 f"({_interval(against['interval'], _signed)}); P(model better) = {_number(against['p_better'], 3)}")
    if against["inside_noise"]:
        lines.append("Warning: this difference is inside the noise of so few studies. "
                     "It does not show that the model is better or worse than a table of priors.")
    if absent := [term for term in TERMS if figures["scores"][0][term] is None]:
        lines.append(f"Warning: no labelled row for {', '.join(absent)}, so there is no total.")
    return "\n".join(lines)


def _cell_table(figures: dict) -> str:
    cells = {(cell["condition"], cell["level"]): cell for cell in figures["cells"]}
    names = [name for name in ("model", "priors", "floor") if name in figures["cells"][0]]
    rows = [
        [condition.value, level.title, (cell := cells[condition.value, level.value])["rows"],
         *(_number(cell[name]) for name in names), _interval(cell["interval"])]
        for condition in Condition for level in Level
    ]
    return "By condition and level\n" + _table(rows, ["", "level", "rows", *names, "interval of the model"])


def _agreement_table(figures: dict) -> str:
    rows = [[row["condition"], row["rows"], _number(row["accuracy"]), _number(row["always_normal"]),
             _number(row["linear_kappa"]), _interval(row["interval"])] for row in figures["agreement"]]
    return "Agreement of the most probable grade (the metric's weights included) with the label\n" + _table(
        rows, ["", "rows", "accuracy", "always normal", "linear kappa", "interval"])


def _fallback_lines(figures: dict) -> str:
    fallback = figures["fallback"]
    head = f"Answered by priors: {fallback['rows']} of {fallback['of']} rows ({_percent(fallback['share'])})"
    if not fallback["causes"]:
        return head
    return head + "\n" + _table([[one["cause"], one["rows"], one["studies"]] for one in fallback["causes"]],
                                ["cause", "rows", "studies"])


def _location_table(locations: dict) -> str:
    rows = [[row["condition"], row["n"], row["missed"], _percent(row["id_rate"]), _interval(row["interval"], _percent),
             *(_number(row[name], 1) for name in ("mean_mm", "median_mm", "p95_mm"))] for row in locations["rows"]]
    return (f"Locations against {locations['truth']} (identified: closest to its own truth and within 20 mm)\n"
            + _table(rows, ["", "points", "missed", "identified", "interval", "mean mm", "median mm", "95th pct mm"]))


def _table(rows: Sequence[Sequence], headers: Sequence[str]) -> str:
    alignment = ["left" if isinstance(cell, str) and cell[:1].isalpha() else "right" for cell in rows[0]]
    return tabulate(rows, headers, tablefmt="simple", colalign=alignment, disable_numparse=True)


def _number(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.4f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _interval(ends: Sequence[float | None], show=_number) -> str:
    return "-" if None in ends else f"{show(ends[0])} to {show(ends[1])}"
