"""Agreement, calibration, weights and folds of an evaluation as parts of a page."""

from collections.abc import Mapping, Sequence

from lsdc.evaluate.agreement import Decision
from lsdc.evaluate.agreement_text import DETAILS, NAMES, RULES, level_or_side, reasons, with_interval
from lsdc.evaluate.calibration import View
from lsdc.evaluate.calibration_text import VERDICTS, VIEWS
from lsdc.evaluate.cells import between, number, percent, signed
from lsdc.evaluate.published import NOTE, PUBLISHED, Published
from lsdc.report.figures import ReliabilityBin, reliability_curves
from lsdc.report.page import Figure, Grid, Part
from lsdc.taxonomy import SEVERITY_COLUMNS, Severity

CURVES = {View.WEIGHTED: "As the metric looks: predictions as they stand, rates counted with the weights 1, 2, 4",
          View.PLAIN: "As probabilities of grades: predictions divided by 1, 2, 4, plain rates"}


def agreement_part(figures: Mapping) -> Part:
    """Every figure of agreement by condition, confusion matrices, levels and sides, what others published."""
    groups = [group for group in figures["agreement_by_group"] if group["level"] == group["side"] == "all"]
    rows = [["labelled rows", *(str(group["rows"]) for group in groups)],
            *([shown, *(with_interval(group["figures"][name]) for group in groups)] for name, shown in NAMES.items())]
    whole = Grid("Agreement with the label (intervals over studies)",
                 ("figure", *(group["condition"] for group in groups)), rows)
    return Part("Agreement", "agreement", [f"A row's grade is {RULES[Decision(figures['decision'])]}."],
                grids=[whole, *map(_confusion, groups)], narrow=True,
                folded_title="By level and side; figures that others published",
                folded=[_details(figures["agreement_by_group"]), _published()],
                notes=[*(reason.removeprefix("- ") for reason in reasons(groups, NAMES)), f"{NOTE}."])


def calibration_part(figures: Mapping) -> Part:
    """ECE by condition and view, reliability curves, and whether the predictions carry the metric's weights."""
    groups = figures["calibration"]
    rows = [[group["condition"], VIEWS[View(view)], with_interval(found["ece"], 4), number(found["by_chance"]["limit"]),
             "yes" if found["beyond_chance"] else "no",
             *(number(found["grades"][-1][name], 3) for name in ("predicted", "observed"))]
            for group in groups for view, found in group["views"].items()]
    table = Grid("Expected calibration error over grades, 10 bins", (
        "condition", "probabilities and rates", "ECE", "by chance up to", "beyond chance", "severe predicted",
        "observed"), rows, frozenset({0, 1}))
    whole = figures["metric_weights"][0]
    said = VERDICTS[whole["verdict"]] + (f": {whole['why']}" if whole["why"] else "") + "."
    if again := figures["reweighted"]:
        said += f" {again['how'].capitalize()} and divided by their sums, they would score {number(again['total'])}."
    weights = Grid("Exponent of the metric's weights in the predictions (1: they are in, 0: they are not)",
                   ("condition", "rows", "weights", "exponent", "why"),
                   [[one["condition"], str(one["rows"]), one["verdict"], with_interval(one["exponent"], 2),
                     one["why"] or one["exponent"]["why"]] for one in figures["metric_weights"]],
                   frozenset({0, 2, 4}))
    return Part("Calibration", "calibration", [
        said, "Predictions that carry the weights are calibrated in the first two ways of looking, those that do not "
        "in the third."], [_curves(groups, view, said) for view, said in CURVES.items()], [table, weights],
        folded_title="The reliability curves as tables", folded=[_bins(group, view) for group in groups
                                                                 for view in CURVES])


def folds_part(figures: Mapping) -> Part | None:
    """Folds beside each other; None where there are no two."""
    folds = figures.get("between_folds")
    if folds is None:
        return None
    rows = [[str(one["fold"]), str(one["studies"]), with_interval(one["total"], 4),
             signed(one["minus_others"]["value"]), between(one["minus_others"]["interval"], signed),
             {None: one["minus_others"]["why"], True: "inside the noise", False: ""}[
                 one["minus_others"]["inside_noise"]]] for one in folds["folds"]]
    return Part("Between folds", "folds", [
        f"SD of the folds' totals {number(folds['sd'])}; the draw of studies alone makes about "
        f"{number(folds['sd_by_chance'])}."],
        grids=[Grid("Each fold against the others", ("fold", "studies", "total", "minus the others", "interval", ""),
                    rows, frozenset({0, 5}))])


def _confusion(group: Mapping) -> Grid:
    rows = []
    for severity in Severity:
        counts = group["confusion"][severity]
        rows.append([severity.title, *(f"{count} ({percent(count / sum(counts))})" if sum(counts) else "0"
                                                  for count in counts)])
    return Grid(f"Confusion, {group['condition']}: labels in rows, predicted grades in columns",
                ("label", *(severity.title for severity in Severity)), rows)


def _details(groups: Sequence[Mapping]) -> Grid:
    some = [group for group in groups if (group["level"], group["side"]) != ("all", "all")]
    rows = [[f"{group['condition']} {level_or_side(group)}", str(group["rows"]), str(group["labels"][Severity.SEVERE]),
             *(with_interval(group["figures"][name]) for name in DETAILS)] for group in some]
    return Grid("Agreement by level and side", ("", "rows", "severe", *(NAMES[name] for name in DETAILS)), rows)


def _published() -> Grid:
    return Grid(NOTE, Published._fields, [list(one) for one in PUBLISHED], frozenset(range(len(Published._fields))))


def _curves(groups: Sequence[Mapping], view: View, said: str) -> Figure:
    panels = {group["condition"]: {
        grade["severity"].replace("_", " or "): [
            ReliabilityBin(one["predicted"], one["observed"], tuple(one["interval"])) for one in grade["bins"]]
        for grade in group["views"][view]["grades"]} for group in groups}
    told = "; ".join(f"{group['condition']}: ECE {number(group['views'][view]['ece']['value'])}, "
                     + ", ".join(f"{name.replace('_', ' or ')} predicted {number(grade['predicted'], 3)}, observed "
                                 f"{number(grade['observed'], 3)}" for name, grade in zip(
                                     SEVERITY_COLUMNS, group["views"][view]["grades"], strict=True))
                     for group in groups)
    return Figure(reliability_curves(panels, view.value), f"Reliability curves. {said}. {told}.", f"{said}.")


def _bins(group: Mapping, view: View) -> Grid:
    rows = [[f"{grade['severity'].replace('_', ' or ')} {one['low']:.1f} to {one['high']:.1f}",
             number(one["predicted"], 3), with_interval({"value": one["observed"], **one}), f"{one['weight']:.0f}"]
            for grade in group["views"][view]["grades"] for one in grade["bins"]]
    return Grid(f"Reliability, {group['condition']}: {VIEWS[view]}", ("grade and bin", "predicted", "observed",
                                                                     "weight"), rows)
