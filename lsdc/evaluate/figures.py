"""Every figure that `lsdc evaluate` gives of one table of predictions, as a plain dict."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lsdc.competition.priors import prior_predictions, prior_table, uniform_table
from lsdc.config import EvaluationSettings
from lsdc.evaluate.agreement import Decision, accuracy, confusion_sums, linear_kappa
from lsdc.evaluate.agreement_figures import agreement_figures
from lsdc.evaluate.bootstrap import Interval, difference, interval, replicate_sums, score_replicates, share_of_way
from lsdc.evaluate.calibration import calibration_figures
from lsdc.evaluate.graded import Graded, graded
from lsdc.evaluate.metric import TERMS, cell_of, cell_sums, ratio, study_sums, terms_and_total
from lsdc.evaluate.metric_weights import reweighted, weight_figures
from lsdc.evaluate.plain import plain
from lsdc.evaluate.probabilities import probabilities
from lsdc.taxonomy import Condition, Level

FIGURES = (*TERMS, "total")


def figures_of(
    grades: pd.DataFrame,
    predictions: pd.DataFrame,
    *,
    priors: pd.DataFrame,
    settings: EvaluationSettings,
    floor: pd.DataFrame | None = None,
    where: object = None,
    decision: Decision = Decision.WEIGHTED,
) -> dict:
    """Figures of predictions on all studies of a GRADES table, ready for json: numbers, text, None where undefined.

    priors: predictions of the tables of priors of each study's training folds; floor: the phantom's, or None.
    Keys: studies, rows, interval, bootstrap, phantom, scores, share_of_way, model_minus_priors, cells, agreement,
    decision, agreement_by_group, calibration, metric_weights, reweighted, fallback. All tables must answer the same
    rows (TableError); intervals are bootstraps over studies, paired. decision: of agreement_by_group.
    """
    rows = graded(grades)
    fitted = prior_predictions(prior_table(grades, smoothing=0), rows.studies.tolist())
    tables = {
        "model": predictions, "priors": priors, "priors_of_scored": fitted, "floor": floor,
        "uniform": prior_predictions(uniform_table(), rows.studies.tolist()),
    }
    values = {name: probabilities(table, rows.order, where=where if name == "model" else name)
              for name, table in tables.items() if table is not None}
    weights = weight_figures(rows, values["model"], settings)
    return plain({
        "studies": len(np.unique(rows.study)),
        "rows": len(rows.severity),
        "interval": settings.interval,
        "bootstrap": settings.bootstrap,
        "phantom": floor is not None,
        **_scores(rows, values, settings),
        "cells": _cells(rows, values, settings),
        "agreement": _agreement(rows, values["model"], settings),
        "decision": decision.value,
        "agreement_by_group": agreement_figures(rows, values["model"], settings, decision=decision),
        "calibration": calibration_figures(rows, values["model"], settings),
        "metric_weights": weights,
        "reweighted": reweighted(rows, values["model"], weights[0]["verdict"]),
        "fallback": fallback_shares(predictions),
    })


def fallback_shares(predictions: pd.DataFrame) -> dict:
    """Rows of a PREDICTIONS table that the priors answered: rows, of, share, and causes with rows and studies."""
    if "fallback" not in predictions.columns:
        return {"rows": 0, "of": len(predictions), "share": 0.0, "causes": []}
    answered = predictions[predictions["fallback"].notna()]
    studies = answered["row_id"].str.split("_").str[0]
    causes = studies.groupby(answered["fallback"]).agg(["size", "nunique"]).sort_values("size", ascending=False)
    return {
        "rows": len(answered), "of": len(predictions), "share": len(answered) / max(len(predictions), 1),
        "causes": [{"cause": str(cause), "rows": int(size), "studies": int(unique)}
                   for cause, size, unique in causes.itertuples()],
    }


def _scores(rows: Graded, values: Mapping[str, np.ndarray], settings: EvaluationSettings) -> dict:
    sums = {name: study_sums(rows, table) for name, table in values.items()}
    exact = {name: terms_and_total(one.loss.sum(axis=0), one.weight.sum(axis=0)) for name, one in sums.items()}  # (5,)
    replicates = dict(zip(sums, score_replicates(list(sums.values()), settings), strict=True))  # (B, 5)
    totals = {name: (exact[name][-1], replicates[name][:, -1]) for name in sums}
    against = difference(totals["model"][0] - totals["priors"][0], totals["model"][1] - totals["priors"][1], settings)
    result = {
        "scores": [
            {"name": name, **dict(zip(FIGURES, exact[name], strict=True)),
             "intervals": {figure: _pair(interval(column, settings))
                           for figure, column in zip(FIGURES, replicates[name].T, strict=True)}}
            for name in sums
        ],
        "model_minus_priors": {
            "value": against.value, "interval": _pair(against.interval), "p_better": against.p_better,
            "inside_noise": against.inside_noise,
        },
        "share_of_way": None,
    }
    if "floor" in totals:
        value, drawn = (share_of_way(*(totals[name][part] for name in ("priors", "model", "floor"))) for part in (0, 1))
        result["share_of_way"] = {"value": float(value), "interval": _pair(interval(drawn, settings))}
    return result


def _cells(rows: Graded, values: Mapping[str, np.ndarray], settings: EvaluationSettings) -> list[dict]:
    """By condition and level: rows, and the score of each table that was made without the scored grades."""
    names = [name for name in ("model", "priors", "floor") if name in values]
    sums = {name: cell_sums(rows, values[name]) for name in names}
    counts = np.bincount(cell_of(rows), minlength=len(Condition) * len(Level))
    drawn = replicate_sums(np.hstack([sums["model"].loss, sums["model"].weight]), settings)
    intervals = [interval(column, settings) for column in ratio(*np.hsplit(drawn, 2)).T]
    exact = {name: ratio(one.loss.sum(axis=0), one.weight.sum(axis=0)) for name, one in sums.items()}
    cells = [(condition, level) for condition in Condition for level in Level]
    return [
        {"condition": condition.value, "level": level.value, "rows": int(counts[cell]),
         **{name: exact[name][cell] for name in names}, "interval": _pair(intervals[cell])}
        for cell, (condition, level) in enumerate(cells)
    ]


def _agreement(rows: Graded, values: np.ndarray, settings: EvaluationSettings) -> list[dict]:
    """By condition: rows, accuracy, accuracy of always answering normal, linear kappa with its interval."""
    confusion = confusion_sums(rows, values)  # (n, 3, 3, 3)
    drawn = replicate_sums(confusion.reshape(len(confusion), -1), settings).reshape(-1, *confusion.shape[1:])
    whole, kappas = confusion.sum(axis=0), linear_kappa(drawn)
    return [
        {"condition": condition.value, "rows": int(whole[number].sum()), "accuracy": accuracy(whole[number]),
         "always_normal": ratio(whole[number][0].sum(), whole[number].sum()),
         "linear_kappa": linear_kappa(whole[number]), "interval": _pair(interval(kappas[:, number], settings))}
        for number, condition in enumerate(Condition)
    ]


def _pair(of: Interval) -> list[float]:
    return [of.low, of.high]

