"""Calibration: how far predicted probabilities are from the rates of the grades in rows that were predicted alike.

Three ways of looking, since probabilities that minimise the metric carry its weights w = 1, 2, 4:

weighted       the predictions as they stand against rates counted with the weights of the labels. Calibrated where the
               predictions are proportional to w P(grade), which is what the metric asks for.
plain          the predictions divided by the weights against plain rates: the same claim, as probabilities of grades.
as_they_stand  the predictions as they stand against plain rates: calibrated where they do not carry the weights.

ECE is the classwise expected calibration error (Kull et al. 2019, arXiv:1910.12656) with BINS equal bins: per grade the
mean over rows of |predicted - observed| of their bins, and then the mean over grades. It is never 0 by chance, so each
comes with the distribution it has where the labels are drawn from the predictions themselves (Broecker and Smith 2007).
"""

from collections.abc import Mapping
from enum import StrEnum

import numpy as np

from lsdc.config import EvaluationSettings
from lsdc.evaluate.agreement import Decision, decided
from lsdc.evaluate.bootstrap import interval, replicate_sums
from lsdc.evaluate.figure import figure
from lsdc.evaluate.graded import Graded
from lsdc.evaluate.metric import ratio
from lsdc.seeding import generator
from lsdc.taxonomy import SEVERITY_WEIGHTS, Condition, Severity

BINS = 10
SIMULATIONS, LIMIT = 200, 0.95  # of the error by chance, and its share below the limit
_CONDITIONS, _CLASSES = len(Condition), len(Severity)
_WEIGHTS = np.array(SEVERITY_WEIGHTS, dtype=np.float64)


class View(StrEnum):
    WEIGHTED = "weighted"
    PLAIN = "plain"
    AS_THEY_STAND = "as_they_stand"


def seen(values: np.ndarray, view: View) -> np.ndarray:
    """The probabilities (m, 3) that a view compares with rates."""
    return decided(values, Decision.PLAIN) if view == View.PLAIN else values


def calibration_figures(rows: Graded, values: np.ndarray, settings: EvaluationSettings) -> list[dict]:
    """For all conditions together and each by itself: condition, rows, and by view ece, by_chance, and the curve.

    values (all rows, 3). A view has ece (value, interval, why), by_chance (mean and limit of 95 % where the labels
    follow the predictions), beyond_chance, and by grade predicted, observed (over all rows) and bins: low, high, weight
    (of the rows in it), predicted, observed, interval of observed. Empty bins are left out, intervals are bootstraps
    over studies; that of the ece is moved by the bias that drawing studies has.
    """
    values = values[rows.labelled]
    groups = {"all": np.ones(_CONDITIONS, bool)} | {
        condition.value: np.arange(_CONDITIONS) == number for number, condition in enumerate(Condition)}
    labels = np.bincount(rows.condition, minlength=_CONDITIONS)
    views = {view: _view(rows, values, view, groups, settings) for view in View}
    return [{"condition": name, "rows": int(labels[of].sum()),
             "views": {view.value: views[view][name] for view in View}}
            for name, of in groups.items() if labels[of].sum()]


def ece(sums: np.ndarray) -> np.ndarray:
    """Classwise ECE (...) of sums (..., 3 grades, BINS, 3: weight, predicted, observed); nan without rows."""
    off = np.abs(sums[..., 1] - sums[..., 2]).sum(axis=-1)  # (..., 3)
    return ratio(off, sums[..., 0].sum(axis=-1)).mean(axis=-1)


def reliability_sums(rows: Graded, values: np.ndarray, view: View) -> np.ndarray:
    """Sums by study (n, 3 conditions, 3 grades, BINS, 3: weight, predicted, observed); values (m, 3) as predicted."""
    shown = seen(values, view)
    cell = _cells(rows, shown)  # (m, 3)
    weight = _row_weight(rows.severity, view)
    truth = np.eye(_CLASSES)[rows.severity]
    parts = [sum(rows.sum_by_study(weight * part[:, k], cell[:, k], _CONDITIONS * _CLASSES * BINS)
                 for k in range(_CLASSES)) for part in (np.ones_like(shown), shown, truth)]
    return np.stack(parts, axis=-1).reshape(len(rows.studies), _CONDITIONS, _CLASSES, BINS, 3)


