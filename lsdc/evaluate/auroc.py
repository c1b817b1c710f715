"""Area under the ROC curve of drawn studies: the share of pairs of a positive and a negative row in the right order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lsdc.config import EvaluationSettings
from lsdc.evaluate.bootstrap import replicate_counts
from lsdc.evaluate.metric import ratio

_AT_ONCE = 16  # replicates, so that the working arrays stay small


@dataclass(frozen=True, eq=False)
class Ranking:
    """Rows of the class with fewer rows, by rising score, and those of the other: (f,) and (m - f,) study indices.

    below, upto (m - f,): how many of the few have a smaller score than each of the many, and one that is not larger;
    tied: which of the many these differ for; many_positive: whether the many are the positive rows.
    """

    few: np.ndarray
    many: np.ndarray
    below: np.ndarray
    upto: np.ndarray
    tied: np.ndarray
    many_positive: bool


def ranking(score: np.ndarray, positive: np.ndarray, study: np.ndarray) -> Ranking:
    """Order of rows with score (m,), label (m,) bool and study index (m,)."""
    many_positive = bool(positive.sum() > len(positive) / 2)
    many = positive == many_positive
    order = np.argsort(score[~many], kind="stable")
    few = score[~many][order]
    below, upto = (np.searchsorted(few, score[many], side) for side in ("left", "right"))
    return Ranking(study[~many][order], study[many], below, upto, np.flatnonzero(below < upto), many_positive)


def auroc(ranked: Ranking, counts: np.ndarray) -> np.ndarray:
    """AUROC (b,) when each study counts as often as counts (n, b) says; a tie is half right; nan with one class.

    This is the Mann-Whitney form (Hanley and McNeil 1982), rows repeated with their study.
    """
    few = np.zeros((len(ranked.few) + 1, counts.shape[1]))
    np.cumsum(counts.take(ranked.few, axis=0), axis=0, out=few[1:])
    many = counts.take(ranked.many, axis=0)  # (m - f, b)
    above = few.take(ranked.below, axis=0)  # of the few, those that each of the many is above
    above[ranked.tied] += (few[ranked.upto[ranked.tied]] - above[ranked.tied]) / 2
    all_many = np.bincount(ranked.many, minlength=len(counts)) @ counts  # (b,)
    share = ratio(np.einsum("mb,mb->b", many, above), all_many * few[-1])
    return share if ranked.many_positive else 1 - share


def auroc_replicates(
    rankings: Sequence[Ranking], studies: int, settings: EvaluationSettings
) -> tuple[np.ndarray, np.ndarray]:
    """AUROC (rankings,) and its replicates (rankings, B), all on the same draws of studies."""
    once = np.ones((studies, 1))
    drawn = []
    for counts in replicate_counts(studies, settings):
        for start in range(0, len(counts), _AT_ONCE):
            part = np.ascontiguousarray(counts[start:start + _AT_ONCE].T, dtype=np.float64)  # (n, b)
            drawn.append(np.stack([auroc(ranked, part) for ranked in rankings]))
    return np.array([auroc(ranked, once)[0] for ranked in rankings]), np.concatenate(drawn, axis=1)
