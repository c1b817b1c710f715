"""Predictions of any origin scored against a train.csv: what `lsdc evaluate --truth --predictions` does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.competition.grades import read_grades
from lsdc.config import EvaluationSettings
from lsdc.errors import TableError
from lsdc.evaluate.agreement import Decision
from lsdc.evaluate.agreement_figures import agreement_figures
from lsdc.evaluate.between_folds import between_folds
from lsdc.evaluate.bootstrap import interval, replicate_sums, score_replicates
from lsdc.evaluate.calibration import calibration_figures
from lsdc.evaluate.comparison import FIGURES, compare_models, exact_terms, why_of
from lsdc.evaluate.figure import figure
from lsdc.evaluate.graded import Graded, graded
from lsdc.evaluate.metric import cell_of, cell_sums, ratio
from lsdc.evaluate.metric_weights import reweighted, weight_figures
from lsdc.evaluate.plain import plain
from lsdc.evaluate.prediction_files import Answers, named_files, read_answers
from lsdc.evaluate.published import published_rows
from lsdc.evaluate.scope import Scope, scope_of
from lsdc.taxonomy import Condition, Level


@dataclass(frozen=True)
class FileOptions:
    """normalise: rows are divided by their sums; complete: missing rows are faults; decision: how grades follow."""

    normalise: bool = False
    complete: bool = False
    decision: Decision = Decision.WEIGHTED


def score_files(
    truth: Path, words: Sequence[str], settings: EvaluationSettings, options: FileOptions = FileOptions()
) -> dict:
    """Figures of predictions named by words `[NAME=]FILE[,FILE...]`, a model each, ready for json.

    Keys: truth, studies, rows (labelled), interval, bootstrap, decision, models (`model_figures` of each), comparison
    (of two models or more), published. TableError with every fault of the truth, or of all the files.
    """
    models = named_files(words)
    grades = read_grades(truth)
    rows = graded(grades)
    answers = read_answers(models, rows.order, normalise=options.normalise, complete=options.complete)
    return plain({
        "truth": str(truth), "studies": len(rows.studies), "rows": len(rows.severity), "interval": settings.interval,
        "bootstrap": settings.bootstrap, "decision": options.decision.value,
        "models": [model_figures(grades, rows, one, settings, options.decision) for one in answers],
        "comparison": compare_models(grades, rows, answers, settings) if len(answers) > 1 else None,
        "published": published_rows(),
    })


def model_figures(
    grades: pd.DataFrame, rows: Graded, answers: Answers, settings: EvaluationSettings, decision: Decision
) -> dict:
    """name, files, studies, rows (labelled and answered), unlabelled, normalised, missing_rows, scores, cells, folds,
    agreement, calibration, metric_weights, reweighted of one model; rows: `graded(grades)`.

    Figures are only of what is answered. scores: canal to total, each value, interval, why, whole; a total only where
    all four terms are whole. missing_rows: labelled rows of the answered studies that are not answered, by condition
    and level. reweighted: the total if the weights were multiplied in (or out), where they seem to be missing (or in
    twice).
    """
    scope = scope_of(grades, rows, answers.answered)
    if scope is None:
        raise TableError("nothing that these predictions answer has a grade", wanted="at least one row with a grade",
                         got=f"{answers.answered.sum()} rows without one", where=", ".join(map(str, answers.files)),
                         remedy="give predictions of graded studies")
    there, values = scope.rows, answers.values[answers.answered]
    sums = scope.sums(answers.values)
    weights = weight_figures(there, values, settings)
    fold = _fold_of_study(there, answers)
    return {
        "name": answers.name, "files": [str(path) for path in answers.files], "studies": len(there.studies),
        "rows": len(there.severity), "unlabelled": int(answers.answered.sum()) - len(there.severity),
        "normalised": answers.normalised, "missing_rows": _missing(rows, answers, scope),
        "scores": _scores(scope, answers.values, settings), "cells": _cells(there, values, settings),
        "folds": between_folds(sums, fold, settings) if scope.whole.all() else None,
        "agreement": agreement_figures(there, values, settings, decision=decision),
        "calibration": calibration_figures(there, values, settings), "metric_weights": weights,
        "reweighted": reweighted(there, values, weights[0]["verdict"]) if scope.whole.all() else None,
    }


def _scores(scope: Scope, values: np.ndarray, settings: EvaluationSettings) -> dict:
    exact = exact_terms(scope, values)
    (drawn,) = score_replicates([scope.sums(values)], settings)  # (B, 5)
    whole = [*scope.whole, scope.whole.all()]
    found = {}
    for number, name in enumerate(FIGURES):
        why = why_of(scope, number)
        one = figure(exact[number], drawn[:, number], settings, why=why)
        found[name] = one | {"whole": bool(whole[number]), "why": why or one["why"]}
    return found


def _cells(rows: Graded, values: np.ndarray, settings: EvaluationSettings) -> list[dict]:
    """By condition and level, where anything is answered: condition, level, rows, score, interval."""
    sums = cell_sums(rows, values)
    counts = np.bincount(cell_of(rows), minlength=len(Condition) * len(Level))
    drawn = ratio(*np.hsplit(replicate_sums(np.hstack([sums.loss, sums.weight]), settings), 2))
    exact = ratio(sums.loss.sum(axis=0), sums.weight.sum(axis=0))
    cells = [(condition, level) for condition in Condition for level in Level]
    found = []
    for cell in np.flatnonzero(counts):
        ends = interval(drawn[:, cell], settings)
        found.append({"condition": cells[cell][0].value, "level": cells[cell][1].value, "rows": int(counts[cell]),
                      "score": exact[cell], "interval": [ends.low, ends.high]})
    return found


def _missing(rows: Graded, answers: Answers, scope: Scope) -> list[dict]:
    """Labelled rows of the answered studies without an answer: condition, level, rows, of."""
    inside = np.isin(rows.studies, scope.rows.studies)[rows.study]
    absent = inside & ~answers.answered[rows.labelled]
    cells = [(condition, level) for condition in Condition for level in Level]
    lost, of = (np.bincount(cell_of(rows)[part], minlength=len(cells)) for part in (absent, inside))
    return [{"condition": condition.value, "level": level.value, "rows": int(lost[cell]), "of": int(of[cell])}
            for cell, (condition, level) in enumerate(cells) if lost[cell]]


def _fold_of_study(rows: Graded, answers: Answers) -> np.ndarray:
    """The fold (n,) that the files say of each study; nan where they say none, or several."""
    study = rows.row_ids.str.split("_", n=1).str[0].astype("int64")
    folds = pd.Series(answers.fold[answers.answered]).groupby(study.to_numpy()).agg(["min", "max"])
    return folds["min"].where(folds["min"] == folds["max"]).reindex(rows.studies).to_numpy(float)
