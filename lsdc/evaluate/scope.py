"""What of the truth is scored where predictions are partial: the rows answered, and which terms these make whole."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lsdc.evaluate.graded import Graded, graded
from lsdc.evaluate.metric import StudySums, study_sums
from lsdc.taxonomy import Condition

_CANAL = list(Condition).index(Condition.CANAL)


@dataclass(frozen=True, eq=False)
class Scope:
    """The answered part of a truth.

    rows: its labelled rows and studies; answered (all rows,) what was asked of; of each of the TERMS: scored and
    wanted (4,) labelled rows (studies for any_severe) that are answered, and that the answered studies have.
    broken (n,): studies of `rows` that lack a labelled canal row, so that they say nothing of any_severe.
    """

    rows: Graded
    answered: np.ndarray
    scored: np.ndarray
    wanted: np.ndarray
    broken: np.ndarray

    @property
    def whole(self) -> np.ndarray:
        """Which TERMS have every labelled row of the answered studies, (4,) bool."""
        return (self.scored == self.wanted) & (self.wanted > 0)

    def why(self, term: int) -> str:
        """Why a term is not whole, or cannot be computed; "" where it is whole."""
        if self.whole[term]:
            return ""
        kind = "labelled rows" if term < len(Condition) else "studies with all their labelled canal rows"
        if self.wanted[term] == 0:
            return "no labelled canal row" if term == len(Condition) else "no labelled row"
        if self.scored[term] == 0:
            return f"none of {self.wanted[term]} {kind} answered"
        return f"only {self.scored[term]} of {self.wanted[term]} {kind} answered"

    def sums(self, values: np.ndarray) -> StudySums:
        """`study_sums` of values (all rows of the truth, 3); any_severe without the broken studies."""
        sums = study_sums(self.rows, values[self.answered])
        kept = np.where(self.broken, 0.0, 1.0)
        for part in (sums.loss, sums.weight):
            part[:, -1] *= kept
        return sums


def scope_of(grades: pd.DataFrame, rows: Graded, answered: np.ndarray) -> Scope | None:
    """The part of a GRADES table (and `graded` of it) that `answered` (all rows,) names; None without a labelled row.

    Studies of which no row is answered are outside.
    """
    labelled = rows.labelled & answered
    if not labelled.any():
        return None
    there = graded(grades[answered]) if not answered.all() else rows
    of_study = np.isin(rows.studies, there.studies)  # (all studies,)
    asked, got = of_study[rows.study], answered[rows.labelled]  # (m,)
    condition = rows.condition
    wanted = np.bincount(condition[asked], minlength=len(Condition))
    scored = np.bincount(condition[asked & got], minlength=len(Condition))
    canal = asked & (condition == _CANAL)
    with_canal, lacking = (np.unique(rows.study[part]) for part in (canal, canal & ~got))
    broken = np.isin(there.studies, rows.studies[lacking])
    return Scope(there, answered, np.append(scored, len(with_canal) - len(lacking)),
                 np.append(wanted, len(with_canal)), broken)
