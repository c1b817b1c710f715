"""Agreement, its confusion matrices, and what others published, as text tables."""

from collections.abc import Mapping, Sequence

from lsdc.evaluate.agreement import Decision
from lsdc.evaluate.cells import grid, number
from lsdc.evaluate.published import NOTE
from lsdc.taxonomy import Level, Severity

RULES = {
    Decision.WEIGHTED: "the largest of the three probabilities as they stand (the metric's weights included)",
    Decision.PLAIN: "the largest of the three probabilities divided by the metric's weights 1, 2, 4",
}
NAMES = {
    "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1",
    "sensitivity_moderate": "sensitivity, moderate+", "specificity_moderate": "specificity, moderate+",
    "sensitivity_severe": "sensitivity, severe", "specificity_severe": "specificity, severe",
    "auroc_moderate": "AUROC, moderate+", "auroc_severe": "AUROC, severe", "kappa": "kappa",
    "linear_kappa": "linear kappa", "quadratic_kappa": "quadratic kappa", "kappa_moderate": "kappa, moderate+",
    "kappa_severe": "kappa, severe", "gwet_ac1": "Gwet's AC1",
}
DETAILS = ("balanced_accuracy", "sensitivity_moderate", "specificity_moderate", "sensitivity_severe",
           "specificity_severe", "auroc_severe", "linear_kappa")


def agreement_text(agreement: Sequence[Mapping], decision: str) -> str:
    """Every figure for all conditions together and each by itself, with intervals; reasons of dashes below."""
    groups = [group for group in agreement if group["level"] == group["side"] == "all"]
    rows = [["labelled rows", *(str(group["rows"]) for group in groups)],
            *([shown, *(with_interval(group["figures"][name]) for group in groups)] for name, shown in NAMES.items())]
    head = f"Agreement with the label; grade: {RULES[Decision(decision)]}; intervals over studies"
    return "\n".join([head, grid(rows, ["", *(group["condition"] for group in groups)]), *reasons(groups, NAMES)])


def detail_text(agreement: Sequence[Mapping]) -> str:
    """Some figures by level and by side."""
    groups = [group for group in agreement if (group["level"], group["side"]) != ("all", "all")]
    if not groups:
        return ""
    rows = [[group["condition"], level_or_side(group), group["rows"], group["labels"][Severity.SEVERE],
             *(number(group["figures"][name]["value"], 3) for name in DETAILS[:-1]),
             with_interval(group["figures"][DETAILS[-1]])] for group in groups]
    headers = ["", "level or side", "rows", "severe", "balanced acc.", "sens. mod.+", "spec. mod.+", "sens. severe",
               "spec. severe", "AUROC severe", "linear kappa"]
    return "\n".join(["Agreement by level and side", grid(rows, headers), *reasons(groups, DETAILS)])


def confusion_text(agreement: Sequence[Mapping]) -> str:
    groups = [group for group in agreement if group["level"] == group["side"] == "all"]
    rows = [[group["condition"], severity.title, *map(str, group["confusion"][severity])]
            for group in groups for severity in Severity]
    return "Label (rows) by predicted grade (columns)\n" + grid(
        rows, ["", "label", *(severity.title for severity in Severity)])


def published_text(published: Sequence[Mapping]) -> str:
    rows = [[one[name] for name in ("system", "condition", "measure", "figure", "source")] for one in published]
    return f"{NOTE}\n" + grid(rows, ["system", "condition", "measure", "figure", "source"])


def with_interval(figure: Mapping, digits: int = 3) -> str:
    """A figure with its interval, a dash without one."""
    low, high = figure["interval"]
    if figure["value"] is None:
        return "-"
    shown = number(figure["value"], digits)
    return shown if low is None else f"{shown} ({number(low, digits)} to {number(high, digits)})"


def level_or_side(group: Mapping) -> str:
    return Level(group["level"]).title if group["level"] != "all" else group["side"]


def reasons(groups: Sequence[Mapping], names: Sequence[str] | Mapping) -> list[str]:
    """Why dashes are dashes and intervals rest on some samples, places with the same reason together."""
    said: dict[tuple[str, str], list[str]] = {}
    for group in groups:
        whole = group["level"] == group["side"] == "all"
        place = group["condition"] + ("" if whole else f" {level_or_side(group)}")
        for name in names:
            if group["figures"][name]["value"] is None:
                said.setdefault((group["figures"][name]["why"], place), []).append(NAMES[name])
    places: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (why, place), figures in said.items():
        places.setdefault((why, tuple(figures)), []).append(place)
    return [f"- {', '.join(where)}, {', '.join(figures)}: {why}" for (why, figures), where in places.items()]
