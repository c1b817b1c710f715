"""The text that `lsdc evaluate` prints."""

from lsdc.evaluate.agreement_text import agreement_text
from lsdc.evaluate.calibration_text import calibration_text, weights_text
from lsdc.evaluate.cells import between, grid, number, percent, signed
from lsdc.evaluate.file_text import fold_text
from lsdc.evaluate.metric import TERMS
from lsdc.taxonomy import Condition, Level

SCORE_NAMES = {
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
             fold_text(figures.get("between_folds")), _agreement_table(figures),
             agreement_text(figures["agreement_by_group"], figures["decision"]),
             calibration_text(figures["calibration"]), weights_text(figures["metric_weights"], figures["reweighted"]),
             _fallback_lines(figures), *map(_location_table, figures.get("locations", []))]
    return "\n\n".join(part for part in parts if part)


def _header(figures: dict, run: str) -> str:
    folds = f"fold {', '.join(map(str, figures['folds']))}, " if figures.get("folds") else ""
    lines = [f"{run + ': ' if run else ''}{folds}{figures['studies']} studies, {figures['rows']} labelled rows; "
             f"weighted log loss, lower is better; {100 * figures['interval']:g} % intervals from "
             f"{figures['bootstrap']} bootstrap samples of studies"]
    return "\n".join(lines + [PHANTOM_LINE] * figures["phantom"])


def _score_table(figures: dict) -> str:
    rows = [[SCORE_NAMES[row["name"]], *(number(row[term]) for term in TERMS), number(row["total"]),
             between(row["intervals"]["total"])] for row in figures["scores"]]
    return grid(rows, ["", "canal", "foraminal", "subarticular", "any-severe", "total",
                         f"{100 * figures['interval']:g} % interval"])


def _verdict(figures: dict) -> str:
    """How far from priors to floor, and whether the model is better than the priors at all."""
    lines = []
    if (way := figures["share_of_way"]) is not None:
        if way["value"] is None:
            lines.append("Share of the way from priors to floor: -, because here the priors are not above the floor")
        else:
            lines.append(f"Share of the way from priors to floor: {percent(way['value'])} "
                         f"({between(way['interval'], percent)})")
    against = figures["model_minus_priors"]
    lines.append(f"Model minus priors, paired: {signed(against['value'])} "
                 f"({between(against['interval'], signed)}); P(model better) = {number(against['p_better'], 3)}")
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
         *(number(cell[name]) for name in names), between(cell["interval"])]
        for condition in Condition for level in Level
    ]
    return "By condition and level\n" + grid(rows, ["", "level", "rows", *names, "interval of the model"])


def _agreement_table(figures: dict) -> str:
    rows = [[row["condition"], row["rows"], number(row["accuracy"]), number(row["always_normal"]),
             number(row["linear_kappa"]), between(row["interval"])] for row in figures["agreement"]]
    return "Agreement of the most probable grade (the metric's weights included) with the label\n" + grid(
        rows, ["", "rows", "accuracy", "always normal", "linear kappa", "interval"])


def _fallback_lines(figures: dict) -> str:
    fallback = figures["fallback"]
    head = f"Answered by priors: {fallback['rows']} of {fallback['of']} rows ({percent(fallback['share'])})"
    if not fallback["causes"]:
        return head
    return head + "\n" + grid([[one["cause"], one["rows"], one["studies"]] for one in fallback["causes"]],
                                ["cause", "rows", "studies"])


def _location_table(locations: dict) -> str:
    rows = [[row["condition"], row["n"], row["missed"], percent(row["id_rate"]), between(row["interval"], percent),
             *(number(row[name], 1) for name in ("mean_mm", "median_mm", "p95_mm"))] for row in locations["rows"]]
    return (f"Locations against {locations['truth']} (identified: closest to its own truth and within 20 mm)\n"
            + grid(rows, ["", "points", "missed", "identified", "interval", "mean mm", "median mm", "95th pct mm"]))
