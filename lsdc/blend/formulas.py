"""The formulas of a blend, each written once: with `xp=numpy` they apply it, with `xp=torch` they are fitted.

Probabilities p are plain, (n, 25, 3): the metric's weights come off when a table is read (`stack.answers_of`) and go
on last (`with_weights`), so that models are averaged as what they think. This file needs numpy only.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lsdc.blend.layout import CANAL, CONDITION, LEVEL, LEVEL_GROUP, neighbours
from lsdc.blend.stack import Answers
from lsdc.taxonomy import SEVERITY_WEIGHTS, TARGETS

SMALLEST = 1e-6  # of a probability whose logarithm is taken
Parameters = Mapping[str, Any]  # arrays by name


def with_weights(p, xp=np):
    """Plain p to w p / sum(w p), the metric's weights 1/2/4 on them."""
    values = p * xp.asarray(np.array(SEVERITY_WEIGHTS, dtype=np.float64))
    return values / values.sum(-1)[..., None]


def pool(parameters: Parameters, plain, present, xp=np):
    """Weighted mean over the models that answer a target; the `priors` (25, 3) where none does.

    logits (3, 2, m) by condition and level group; a target's shares are their softmax over the models present.
    """
    shares = xp.exp(parameters["logits"][CONDITION, LEVEL_GROUP].T) * present  # (n, m, 25)
    total = shares.sum(1)
    answered = total > 0
    mean = (shares[..., None] * plain).sum(1) / xp.where(answered, total, xp.ones_like(total))[..., None]
    return xp.where(answered[..., None], mean, xp.asarray(parameters["priors"]))  # (n, 25, 3)


def temperature(parameters: Parameters, p, xp=np):
    """p^(1/T), normalised; T = exp(log_temperature) by condition (3,). Guo et al., ICML 2017."""
    return _softmax(_log(p, xp) / xp.exp(parameters["log_temperature"])[CONDITION][:, None], xp)


def vector(parameters: Parameters, p, xp=np):
    """softmax(scale log p + bias), both by condition (3, 3), normal/mild without bias (3, 2). Guo et al., 2017."""
    bias = _with_zero(parameters["bias"], xp)
    return _softmax(_log(p, xp) * parameters["scale"][CONDITION] + bias[CONDITION], xp)


def second_level(parameters: Parameters, p, seen, xp=np):
    """softmax(log p + seen . weights + bias): what a study's other targets and each model say moves the pooled p.

    seen (n, 25, f) from `seen_by_targets`; weights (3, f, 2) by condition, for moderate and severe against
    normal/mild, the same at all levels and both sides; bias (3, 5, 2) by condition and level.
    """
    weights, bias = parameters["weights"][CONDITION], parameters["bias"][CONDITION, LEVEL]
    return _softmax(_log(p, xp) + _with_zero(xp.einsum("ntf,tfk->ntk", seen, weights) + bias, xp), xp)


def any_severe(parameters: Parameters, p, xp=np):
    """Moves `severe` of a study's most severe canal level, which alone is the metric's any-severe prediction.

    With s the weighted severe probabilities of the five levels, largest s*, a = 1 - prod(1 - s) (independent levels):

        logit s*' = logit s* + shift + slope logit s* + gap (logit a - logit s*)

    and the other two severities of that level keep their ratio. line (3,): shift, slope, gap; zeros change nothing.
    """
    shift, slope, gap = parameters["line"]
    canal = p[:, CANAL]  # (n, 5, 3)
    whole = with_weights(canal, xp)
    severe = xp.clip(whole[..., 2], SMALLEST, 1 - SMALLEST)  # (n, 5)
    top = xp.amax(severe, 1)[:, None]
    any_of_five = xp.clip(1 - xp.exp(xp.log(1 - severe).sum(1)), SMALLEST, 1 - SMALLEST)[:, None]
    step = shift + slope * _logit(top, xp) + gap * (_logit(any_of_five, xp) - _logit(top, xp))  # (n, 1)
    odds = xp.exp(xp.where(severe == top, step, xp.zeros_like(severe)))  # odds of severe are multiplied by this
    # weights only multiply, so odds of the plain probabilities move by the same factor
    moved = canal * xp.stack([xp.ones_like(odds), xp.ones_like(odds), odds], -1)
    moved = moved / moved.sum(-1)[..., None]
    return xp.concatenate([moved, p[:, len(CANAL):]], 1)  # the canal's are the first of the TARGETS


def seen_by_targets(parameters: Parameters, answers: Answers, p: np.ndarray) -> np.ndarray:
    """(n, 25, roles * m * 2) for `second_level`: log-ratios of each model at each target's neighbours.

    The log-ratios of moderate and severe to normal/mild, less their mean `centre` (25, m, 2), divided by their
    `spread` (25, m, 2); a model without an answer is given the pooled p, and beyond the ends of the spine stand zeros.
    """
    ratios = (log_ratios(answers, p) - parameters["centre"]) / parameters["spread"]
    seen = np.einsum("rtu,numk->ntrmk", neighbours(), ratios, optimize=True)
    return seen.reshape(len(seen), len(TARGETS), -1)


def log_ratios(answers: Answers, p: np.ndarray) -> np.ndarray:
    """(n, 25, m, 2) log of moderate and of severe over normal/mild, by model; of the pooled p where one is missing."""
    filled = np.where(answers.present[..., None] > 0, answers.plain, p[:, None])  # (n, m, 25, 3)
    logs = _log(filled, np)
    return (logs[..., 1:] - logs[..., :1]).transpose(0, 2, 1, 3)


def apply_step(kind: str, parameters: Parameters, answers: Answers, p: np.ndarray | None) -> np.ndarray:
    """One fitted step of a blend, in numpy: plain p (n, 25, 3) after it."""
    if kind == "pool":
        return pool(parameters, answers.plain, answers.present)
    if kind == "second_level":
        return second_level(parameters, p, seen_by_targets(parameters, answers, p))
    return {"temperature": temperature, "vector": vector, "any_severe": any_severe}[kind](parameters, p)


def _log(p, xp):
    return xp.log(xp.clip(p, SMALLEST, 1.0))


def _logit(p, xp):
    return xp.log(p) - xp.log(1 - p)


def _with_zero(values, xp):
    """(..., 2) of moderate and severe to (..., 3) with 0 for normal/mild."""
    return xp.concatenate([xp.zeros_like(values[..., :1]), values], -1)


def _softmax(logits, xp):
    values = xp.exp(logits - xp.amax(logits, -1)[..., None])
    return values / values.sum(-1)[..., None]
