"""Agreement of predicted and read grades as radiology reports it, from confusion matrices summed by study.

Every figure is a function of confusion (..., 3 read, 3 predicted), so that bootstrap replicates are figures of the
drawn studies' summed matrices. What cannot be computed is nan, and `why_not` says why.
"""

from enum import StrEnum

import numpy as np

from lsdc.evaluate.graded import CONDITION_OF_TARGET, Graded
from lsdc.evaluate.metric import ratio
from lsdc.taxonomy import TARGETS, Condition, Severity
from lsdc.weighting import unweighted

_SIZE = len(Severity)
_DISTANCE = np.abs(np.subtract.outer(np.arange(_SIZE), np.arange(_SIZE)))  # (3, 3)
CUTS = {"moderate": Severity.MODERATE, "severe": Severity.SEVERE}  # this grade or worse against the others
ONE_CLASS = "one class only: every label is the same"


class Decision(StrEnum):
    """How a grade follows from probabilities that carry the metric's weights 1, 2, 4.

    weighted: the largest of the three as they stand, so argmax of w p. It is the grade with the least expected loss
        where a wrong answer costs the weight of the true grade: the operating point that the metric asks for.
    plain: the largest after dividing by 1, 2, 4, so argmax of p, which is right most often; it answers severe less.
    """

    WEIGHTED = "weighted"
    PLAIN = "plain"


def decided(values: np.ndarray, decision: Decision) -> np.ndarray:
    """The probabilities (rows, 3) that the decision takes the largest of: as they stand, or without the weights."""
    return values if decision == Decision.WEIGHTED else unweighted(values)


def confusion_sums(rows: Graded, values: np.ndarray) -> np.ndarray:
    """Labelled rows of each study by condition, read and predicted grade: (n, 3 conditions, 3 read, 3 predicted).

    values (all rows, 3); the predicted grade is the most probable one as the predictions stand, weights included.
    """
    targets = target_confusions(rows, values)
    return np.stack([targets[:, number == CONDITION_OF_TARGET].sum(axis=1) for number in range(len(Condition))], axis=1)


def target_confusions(rows: Graded, values: np.ndarray) -> np.ndarray:
    """Labelled rows of each study by target, read and predicted grade: (n, 25, 3 read, 3 predicted)."""
    predicted = values[rows.labelled].argmax(axis=1)
    cell = (rows.target * _SIZE + rows.severity) * _SIZE + predicted
    counts = rows.sum_by_study(np.ones(len(cell)), cell, len(TARGETS) * _SIZE**2)
    return counts.reshape(len(rows.studies), len(TARGETS), _SIZE, _SIZE)


