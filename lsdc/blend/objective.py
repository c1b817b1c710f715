"""The metric on arrays, so that a blend is fitted on what it is scored by: in numpy to score, in torch to fit.

The same four terms as `lsdc.evaluate.metric` (a test holds the two together), per study, on dense arrays.
"""

import numpy as np

from lsdc.blend.layout import CANAL, CONDITION
from lsdc.taxonomy import SEVERITY_WEIGHTS, Condition, Severity

_EPS = np.finfo(np.float64).eps


def study_sums(probabilities, severity: np.ndarray, xp=np):
    """Loss and weight of each study in canal, foraminal, subarticular and any-severe: two (n, 4).

    probabilities (n, 25, 3) carry the metric's weights; severity (n, 25), -1 without a label. The any-severe term
    looks at a study's labelled canal rows: is any severe, the largest `severe`, the largest weight.
    """
    truth, weight = one_hot(severity)
    canal = severity[:, CANAL]
    any_true = (canal == Severity.SEVERE).any(1)  # (n,)
    any_weight = weight[:, CANAL].max(1)
    of_truth = (probabilities * xp.asarray(truth)).sum(-1)
    loss = xp.asarray(weight) * _log_loss(xp.where(xp.asarray(severity >= 0), of_truth, xp.ones_like(of_truth)), xp)
    terms = [loss[:, number == CONDITION].sum(1) for number in range(len(Condition))]
    largest = xp.amax(probabilities[:, CANAL, int(Severity.SEVERE)] * xp.asarray((canal >= 0).astype(np.float64)), 1)
    terms.append(xp.asarray(any_weight) * _log_loss(xp.where(xp.asarray(any_true), largest, 1 - largest), xp))
    weights = np.column_stack([*(weight[:, number == CONDITION].sum(1) for number in range(len(Condition))),
                               any_weight])
    return xp.stack(terms, 1), weights


def total(loss, weight: np.ndarray):
    """Mean of the four terms from sums (n, 4); a term without any weight is left out."""
    present = np.flatnonzero(weight.sum(0) > 0)
    scale = 1 / (weight.sum(0)[present] * len(present))
    return sum(loss[:, term].sum() * factor for term, factor in zip(present.tolist(), scale.tolist(), strict=True))


def influence(loss: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """How far each study (n,) moves the total from its mean: sum over terms of (loss - R weight) / (4 sum of weight).

    The variance of the total is about n times that of these (delta method for a ratio of sums); differences of two
    totals on the same studies have the differences of these.
    """
    present = weight.sum(0) > 0
    loss, weight = loss[:, present], weight[:, present]
    ratio = loss.sum(0) / weight.sum(0)
    return ((loss - ratio * weight) / weight.sum(0)).mean(1)


def one_hot(severity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, 25, 3) of 0 or 1, and the metric's weight (n, 25), 0 without a label."""
    truth = (severity[..., None] == np.arange(len(Severity))).astype(np.float64)
    return truth, truth @ np.array(SEVERITY_WEIGHTS, dtype=np.float64)


def _log_loss(of_truth, xp):
    return -xp.log(xp.clip(of_truth, _EPS, 1 - _EPS))
