"""Bootstrap over studies: rows of one patient are not independent, so whole studies are drawn.

Every figure here is a ratio of sums over studies, so a replicate is a vector of counts (how often each study was
drawn) times the per-study sums. Figures of the same studies share the counts: their differences are paired.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lsdc.config import EvaluationSettings
from lsdc.errors import TableError
from lsdc.evaluate.graded import graded
from lsdc.evaluate.metric import StudySums, study_sums, terms_and_total
from lsdc.evaluate.probabilities import probabilities
from lsdc.seeding import generator

_CHUNK = 250  # replicates at once, so that memory stays small for many studies


@dataclass(frozen=True)
class Interval:
    """Percentile interval; nan when no replicate could be computed."""

    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """One score minus another on the same studies, negative when the first is better (lower).

    p_better: share of replicates in which the first is better, ties counted half.
    inside_noise: the interval holds 0, so the data do not tell which is better.
    """

    value: float
    interval: Interval
    p_better: float
    inside_noise: bool


def replicate_counts(count: int, settings: EvaluationSettings) -> Iterator[np.ndarray]:
    """How often each of `count` studies is drawn, (replicates of a chunk, count), chunk after chunk.

    count studies are drawn with replacement each time; the draws depend on the settings and the count only.
    """
    draw = generator(settings.seed, "bootstrap", count)
    for start in range(0, settings.bootstrap, _CHUNK):
        size = min(_CHUNK, settings.bootstrap - start)
        drawn = draw.integers(count, size=(size, count)) + np.arange(size)[:, None] * count
        yield np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count)


def replicate_sums(per_study: np.ndarray, settings: EvaluationSettings) -> np.ndarray:
    """Sums over drawn studies (replicates, k) of per_study (n, k): n studies drawn with replacement each time."""
    return np.concatenate([counts.astype(np.float64) @ per_study
                           for counts in replicate_counts(len(per_study), settings)])


def replicate_quantiles(
    values: np.ndarray, study: np.ndarray, count: int, shares: Sequence[float], settings: EvaluationSettings
) -> np.ndarray:
    """Quantiles (replicates, shares) of values (m,) whose studies (m,), of `count`, are drawn; nan where none is.

    A quantile is the smallest value that at least this share of the drawn values do not exceed.
    """
    order = np.argsort(values, kind="stable")
    values, study = np.append(values[order], np.nan), study[order]
    found = []
    for counts in replicate_counts(count, settings):
        ranks = np.cumsum(counts[:, study], axis=1, dtype=np.int32)  # (B, m)
        wanted = np.ceil(np.multiply.outer(counts[:, study].sum(axis=1), shares))  # (B, shares)
        found.append([[np.searchsorted(row, most) if most > 0 else len(order) for most in need]
                      for row, need in zip(ranks, wanted, strict=True)])
    return values[np.concatenate(found)]


def score_replicates(tables: Sequence[StudySums], settings: EvaluationSettings) -> np.ndarray:
    """Replicates (tables, replicates, 5) of the four terms and the total, all tables on the same draws."""
    if any(not np.array_equal(table.studies, tables[0].studies) for table in tables):
        raise TableError("a paired comparison needs the same studies", wanted=f"{len(tables[0].studies)} studies",
                         got=", ".join(str(len(table.studies)) for table in tables),
                         remedy="score both predictions on the same studies")
    sums = replicate_sums(np.hstack([part for table in tables for part in (table.loss, table.weight)]), settings)
    terms = tables[0].loss.shape[1]
    split = sums.reshape(len(sums), len(tables), 2, terms).transpose(2, 1, 0, 3)  # (loss or weight, tables, B, 4)
    return terms_and_total(split[0], split[1])


def interval(replicates: np.ndarray, settings: EvaluationSettings) -> Interval:
    """Percentile interval of replicates (B,); those that could not be computed (nan) are left out."""
    usable = replicates[np.isfinite(replicates)]
    if len(usable) == 0:
        return Interval(np.nan, np.nan)
    outside = (1 - settings.interval) / 2
    return Interval(*map(float, np.quantile(usable, [outside, 1 - outside])))


def difference(value: float, replicates: np.ndarray, settings: EvaluationSettings) -> Difference:
    """A difference of two scores from its value and its replicates (B,)."""
    between = interval(replicates, settings)
    usable = replicates[np.isfinite(replicates)]
    better = float(np.mean((usable < 0) + (usable == 0) / 2)) if len(usable) else np.nan
    return Difference(float(value), between, better, not (between.high < 0 or between.low > 0))


def compare(
    grades: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame, settings: EvaluationSettings
) -> Difference:
    """Total score of the first predictions minus that of the second, on all studies of the grades."""
    rows = graded(grades)
    tables = [study_sums(rows, probabilities(frame, rows.order)) for frame in (first, second)]
    a, b = score_replicates(tables, settings)[..., -1]
    totals = [terms_and_total(table.loss.sum(axis=0), table.weight.sum(axis=0))[-1] for table in tables]
    return difference(totals[0] - totals[1], a - b, settings)


def share_of_way(priors: np.ndarray, model: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """(priors - model) / (priors - floor): 0 is the table of priors, 1 the best reachable.

    nan where the priors are not above the floor (few studies, by luck), so that there is no way to measure.
    """
    way = np.asarray(priors - floor, dtype=np.float64)
    return np.divide(priors - model, way, out=np.full(way.shape, np.nan), where=way > 0)
