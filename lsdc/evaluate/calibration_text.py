"""Calibration and the metric's weights as text tables."""

from collections.abc import Mapping, Sequence

from lsdc.evaluate.agreement_text import with_interval
from lsdc.evaluate.calibration import View
from lsdc.evaluate.cells import grid, number

VIEWS = {
    View.WEIGHTED: "as they stand, rates counted with weights",
    View.PLAIN: "divided by 1, 2, 4, plain rates",
    View.AS_THEY_STAND: "as they stand, plain rates",
}
VERDICTS = {
    "carried": "The predictions carry the metric's weights, as they should",
    "missing": "Warning: the predictions do not carry the metric's weights 1, 2, 4. The metric asks for probabilities "
               "proportional to weight times probability; nothing was changed",
    "twice": "Warning: the predictions carry the metric's weights twice over; nothing was changed",
    "undecided": "Whether the predictions carry the metric's weights cannot be told",
}


def calibration_text(calibration: Sequence[Mapping]) -> str:
    """ECE by condition in each view, beside what chance alone gives, and the severe rate predicted and observed."""
    rows = [[group["condition"], VIEWS[View(view)], with_interval(found["ece"], 4),
             number(found["by_chance"]["limit"]), "yes" if found["beyond_chance"] else "no",
             *(number(found["grades"][-1][name], 3) for name in ("predicted", "observed"))]
            for group in calibration for view, found in group["views"].items()]
    return ("Calibration (ECE over grades, 10 bins). Predictions that carry the weights are calibrated in the first "
            "two ways of looking, those that do not in the third\n"
            + grid(rows, ["", "probabilities and rates", "ECE", "by chance up to", "beyond chance",
                          "severe predicted", "observed"]))


def reliability_text(calibration: Sequence[Mapping]) -> str:
    """The reliability curves of all conditions together, as the metric looks: with weights."""
    rows = []
    for group in calibration[:1]:
        for grade in group["views"][View.WEIGHTED]["grades"]:
            rows += [[grade["severity"], f"{one['low']:.1f} to {one['high']:.1f}",
                      number(one["predicted"], 3), with_interval({"value": one["observed"], **one}),
                      f"{one['weight']:.0f}"] for one in grade["bins"]]
    return "Reliability, all conditions: as they stand, rates counted with weights (by condition: --json)\n" + grid(
        rows, ["grade", "bin", "predicted", "observed", "weight"])


def weights_text(weights: Sequence[Mapping], reweighted: Mapping | None = None) -> str:
    """The verdict on the metric's weights, and the fitted exponent by condition."""
    whole = weights[0]
    lines = [VERDICTS[whole["verdict"]] + (f": {whole['why']}" if whole["why"] else "") + "."]
    if reweighted:
        lines.append(f"{reweighted['how'].capitalize()} and divided by their sums, they would score "
                     f"{reweighted['total']:.4f}.")
    rows = [[one["condition"], one["rows"], one["verdict"], with_interval(one["exponent"], 2),
             one["why"] or one["exponent"]["why"]] for one in weights]
    lines.append(grid(rows, ["", "rows", "weights", "exponent (1: in, 0: not in)", ""]))
    return "\n".join(lines)
