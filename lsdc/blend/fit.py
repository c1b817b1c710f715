"""Fitting one step of a blend on the metric: L-BFGS on gradients that torch takes through the formula."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize

from lsdc.blend import formulas
from lsdc.blend.chain import Fitted
from lsdc.blend.layout import CONDITION, LEVEL_GROUPS, mirrored_targets
from lsdc.blend.objective import study_sums, total
from lsdc.blend.stack import Stack
from lsdc.competition.priors import prior_table
from lsdc.tables import GRADES
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, Condition, Level
from lsdc.weighting import unweighted

ALONE = -30.0  # logit of the models that only stand in where the chosen one has no answer
CONDITIONS = len(Condition)
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Step:
    """A kind of step and how firmly it is held where it changes nothing: `ridge` pseudo-studies (see `minimised`)."""

    kind: str  # pool, temperature, vector, second_level, any_severe
    how: str = ""  # of a pool: single, mean, weights, weights by level
    ridge: float = 0.0


def fit_step(step: Step, stack: Stack, p: np.ndarray | None) -> Fitted:
    """Fit a step on labelled studies whose plain probabilities before it are p (n, 25, 3); None before the pool."""
    if step.kind == "pool":
        return Fitted("pool", _fit_pool(step, stack))
    if step.kind == "second_level":
        return Fitted("second_level", _fit_second_level(step, stack, p))
    start, formula = {
        "temperature": ({"log_temperature": np.zeros(CONDITIONS)}, formulas.temperature),
        "vector": ({"scale": np.ones((CONDITIONS, 3)), "bias": np.zeros((CONDITIONS, 2))}, formulas.vector),
        "any_severe": ({"line": np.zeros(3)}, formulas.any_severe),
    }[step.kind]
    before = torch.asarray(p)
    return Fitted(step.kind, minimised(start, lambda free: formula(free, before, torch), stack, step.ridge))


def minimised(start: Arrays, formula: Callable[[dict], torch.Tensor], stack: Stack, ridge: float) -> Arrays:
    """Parameters that minimise  metric + ridge / n * sum of squared distances from the start.

    The start is what changes nothing, so the fewer studies (n), the less is changed. The same input gives the same
    parameters: there is no randomness in it.
    """
    sizes = {name: values.shape for name, values in start.items()}
    origin = np.concatenate([values.ravel() for values in start.values()])

    def split(flat):
        parts, first = {}, 0
        for name, shape in sizes.items():
            count = int(np.prod(shape))
            parts[name], first = flat[first:first + count].reshape(shape), first + count
        return parts

    def value_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        free = torch.tensor(flat, requires_grad=True)
        loss, weight = study_sums(formulas.with_weights(formula(split(free)), torch), stack.severity, torch)
        held = ((free - torch.asarray(origin)) ** 2).sum() * ridge / len(stack.severity)
        value = total(loss, weight) + held
        value.backward()
        return value.item(), free.grad.numpy()

    found = minimize(value_and_gradient, origin, jac=True, method="L-BFGS-B", options={"maxiter": 100, "ftol": 1e-7})
    return split(found.x)


def priors_of(stack: Stack) -> np.ndarray:
    """(25, 3) plain rates of the labelled studies, smoothed as the table of priors of a fold."""
    number, target = np.nonzero(stack.severity >= 0)
    columns = np.array(TARGETS)[target]  # (labelled, 3) condition, side, level
    grades = pd.DataFrame(columns, columns=["condition", "side", "level"]).assign(
        study_id=stack.answers.studies[number],
        severity=np.array(SEVERITY_COLUMNS)[stack.severity[number, target]])
    return unweighted(prior_table(GRADES.frame(grades)).to_numpy(np.float64))


def _fit_pool(step: Step, stack: Stack) -> Arrays:
    models, priors = len(stack.models), priors_of(stack)
    logits = np.zeros((CONDITIONS, LEVEL_GROUPS, models))
    if step.how == "mean" or models == 1:
        return {"logits": logits, "priors": priors}
    if step.how == "single":
        return {"logits": _of_one(_best_model(stack, priors), logits), "priors": priors}
    plain, present = torch.asarray(stack.answers.plain), torch.asarray(stack.answers.present)
    start = {"condition": np.zeros((CONDITIONS, 1, models))}
    if step.how == "weights by level":
        start["group"] = np.zeros((CONDITIONS, LEVEL_GROUPS, models))

    def logits_of(free):  # a group's own part is added to what all levels of the condition share
        shared = free["condition"][:, [0] * LEVEL_GROUPS]
        return shared + free["group"] if "group" in free else shared

    found = minimised(start, lambda free: formulas.pool({"logits": logits_of(free), "priors": priors}, plain, present,
                                                        torch), stack, step.ridge)
    return {"logits": logits_of(found), "priors": priors}


def _best_model(stack: Stack, priors: np.ndarray) -> int:
    scores = []
    for model in range(len(stack.models)):
        logits = _of_one(model, np.zeros((CONDITIONS, LEVEL_GROUPS, len(stack.models))))
        p = formulas.pool({"logits": logits, "priors": priors}, stack.answers.plain, stack.answers.present)
        scores.append(total(*study_sums(formulas.with_weights(p), stack.severity)))
    return int(np.argmin(scores))


def _of_one(model: int, logits: np.ndarray) -> np.ndarray:
    return np.where(np.arange(logits.shape[-1]) == model, 0.0, ALONE) + np.zeros_like(logits)


def _fit_second_level(step: Step, stack: Stack, p: np.ndarray) -> Arrays:
    ratios = formulas.log_ratios(stack.answers, p)  # (n, 25, m, 2)
    fixed = _centre_and_spread(ratios)
    seen = torch.asarray(formulas.seen_by_targets(fixed, stack.answers, p))
    start = {"weights": np.zeros((CONDITIONS, seen.shape[-1], 2)), "bias": np.zeros((CONDITIONS, len(Level), 2))}
    before = torch.asarray(p)
    free = minimised(start, lambda free: formulas.second_level(free, before, seen, torch), stack, step.ridge)
    return {**fixed, **free}


def _centre_and_spread(ratios: np.ndarray) -> Arrays:
    """Means by target, both sides together, and standard deviations by condition of log-ratios (n, 25, m, 2)."""
    centre = ratios.mean(0)
    centre = (centre + centre[mirrored_targets()]) / 2
    spread = np.ones_like(centre)
    for condition in range(CONDITIONS):
        own = condition == CONDITION
        spread[own] = np.sqrt(((ratios - centre)[:, own] ** 2).mean((0, 1)))
    return {"centre": centre, "spread": np.maximum(spread, 1e-3)}
