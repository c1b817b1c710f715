"""Models compared in pairs on the rows that both answer, with the same studies drawn for both."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lsdc.config import EvaluationSettings
from lsdc.evaluate.bootstrap import score_replicates
from lsdc.evaluate.figure import gap
from lsdc.evaluate.graded import Graded
from lsdc.evaluate.metric import TERMS, terms_and_total
from lsdc.evaluate.prediction_files import Answers
from lsdc.evaluate.scope import Scope, scope_of

FIGURES = (*TERMS, "total")


def compare_models(
    grades: pd.DataFrame, rows: Graded, models: Sequence[Answers], settings: EvaluationSettings
) -> dict:
    """Keys pairs and best; rows: `graded(grades)`.

    pairs: of each two models first, second, studies, rows, and differences by figure (first minus second: negative is
    better for the first) with interval, p_better, inside_noise, and
    in why what is missing of it. best: of three models or more, on the rows that
    all answer, by model the share of replicates in which its total is the lowest; empty where there is no such total.
    """
    pairs = [_pair(grades, rows, one, other, settings) for one, other in itertools.combinations(models, 2)]
    return {"pairs": pairs, "best": _best(grades, rows, models, settings) if len(models) > 2 else []}


def exact_terms(scope: Scope, values: np.ndarray) -> np.ndarray:
    """The four terms and the total (5,) of values (all rows, 3); the total is nan unless every term is whole."""
    sums = scope.sums(values)
    found = terms_and_total(sums.loss.sum(axis=0), sums.weight.sum(axis=0))
    found[-1] = found[-1] if scope.whole.all() else np.nan
    return found


def why_of(scope: Scope, figure: int) -> str:
    """Why one of the FIGURES is not whole; of the total, which terms are not."""
    if figure < len(TERMS):
        return scope.why(figure)
    return "; ".join(f"{term}: {why}" for number, term in enumerate(TERMS) if (why := scope.why(number)))


def _pair(grades: pd.DataFrame, rows: Graded, one: Answers, other: Answers, settings: EvaluationSettings) -> dict:
    both = one.answered & other.answered
    scope = scope_of(grades, rows, both)
    names = {"first": one.name, "second": other.name}
    if scope is None:
        none = gap(np.nan, np.empty(0), settings, why="no labelled row that both answer")
        return {**names, "studies": 0, "rows": 0, "differences": dict.fromkeys(FIGURES, none)}
    exact = exact_terms(scope, one.values) - exact_terms(scope, other.values)
    first, second = score_replicates([scope.sums(one.values), scope.sums(other.values)], settings)  # (B, 5) each
    gaps = {figure: gap(exact[number], (first - second)[:, number], settings) | {"why": why_of(scope, number)}
            for number, figure in enumerate(FIGURES)}
    return {**names, "studies": len(scope.rows.studies), "rows": len(scope.rows.severity), "differences": gaps}


def _best(grades: pd.DataFrame, rows: Graded, models: Sequence[Answers], settings: EvaluationSettings) -> list[dict]:
    scope = scope_of(grades, rows, np.logical_and.reduce([model.answered for model in models]))
    if scope is None or not scope.whole.all():
        return []
    totals = score_replicates([scope.sums(model.values) for model in models], settings)[..., -1]  # (models, B)
    totals = totals[:, np.isfinite(totals).all(axis=0)]
    lowest = totals == totals.min(axis=0)
    shares = (lowest / lowest.sum(axis=0)).mean(axis=1)  # a tie is shared
    return [{"name": model.name, "share": float(share)} for model, share in zip(models, shares, strict=True)]
