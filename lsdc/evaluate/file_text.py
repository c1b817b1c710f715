"""The text that `lsdc evaluate --truth --predictions` prints."""

from collections.abc import Mapping, Sequence

from lsdc.evaluate.agreement_text import agreement_text, confusion_text, detail_text, published_text, with_interval
from lsdc.evaluate.calibration_text import calibration_text, reliability_text, weights_text
from lsdc.evaluate.cells import between, grid, number, percent, signed
from lsdc.evaluate.metric import TERMS
from lsdc.taxonomy import Condition, Level

FIGURES = (*TERMS, "total")
NOISE = "inside the noise"
MARK = "*"  # of a figure that is of some rows only


def text_of_files(figures: Mapping) -> str:
    """Figures of `score_files` as text: scores and comparisons of all models, then the tables of each."""
    models = figures["models"]
    parts = [_header(figures), _score_table(figures), _comparison(figures), _cell_table(models),
             *(part for model in models for part in _model_parts(model, figures["decision"], named=len(models) > 1)),
             published_text(figures["published"])]
    return "\n\n".join(part for part in parts if part)


def fold_text(folds: Mapping | None) -> str:
    """Folds beside each other, and whether they spread by more than chance; "" where there are no two."""
    if folds is None:
        return ""
    rows = [[str(one["fold"]), one["studies"], with_interval(one["total"], 4), signed(one["minus_others"]["value"]),
             between(one["minus_others"]["interval"], signed), _noise(one["minus_others"])] for one in folds["folds"]]
    return ("Between folds\n" + grid(rows, ["fold", "studies", "total", "minus the others", "interval", ""])
            + f"\nSD of the folds' totals {number(folds['sd'])}; the draw of studies alone makes about "
            f"{number(folds['sd_by_chance'])}")


def _header(figures: Mapping) -> str:
    return (f"truth: {figures['truth']}, {figures['studies']} studies, {figures['rows']} labelled rows; weighted log "
            f"loss, lower is better; {100 * figures['interval']:g} % intervals from {figures['bootstrap']} bootstrap "
            "samples of studies")


def _score_table(figures: Mapping) -> str:
    rows = [[model["name"], model["studies"], model["rows"],
             *(number(one["value"]) + ("" if one["whole"] or one["value"] is None else MARK)
               for one in (model["scores"][name] for name in FIGURES)),
             between(model["scores"]["total"]["interval"])] for model in figures["models"]]
    headers = ["", "studies", "rows", *(name.replace("_", "-") for name in FIGURES),
               f"{100 * figures['interval']:g} % interval"]
    notes = [note for model in figures["models"] for note in _notes(model, figures["studies"])]
    return "\n".join([grid(rows, headers), *notes])


def _notes(model: Mapping, studies: int) -> list[str]:
    """What is missing of a model's figures, and what was done to its rows."""
    name, notes = model["name"], []
    if model["studies"] < studies:
        notes.append(f"{name}: answers {model['studies']} of the truth's {studies} studies; the others are not scored")
    notes += [f"{name}, {term.replace('_', '-')}{MARK}: {model['scores'][term]['why']}" for term in TERMS
              if not model["scores"][term]["whole"]]
    if model["missing_rows"]:
        cells = [f"{one['condition']} {Level(one['level']).title} {one['rows']} of {one['of']}"
                 for one in model["missing_rows"]]
        notes.append(f"{name}: labelled rows without an answer: {', '.join(cells)}")
    if not model["scores"]["total"]["whole"]:
        notes.append(f"{name}: no total, because it is only given where all four terms are whole")
    if model["unlabelled"]:
        notes.append(f"{name}: {model['unlabelled']} answered rows have no grade and are not scored")
    if model["normalised"]:
        notes.append(f"{name}: {model['normalised']} rows did not sum to 1 and were divided by their sums")
    return notes


def _comparison(figures: Mapping) -> str:
    if figures["comparison"] is None:
        return ""
    rows, unsure, warnings, pairs = [], [], [], figures["comparison"]["pairs"]
    for pair in pairs:
        names, told = f"{pair['first']} minus {pair['second']}", pair["differences"]
        shown = [name for name in FIGURES if told[name]["value"] is not None]
        for name in shown if told["total"]["value"] is None else ["total"]:
            one = told[name]
            rows.append([names, name.replace("_", "-") + (MARK if one["why"] else ""), pair["rows"],
                         signed(one["value"]), between(one["interval"], signed), number(one["p_better"], 3),
                         _noise(one)])
            if one["inside_noise"]:
                unsure.append(f"{names} ({name.replace('_', '-')})")
        if not shown:
            warnings.append(f"{names}: {told['total']['why']}")
    parts = ["Paired differences on the rows that both answer (negative: the first is better)"]
    parts += [grid(rows, ["", "figure", "rows", "difference", "interval", "P(first better)", ""])] if rows else []
    if unsure:
        warnings.append(f"Warning: {NOISE} of so few studies, so that it does not show that either is better: "
                        + ", ".join(unsure))
    if len(pairs) > 1:
        warnings.append(f"{len(pairs)} comparisons: by chance alone one in {round(1 / (1 - figures['interval']))} "
                        "would be outside the noise.")
    parts += warnings
    if best := figures["comparison"]["best"]:
        parts.append("P(lowest total of all), on the rows that all answer: "
                     + ", ".join(f"{one['name']} {percent(one['share'])}" for one in best))
    return "\n".join(parts)


def _cell_table(models: Sequence[Mapping]) -> str:
    """By condition and level, models side by side."""
    cells = [{(cell["condition"], cell["level"]): cell for cell in model["cells"]} for model in models]
    rows = []
    for condition in Condition:
        for level in Level:
            found = [of.get((condition, level)) for of in cells]
            if any(found):
                rows.append([condition.value, level.title, *(text for cell in found for text in (
                    (str(cell["rows"]), with_interval({"value": cell["score"], **cell}, 4)) if cell else ("0", "-")))])
    headers = [text for model in models for text in ("rows", model["name"])]
    return "By condition and level\n" + grid(rows, ["", "level", *headers])


def _model_parts(model: Mapping, decision: str, *, named: bool) -> list[str]:
    head = [f"== {model['name']} =="] if named else []
    agreement, calibration = model["agreement"], model["calibration"]
    return [*head, fold_text(model["folds"]), agreement_text(agreement, decision), confusion_text(agreement),
            detail_text(agreement), calibration_text(calibration), reliability_text(calibration),
            weights_text(model["metric_weights"], model["reweighted"])]


def _noise(one: Mapping) -> str:
    return {None: one["why"], True: NOISE, False: ""}[one["inside_noise"]]