def _view(
    rows: Graded, values: np.ndarray, view: View, groups: Mapping[str, np.ndarray], settings: EvaluationSettings
) -> dict[str, dict]:
    sums = reliability_sums(rows, values, view)
    drawn = replicate_sums(sums.reshape(len(sums), -1), settings).reshape(-1, *sums.shape[1:])
    chance = _by_chance(rows, values, view, settings)  # (simulations, 3, 3, BINS, 3)
    found = {}
    for name, of in groups.items():
        whole, replicates, simulated = (part[:, of].sum(axis=1) for part in (sums.sum(0, keepdims=True), drawn, chance))
        value, luck = float(ece(whole)[0]), ece(simulated)
        limit = float(np.quantile(luck, LIMIT)) if np.isfinite(luck).all() else np.nan
        found[name] = {"ece": figure(value, _without_bias(value, ece(replicates)), settings, why="no labelled row"),
                       "by_chance": {"mean": float(luck.mean()), "limit": limit},
                       "beyond_chance": bool(value > limit),
                       "grades": [_curve(severity, whole[0, severity], replicates[:, severity], settings)
                                  for severity in Severity]}
    return found


def _without_bias(value: float, replicates: np.ndarray) -> np.ndarray:
    """Replicates of an ECE moved down by what drawing studies adds to it by itself, and not below 0."""
    usable = replicates[np.isfinite(replicates)]
    return np.maximum(usable - usable.mean() + value, 0.0) if len(usable) else usable


def _curve(severity: Severity, whole: np.ndarray, drawn: np.ndarray, settings: EvaluationSettings) -> dict:
    """The reliability curve of one grade from sums (BINS, 3) and their replicates (B, BINS, 3)."""
    observed = ratio(drawn[..., 2], drawn[..., 0])
    bins = []
    for b in np.flatnonzero(whole[:, 0]):
        ends = interval(observed[:, b], settings)
        bins.append({"low": b / BINS, "high": (b + 1) / BINS, "weight": whole[b, 0],
                     "predicted": whole[b, 1] / whole[b, 0], "observed": whole[b, 2] / whole[b, 0],
                     "interval": [ends.low, ends.high]})
    total = whole.sum(axis=0)
    return {"severity": severity.column, "predicted": float(ratio(total[1], total[0])),
            "observed": float(ratio(total[2], total[0])), "bins": bins}


def _by_chance(rows: Graded, values: np.ndarray, view: View, settings: EvaluationSettings) -> np.ndarray:
    """Sums (SIMULATIONS, 3 conditions, 3 grades, BINS, 3) with labels drawn from what the view says of each row.

    Labels are drawn one by one: readers whose errors run through a study make more by chance than this.
    """
    shown = seen(values, view)
    told = decided(values, Decision.PLAIN) if view == View.WEIGHTED else shown  # P(grade) that the view claims
    below = np.cumsum(told, axis=1)[:, :-1]
    cell = _cells(rows, shown)
    size = _CONDITIONS * _CLASSES * BINS
    draw = generator(settings.seed, "calibration by chance", view)
    result = np.empty((SIMULATIONS, size, 3))
    for simulation in result:
        severity = (draw.random((len(below), 1)) > below).sum(axis=1)
        weight = _row_weight(severity, view)
        for column, part in enumerate((np.ones_like(shown), shown)):
            simulation[:, column] = sum(np.bincount(cell[:, k], weight * part[:, k], size) for k in range(_CLASSES))
        simulation[:, 2] = np.bincount(cell[np.arange(len(cell)), severity], weight, size)
    return result.reshape(SIMULATIONS, _CONDITIONS, _CLASSES, BINS, 3)


def _cells(rows: Graded, shown: np.ndarray) -> np.ndarray:
    """Cell condition x grade x bin, bin fastest, of each grade's probability: (m, 3)."""
    bins = np.minimum((shown * BINS).astype(int), BINS - 1)
    return (rows.condition[:, None] * _CLASSES + np.arange(_CLASSES)) * BINS + bins


def _row_weight(severity: np.ndarray, view: View) -> np.ndarray:
    return _WEIGHTS[severity] if view == View.WEIGHTED else np.ones(len(severity))