def rates(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Every figure of agreement of confusion (..., 3, 3), by name; nan where it cannot be computed.

    Kappas are Cohen's (1960; weighted 1968); kappa_moderate and kappa_severe are of two classes, this grade or worse
    against the others. gwet_ac1: Gwet 2008, which does not fall with the prevalence as kappa does. balanced_accuracy
    is over the grades that were read, macro_f1 over those read or predicted, as in scikit-learn.
    """
    several = (confusion.sum(axis=-1) > 0).sum(axis=-1) > 1  # of the labels' classes
    found = {"accuracy": accuracy(confusion), "balanced_accuracy": np.where(several, _recall(confusion), np.nan),
             "macro_f1": _macro_f1(confusion)}
    for name, cut in CUTS.items():
        two = dichotomous(confusion, cut)
        found[f"sensitivity_{name}"] = ratio(two[..., 1, 1], two[..., 1, :].sum(axis=-1))
        found[f"specificity_{name}"] = ratio(two[..., 0, 0], two[..., 0, :].sum(axis=-1))
    for name, distance in (("kappa", _DISTANCE > 0), ("linear_kappa", _DISTANCE), ("quadratic_kappa", _DISTANCE**2)):
        found[name] = np.where(several, kappa(confusion, distance), np.nan)
    for name, cut in CUTS.items():
        two = dichotomous(confusion, cut)
        both = (two.sum(axis=-1) > 0).all(axis=-1)
        found[f"kappa_{name}"] = np.where(both, kappa(two, 1 - np.eye(2)), np.nan)
    return found | {"gwet_ac1": gwet_ac1(confusion)}


def why_not(confusion: np.ndarray, name: str) -> str:
    """Why a figure of confusion (3, 3) cannot be computed; "" where nothing is known against it."""
    read = confusion.sum(axis=-1)
    if read.sum() == 0:
        return "no labelled row"
    kind, _, cut = name.rpartition("_")
    if cut in CUTS:
        below, above = read[:CUTS[cut]].sum(), read[CUTS[cut]:].sum()
        worse = {"moderate": "moderate or severe", "severe": "severe"}[cut]
        if above == 0 and kind != "specificity":
            return f"one class only: no label is {worse}"
        if below == 0 and kind != "sensitivity":
            return f"one class only: every label is {worse}"
        return ""
    return ONE_CLASS if (read > 0).sum() < 2 else ""


def dichotomous(confusion: np.ndarray, cut: int) -> np.ndarray:
    """confusion (..., 3, 3) as (..., 2, 2): grades below `cut`, and from it on."""
    rows = np.stack([confusion[..., :cut, :].sum(axis=-2), confusion[..., cut:, :].sum(axis=-2)], axis=-2)
    return np.stack([rows[..., :cut].sum(axis=-1), rows[..., cut:].sum(axis=-1)], axis=-1)


def kappa(confusion: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Cohen's kappa of confusion (..., k, k) with disagreement weights (k, k); nan where chance alone agrees fully."""
    read, predicted = confusion.sum(axis=-1), confusion.sum(axis=-2)  # (..., k)
    expected = np.einsum("...i,...j,ij->...", read, predicted, distance)
    return 1 - ratio((confusion * distance).sum(axis=(-2, -1)) * read.sum(axis=-1), expected)


def linear_kappa(confusion: np.ndarray) -> np.ndarray:
    """Cohen's kappa with linear weights (Cohen 1968) of confusion (..., 3, 3); nan where chance alone agrees fully."""
    return kappa(confusion, _DISTANCE)


def gwet_ac1(confusion: np.ndarray) -> np.ndarray:
    """Gwet's AC1 of confusion (..., k, k): (pa - pe) / (1 - pe), pe = sum of pi (1 - pi) / (k - 1), pi the mean of both
    marginals (Gwet 2008, Br J Math Stat Psychol 61:29-48). All k grades of the scale count, used or not.
    """
    total = confusion.sum(axis=(-2, -1))[..., None]
    share = ratio(confusion.sum(axis=-1) + confusion.sum(axis=-2), np.broadcast_to(2 * total, confusion.shape[:-1]))
    chance = (share * (1 - share)).sum(axis=-1) / (confusion.shape[-1] - 1)
    return (accuracy(confusion) - chance) / (1 - chance)


def accuracy(confusion: np.ndarray) -> np.ndarray:
    """Share of the diagonal of confusion (..., 3, 3)."""
    return ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum(axis=(-2, -1)))


def _recall(confusion: np.ndarray) -> np.ndarray:
    """Mean recall over the grades that were read."""
    read = confusion.sum(axis=-1)
    hit = ratio(np.diagonal(confusion, axis1=-2, axis2=-1), read)
    return ratio(np.nan_to_num(hit).sum(axis=-1), (read > 0).sum(axis=-1))


def _macro_f1(confusion: np.ndarray) -> np.ndarray:
    """Mean F1 over the grades read or predicted."""
    both = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    f1 = ratio(2 * np.diagonal(confusion, axis1=-2, axis2=-1), both)
    return ratio(np.nan_to_num(f1).sum(axis=-1), (both > 0).sum(axis=-1))
