"""What several models said of the same studies, as arrays: studies, models, 25 targets, 3 severities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, row_id
from lsdc.weighting import unweighted


@dataclass(frozen=True, eq=False)
class Answers:
    """plain (n, m, 25, 3): probabilities without the metric's weights, zeros where a model has no answer of its own;
    present (n, m, 25): 1.0 where it has one, else 0.0. Studies (n,) in a given order, models in that of the blend.
    """

    studies: np.ndarray
    plain: np.ndarray
    present: np.ndarray

    def of(self, chosen: np.ndarray) -> "Answers":
        """Only the chosen studies: indices or a mask (n,)."""
        return Answers(self.studies[chosen], self.plain[chosen], self.present[chosen])

    def of_models(self, chosen: Sequence[int]) -> "Answers":
        """Only these models, by index."""
        return replace(self, plain=self.plain[:, list(chosen)], present=self.present[:, list(chosen)])


@dataclass(frozen=True, eq=False)
class Stack:
    """Answers beside the truth: severity (n, 25) 0 to 2, or -1 without a label; fold (n,) that held the study out."""

    models: tuple[str, ...]
    answers: Answers
    severity: np.ndarray
    fold: np.ndarray

    def of(self, chosen: np.ndarray) -> "Stack":
        """Only the chosen studies: indices or a mask (n,)."""
        return replace(self, answers=self.answers.of(chosen), severity=self.severity[chosen], fold=self.fold[chosen])


def answers_of(frames: Mapping[str, pd.DataFrame], models: Sequence[str], studies: Sequence[int]) -> Answers:
    """Answers from PREDICTIONS frames by model; a model may lack rows, or its whole frame.

    A row whose `fallback` is filled was answered by priors, not by the model, and counts as missing.
    """
    rows = pd.Index([row_id(study, target) for study in studies for target in TARGETS])
    shape = (len(studies), len(TARGETS))
    plain = np.zeros((len(studies), len(models), len(TARGETS), len(SEVERITY_COLUMNS)))
    present = np.zeros((len(studies), len(models), len(TARGETS)))
    for number, model in enumerate(models):
        if model not in frames:
            continue
        frame = frames[model]
        own = frame[frame["fallback"].isna().to_numpy(bool)].set_index("row_id")
        place = own.index.get_indexer(rows)
        there = (place >= 0).reshape(shape)
        values = own[list(SEVERITY_COLUMNS)].to_numpy(np.float64)[place[place >= 0]]
        plain[:, number][there] = unweighted(values)
        present[:, number] = there
    return Answers(np.asarray(studies, dtype=np.int64), plain, present)


def severity_of(grades: pd.DataFrame, studies: Sequence[int]) -> np.ndarray:
    """(n, 25) severities 0 to 2 of a GRADES table in the order of studies and TARGETS, -1 where there is none."""
    texts = grades.astype({"condition": str, "side": str, "level": str})
    found = texts.set_index(["study_id", "condition", "side", "level"])["severity"]
    wanted = pd.MultiIndex.from_tuples([(study, *map(str, target)) for study in studies for target in TARGETS])
    cells = found.reindex(wanted).to_numpy(object)
    return pd.Index(SEVERITY_COLUMNS).get_indexer(cells).reshape(len(studies), len(TARGETS))


def rows_of(studies: np.ndarray, values: np.ndarray) -> pd.DataFrame:
    """row_id and the three probabilities of values (n, 25, 3), study after study."""
    frame = pd.DataFrame(values.reshape(-1, values.shape[-1]), columns=list(SEVERITY_COLUMNS))
    frame.insert(0, "row_id", [row_id(study, target) for study in studies.tolist() for target in TARGETS])
    return frame
