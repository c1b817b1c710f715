"""Whether predictions carry the metric's weights, as those that minimise it do: judged by the likelihood of the labels.

If a file says q of a row, and q is proportional to w^b P(grade) with the metric's weights w = 1, 2, 4, then
P(grade) = q w^-b / sum. b = 1: the weights are in; b = 0: they are not; b = 2: they went in twice. The labels tell
which b makes them most probable: the log likelihood is concave in b (an exponential family), its maximum is the
exponent, and the candidates 0, 1 and 2 are compared in pairs, paired by study. Nothing is ever corrected here.
"""

import numpy as np

from lsdc.config import EvaluationSettings
from lsdc.evaluate.bootstrap import replicate_sums
from lsdc.evaluate.figure import figure, gap
from lsdc.evaluate.graded import Graded
from lsdc.evaluate.metric import study_sums, terms_and_total
from lsdc.taxonomy import SEVERITY_WEIGHTS, Condition
from lsdc.weighting import unweighted, weighted

VERDICTS = {0: "missing", 1: "carried", 2: "twice"}
EXPONENTS = np.round(np.arange(-1.0, 3.01, 0.1), 1)  # where the likelihood is computed; its ends bound the exponent
_CANDIDATES = [int(np.argmin(np.abs(EXPONENTS - b))) for b in VERDICTS]
_TINY = 1e-15  # a probability of 0 is taken as this


def weight_figures(rows: Graded, values: np.ndarray, settings: EvaluationSettings) -> list[dict]:
    """For all conditions together and each by itself: condition, rows, verdict, exponent, gains, why.

    values (all rows, 3). verdict: carried, missing, twice, or undecided with the reason in `why`. exponent: the fitted
    b with its interval; gains: for each other candidate, how much less likely the labels are under it than under the
    best, per row (value, interval, p_better, inside_noise).
    """
    values = values[rows.labelled]
    condition = rows.condition
    groups = {"all": np.ones(len(values), bool)} | {
        name.value: condition == number for number, name in enumerate(Condition)}
    return [{"condition": name, "rows": int(of.sum()), **_judged(rows, values, of, settings)}
            for name, of in groups.items() if of.any()]


def reweighted(rows: Graded, values: np.ndarray, verdict: str) -> dict | None:
    """How the total would be, were the weights put right: how, total; None where nothing seems wrong.

    values (all rows, 3); verdict: of all conditions. The total is nan where a term has no labelled row.
    """
    if verdict not in ("missing", "twice"):
        return None
    sums = study_sums(rows, unweighted(values) if verdict == "twice" else weighted(values))
    return {"how": "divided by 1, 2, 4" if verdict == "twice" else "multiplied by 1, 2, 4",
            "total": float(terms_and_total(sums.loss.sum(axis=0), sums.weight.sum(axis=0))[-1])}


def log_likelihoods(values: np.ndarray, severity: np.ndarray) -> np.ndarray:
    """Log likelihood (m, EXPONENTS) of the labels (m,) under q w^-b / sum for each b; values q (m, 3)."""
    logs = np.log(np.maximum(values, _TINY))
    tilted = logs[:, None, :] - EXPONENTS[:, None] * np.log(SEVERITY_WEIGHTS)  # (m, EXPONENTS, 3)
    top = tilted.max(axis=-1)
    whole = top + np.log(np.exp(tilted - top[..., None]).sum(axis=-1))
    return np.take_along_axis(tilted, severity[:, None, None], axis=-1)[..., 0] - whole


def best_exponent(likelihood: np.ndarray) -> np.ndarray:
    """Exponent (...) of the largest likelihood (..., EXPONENTS), refined by the parabola through its neighbours."""
    at = np.clip(likelihood.argmax(axis=-1), 1, len(EXPONENTS) - 2)
    left, middle, right = (np.take_along_axis(likelihood, (at + step)[..., None], axis=-1)[..., 0]
                           for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.divide(left - right, 2 * bend, out=np.zeros_like(bend), where=bend < 0)
    return EXPONENTS[at] + np.clip(shift, -1, 1) * (EXPONENTS[1] - EXPONENTS[0])


def _judged(rows: Graded, values: np.ndarray, of: np.ndarray, settings: EvaluationSettings) -> dict:
    severity = rows.severity[of]
    if why := _hopeless(values[of], severity):
        return {"verdict": "undecided", "exponent": figure(np.nan, np.empty(0), settings, why=why), "gains": [],
                "why": why}
    likelihood = log_likelihoods(values[of], severity)
    size = len(rows.studies)
    by_study = np.stack([np.bincount(rows.study[of], column, size) for column in likelihood.T], axis=1)
    counted = np.bincount(rows.study[of], minlength=size)
    drawn = replicate_sums(np.column_stack([by_study, counted]), settings)
    drawn = drawn[drawn[:, -1] > 0]
    per_row, replicates = by_study.sum(0) / counted.sum(), drawn[:, :-1] / drawn[:, -1:]
    best = max(VERDICTS, key=lambda b: per_row[_CANDIDATES[b]])
    gains = [{"against": VERDICTS[b], **gap(*(part[..., _CANDIDATES[b]] - part[..., _CANDIDATES[best]]
                                              for part in (per_row, replicates)), settings)}
             for b in VERDICTS if b != best]
    unsure = [gain["against"] for gain in gains if gain["inside_noise"]]
    why = f"{VERDICTS[best]} fits best, but the labels do not rule out {' or '.join(unsure)}" if unsure else ""
    return {"verdict": "undecided" if unsure else VERDICTS[best],
            "exponent": figure(float(best_exponent(per_row)), best_exponent(replicates), settings), "gains": gains,
            "why": why}


def _hopeless(values: np.ndarray, severity: np.ndarray) -> str:
    """Why nothing can be said of these predictions; "" where something can."""
    if len(np.unique(severity)) < 2:
        return "one class only: every label is the same"
    if len(values) > 1 and np.ptp(values, axis=0).max() < 1e-6:
        return "the predictions say the same of every row"
    return ""
