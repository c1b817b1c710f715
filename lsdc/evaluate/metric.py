"""The competition's metric, by itself: four weighted log losses and their mean.

Source: the competition's evaluation page and its published scorer (sklearn.metrics.log_loss with sample weights),
without its traps: rows are joined by row_id, inputs are checked and never changed.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lsdc.evaluate.graded import LEVEL_OF_TARGET, CanalRows, Graded, graded
from lsdc.evaluate.probabilities import probabilities
from lsdc.taxonomy import Condition, Level

TERMS = (*(condition.value for condition in Condition), "any_severe")
_EPS = np.finfo(np.float64).eps  # scikit-learn's log_loss clips to [eps, 1 - eps] of the predictions' dtype


@dataclass(frozen=True)
class Score:
    """Four terms and their mean, lower is better; nan where no labelled row says anything.

    `rows` counts the labelled rows, `studies` the studies they come from.
    """

    canal: float
    foraminal: float
    subarticular: float
    any_severe: float
    total: float
    rows: int
    studies: int


@dataclass(frozen=True, eq=False)
class StudySums:
    """What each study adds to a score: sums over studies of `loss` divided by those of `weight` are the figures.

    studies (n,); loss, weight (n, k); k = 4 for TERMS, or the 15 cells of condition x level.
    """

    studies: np.ndarray
    loss: np.ndarray
    weight: np.ndarray


def score(grades: pd.DataFrame | Graded, predictions: pd.DataFrame, *, where: object = None) -> Score:
    """Score of predictions (row_id, normal_mild, moderate, severe) against all studies of a GRADES table.

    Who scores many predictions against the same grades gives `graded(grades)`, so that these are checked once.

    Rows without a grade are not scored, but must be there. Any-severe: for a study with a labelled canal row, the
    label is whether any is severe, the prediction the largest `severe` and the weight the largest weight of these rows.
    TableError with every fault of the predictions; `where` names their file in it.
    """
    rows = grades if isinstance(grades, Graded) else graded(grades)
    sums = study_sums(rows, probabilities(predictions, rows.order, where=where))
    terms = terms_and_total(sums.loss.sum(axis=0), sums.weight.sum(axis=0))
    return Score(*map(float, terms), rows=len(rows.severity), studies=int(np.count_nonzero(np.bincount(rows.study))))


def study_sums(rows: Graded, values: np.ndarray) -> StudySums:
    """Loss and weight of each study in each of the TERMS; values (all rows, 3) in the order of `rows.row_ids`."""
    values = np.ravel(values)
    loss = rows.weight * _log_loss(values[rows.of_truth])
    return StudySums(
        rows.studies,
        np.column_stack([rows.sum_by_study(loss, rows.condition, len(Condition)), _any_severe(rows.canal, values)]),
        np.column_stack([rows.condition_weight, rows.canal.weight]),
    )  # (n, 4) each


def cell_sums(rows: Graded, values: np.ndarray) -> StudySums:
    """Loss and weight of each study in the 15 cells condition x level, level fastest; both sides pooled."""
    loss = rows.weight * _log_loss(np.ravel(values)[rows.of_truth])
    cell = cell_of(rows)
    cells = len(Condition) * len(Level)
    return StudySums(rows.studies, rows.sum_by_study(loss, cell, cells), rows.sum_by_study(rows.weight, cell, cells))


def cell_of(rows: Graded) -> np.ndarray:
    """Cell condition x level (m,) of the labelled rows, level fastest."""
    return rows.condition * len(Level) + LEVEL_OF_TARGET[rows.target]


def terms_and_total(loss: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The TERMS and their mean (..., 5) from summed loss and weight (..., 4); nan where the weight is 0."""
    terms = ratio(loss, weight)
    return np.concatenate([terms, terms.mean(axis=-1, keepdims=True)], axis=-1)


def ratio(loss: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """loss / weight, nan where the weight is 0."""
    return np.divide(loss, weight, out=np.full(np.shape(weight), np.nan), where=np.asarray(weight) > 0)


def _any_severe(canal: CanalRows, values: np.ndarray) -> np.ndarray:
    """Loss (n,) of the any-severe term; values (all rows * 3,). 0 without a labelled canal row, as its weight is."""
    predicted = np.zeros(len(canal.weight))
    np.maximum.at(predicted, canal.study, values[canal.of_severe])
    return canal.weight * _log_loss(np.where(canal.any_severe, predicted, 1 - predicted))


def _log_loss(probability_of_truth: np.ndarray) -> np.ndarray:
    return -np.log(np.clip(probability_of_truth, _EPS, 1 - _EPS))
