"""Scoring: the metric and its bootstrap against the published function, on a table as large as the competition's."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from lsdc.bench.scores import write_tables
from lsdc.bench.stages.ground import Ground
from lsdc.bench.stages.published_metric import published_score, solution_of
from lsdc.bench.stages.race import Race, Rival
from lsdc.competition.grades import read_grades
from lsdc.config import EvaluationSettings
from lsdc.evaluate.bootstrap import replicate_counts, score_replicates
from lsdc.evaluate.graded import Graded, graded
from lsdc.evaluate.metric import Score, score, study_sums
from lsdc.evaluate.probabilities import probabilities
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS

SCORED_STUDIES = 2000  # about as many as the competition has
REPLICATES = 100  # that the seconds are of
PUBLISHED = "the published function (pandas, scikit-learn)"


class Scored(NamedTuple):
    """grades: GRADES; answers: a submission; solution: the grades as the published function wants them."""

    grades: pd.DataFrame
    answers: pd.DataFrame
    solution: pd.DataFrame
    rows: Graded
    values: np.ndarray


def scored(ground: Ground, studies: int) -> Scored:
    """Labels of a phantom of so many studies, answered by its floor in the order of the competition's sample."""
    place = ground.scratch / f"scored-{studies}"
    place.mkdir(exist_ok=True)
    truth, answers = write_tables(place, ground.settings.phantom.seed, studies)
    grades, frame = read_grades(truth), pd.read_csv(answers)
    study = frame["row_id"].str.split("_", n=1).str[0].astype("int64")
    frame = _read_again(frame.assign(study=study).sort_values(["study", "row_id"]).drop(columns="study"), answers)
    rows = graded(grades)
    return Scored(grades, frame, solution_of(grades), rows, probabilities(frame, rows.order))


def _read_again(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """A table as one has it from a file, where its texts lie in memory as they follow each other."""
    frame.to_csv(path, index=False)
    return pd.read_csv(path)


def metric(ground: Ground, studies: int = SCORED_STUDIES) -> Race:
    """Predictions in the sample's order checked, joined and scored, the grades prepared before, as for many of them.

    The published function gets its table of grades with weights and severities laid out beforehand too.
    """
    told = scored(ground, studies)
    return Race(lambda: score(told.rows, told.answers), f"{studies * len(TARGETS):,} rows",
                "Python (row ids compared)",
                (Rival(PUBLISHED, lambda: published_score(told.solution, told.answers), goal=20, agrees=same_score),),
                bound=lambda: np.log(told.values + 1e-15))


def metric_mixed(ground: Ground, studies: int = SCORED_STUDIES) -> Race:
    """The same with predictions in no order, each of whose rows has to be looked up."""
    told = scored(ground, studies)
    mixed = _read_again(told.answers.sample(frac=1, random_state=ground.settings.seed), ground.scratch / "mixed.csv")
    return Race(lambda: score(told.rows, mixed), f"{studies * len(TARGETS):,} rows, in no order",
                "Python (row ids looked up)",
                (Rival(PUBLISHED, lambda: published_score(told.solution, mixed), agrees=same_score),),
                bound=lambda: np.log(told.values + 1e-15))


def metric_once(ground: Ground, studies: int = SCORED_STUDIES) -> Race:
    """The same with a table of grades that nobody has looked at yet: every cell of it is checked."""
    told = scored(ground, studies)
    return Race(lambda: score(told.grades, told.answers), f"{studies * len(TARGETS):,} rows, grades checked",
                "Python (cells checked)",
                (Rival(PUBLISHED, lambda: published_score(told.solution, told.answers), agrees=same_score),),
                bound=lambda: np.log(told.values + 1e-15))


def same_score(ours: Score, published: dict[str, float]) -> bool:
    return _equal([getattr(ours, name) for name in published], list(published.values()))


def _equal(ours: Sequence[float], published: Sequence[float]) -> bool:
    return np.allclose(ours, published, rtol=0, atol=1e-12)


def bootstrap(ground: Ground, studies: int = SCORED_STUDIES) -> Race:
    told, settings = scored(ground, studies), ground.settings.evaluation
    sums = study_sums(told.rows, told.values)
    counts = next(replicate_counts(studies, settings))
    products = np.concatenate([counts] * (1 + REPLICATES // len(counts)))[:REPLICATES].astype(np.float64)
    per_study = np.hstack([sums.loss, sums.weight])
    published = PublishedReplicate(told, settings)
    return Race(lambda: score_replicates([sums], settings), f"{REPLICATES} replicates", "drawing the studies", (
        Rival("the published function, studies drawn beforehand", published, times=1 / REPLICATES,
              agrees=lambda ours, its: _equal(ours[0, 0], list(its.values()))),
    ), bound=lambda: products @ per_study, times=settings.bootstrap / REPLICATES)


class PublishedReplicate:
    """The first replicate of our bootstrap as published, its studies put together beforehand under ids of their own."""

    def __init__(self, told: Scored, settings: EvaluationSettings):
        counts = next(replicate_counts(len(told.rows.studies), settings))[0]
        drawn = np.repeat(told.rows.studies, counts)
        self.solution, self.answers = (_together(_by_study(table), drawn) for table in (told.solution, told.answers))

    def __call__(self) -> dict[str, float]:
        return published_score(self.solution, self.answers)


def _together(parts: dict[int, pd.DataFrame], drawn: np.ndarray) -> pd.DataFrame:
    rows = [parts[study] for study in drawn if study in parts]
    numbers = np.repeat(np.arange(len(rows)), [len(one) for one in rows]).astype(str)
    table = pd.concat(rows, ignore_index=True)
    return table.drop(columns="target").assign(row_id=pd.Series(numbers) + "_" + table["target"])


def _by_study(table: pd.DataFrame) -> dict[int, pd.DataFrame]:
    parts = table["row_id"].str.split("_", n=1, expand=True)
    values = table.drop(columns="row_id").assign(target=parts[1])
    kept = [name for name in values if name in {*SEVERITY_COLUMNS, "sample_weight", "target"}]
    return {int(study): rows for study, rows in values[kept].groupby(parts[0])}
