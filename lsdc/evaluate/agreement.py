"""Agreement of predicted and read grades, by condition, from confusion matrices summed by study."""

import numpy as np

from lsdc.evaluate.graded import CONDITION_OF_TARGET, Graded
from lsdc.evaluate.metric import ratio
from lsdc.taxonomy import Condition, Severity

_SIZE = len(Severity)
_DISTANCE = np.abs(np.subtract.outer(np.arange(_SIZE), np.arange(_SIZE)))  # (3, 3)


def confusion_sums(rows: Graded, values: np.ndarray) -> np.ndarray:
    """Labelled rows of each study by condition, read and predicted grade: (n, 3 conditions, 3 read, 3 predicted).

    values (all rows, 3); the predicted grade is the most probable one as the predictions stand, weights included.
    """
    predicted = values[rows.labelled].argmax(axis=1)
    cell = (CONDITION_OF_TARGET[rows.target] * _SIZE + rows.severity) * _SIZE + predicted
    counts = rows.sum_by_study(np.ones(len(cell)), cell, len(Condition) * _SIZE**2)
    return counts.reshape(len(rows.studies), len(Condition), _SIZE, _SIZE)


def linear_kappa(confusion: np.ndarray) -> np.ndarray:
    """Cohen's kappa with linear weights (Cohen 1968) of confusion (..., 3, 3); nan where chance alone agrees fully."""
    read, predicted = confusion.sum(axis=-1), confusion.sum(axis=-2)  # (..., 3)
    total = read.sum(axis=-1)
    expected = np.einsum("...i,...j,ij->...", read, predicted, _DISTANCE)
    return 1 - ratio((confusion * _DISTANCE).sum(axis=(-2, -1)) * total, expected)


def accuracy(confusion: np.ndarray) -> np.ndarray:
    """Share of the diagonal of confusion (..., 3, 3)."""
    return ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum(axis=(-2, -1)))
