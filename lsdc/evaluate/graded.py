"""The labelled rows of a grades table as arrays, in one order that every figure shares."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from lsdc.errors import TableError
from lsdc.evaluate.row_order import RowOrder
from lsdc.tables import GRADES
from lsdc.taxonomy import SEVERITY_COLUMNS, SEVERITY_WEIGHTS, TARGETS, Condition, Level, Severity, Side

CONDITION_OF_TARGET = np.array([list(Condition).index(target.condition) for target in TARGETS])  # (25,)
LEVEL_OF_TARGET = np.array([list(Level).index(target.level) for target in TARGETS])  # (25,)
_PARTS = {name: pd.Index([one.value for one in kind]) for name, kind in (
    ("condition", Condition), ("side", Side), ("level", Level))}
_TARGET_OF_PARTS = np.full([len(index) for index in _PARTS.values()], -1)  # by condition, side, level
for _number, _target in enumerate(TARGETS):
    _TARGET_OF_PARTS[tuple(_PARTS[name].get_loc(getattr(_target, name).value) for name in _PARTS)] = _number
_TARGET_COLUMNS = np.array([target.column for target in TARGETS], dtype=object)


class CanalRows(NamedTuple):
    """The c labelled canal rows: study (c,) index into studies, of_severe (c,) index into probabilities (all rows, 3),
    row after row. Of each study: any_severe (n,) bool, whether one of its rows is; weight (n,) its rows' largest, 0
    where it has none.
    """

    study: np.ndarray
    of_severe: np.ndarray
    any_severe: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True, eq=False)
class Graded:
    """studies (n,) ascending; order of all rows, labelled or not; of the m labelled rows (`labelled` (rows,)):
    study (m,) index into studies, target (m,) index into TARGETS, severity (m,) 0 to 2, weight (m,) 1, 2 or 4.
    What follows from these is remembered: many predictions are scored against the same grades.
    """

    studies: np.ndarray
    order: RowOrder
    labelled: np.ndarray
    study: np.ndarray
    target: np.ndarray
    severity: np.ndarray
    weight: np.ndarray

    @property
    def row_ids(self) -> pd.Index:
        return self.order.row_ids

    @cached_property
    def condition(self) -> np.ndarray:
        """(m,) index into Condition."""
        return CONDITION_OF_TARGET[self.target]

    @cached_property
    def of_truth(self) -> np.ndarray:
        """(m,) index into probabilities (all rows, 3), row after row: what was said of the severity that is true."""
        return np.flatnonzero(self.labelled) * len(SEVERITY_COLUMNS) + self.severity

    @cached_property
    def condition_weight(self) -> np.ndarray:
        """(n, conditions) sums of the weights; read-only."""
        sums = self.sum_by_study(self.weight, self.condition, len(Condition))
        sums.flags.writeable = False
        return sums

    @cached_property
    def canal(self) -> CanalRows:
        return _canal_rows(self)

    def sum_by_study(self, values: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
        """Sums of values (m,) of the labelled rows by study and group (m,): (n, groups)."""
        cell = self.study * groups + group
        return np.bincount(cell, values, minlength=len(self.studies) * groups).reshape(-1, groups)


def graded(grades: pd.DataFrame) -> Graded:
    """Arrays of a GRADES table; TableError when it does not fit its declaration or nothing is labelled."""
    grades = GRADES.check(grades)
    target = _TARGET_OF_PARTS[tuple(index.get_indexer(grades[name]) for name, index in _PARTS.items())]
    if (wrong := target < 0).any():
        keys = ["/".join(row) for row in grades.loc[wrong, list(_PARTS)].drop_duplicates()[:3].to_numpy()]
        raise TableError("grades of targets that do not exist", wanted="canal on the midline, the others left or right",
                         got=", ".join(keys), remedy="correct the grades")
    labelled = grades["severity"].notna().to_numpy(bool)
    if not labelled.any():
        raise TableError("there is nothing to score", wanted="at least one study with a grade",
                         got=f"{len(grades)} rows without a grade", remedy="score studies of the training part")
    studies, study = np.unique(grades["study_id"].to_numpy(), return_inverse=True)
    severity = pd.Index(SEVERITY_COLUMNS).get_indexer(grades["severity"][labelled])
    row_ids = grades["study_id"].astype(str).to_numpy(object) + "_" + _TARGET_COLUMNS[target]
    return Graded(
        studies=studies,
        order=RowOrder(pd.Index(row_ids, name="row_id"), study, target),
        labelled=labelled,
        study=study[labelled],
        target=target[labelled],
        severity=severity,
        weight=np.array(SEVERITY_WEIGHTS, dtype=np.float64)[severity],
    )


def _canal_rows(rows: Graded) -> CanalRows:
    canal = rows.condition == list(Condition).index(Condition.CANAL)
    study, severity, weight = rows.study[canal], rows.severity[canal], np.zeros(len(rows.studies))
    np.maximum.at(weight, study, rows.weight[canal])
    return CanalRows(
        study=study,
        of_severe=np.flatnonzero(rows.labelled)[canal] * len(SEVERITY_COLUMNS) + int(Severity.SEVERE),
        any_severe=np.bincount(study, severity == Severity.SEVERE, minlength=len(weight)) > 0,
        weight=weight,
    )
