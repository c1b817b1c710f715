"""Small tables of grades and predictions."""

import numpy as np
import pandas as pd
import pytest

from lsdc.config import EvaluationSettings
from lsdc.seeding import generator
from lsdc.tables import GRADES, SUBMISSION
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, row_id


@pytest.fixture
def settings() -> EvaluationSettings:
    return EvaluationSettings(bootstrap=400, interval=0.95, seed=3)


@pytest.fixture
def make_grades():
    def make(studies: int, seed: int = 0, rates=(0.6, 0.2, 0.15, 0.05)) -> pd.DataFrame:
        """GRADES of random severities; rates of normal, moderate, severe and missing."""
        draw = generator(seed, "test grades")
        return GRADES.frame([
            {"study_id": 900 + 13 * number, "condition": t.condition, "side": t.side, "level": t.level,
             "severity": draw.choice([*SEVERITY_COLUMNS, None], p=rates)}
            for number in range(studies) for t in TARGETS
        ])
    return make


@pytest.fixture
def make_predictions():
    def make(grades: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
        """SUBMISSION of random probabilities for every row of the grades, in a shuffled order."""
        draw = generator(seed, "test predictions")
        ids = [row_id(study, target) for study in grades["study_id"].unique() for target in TARGETS]
        rows = pd.DataFrame(draw.dirichlet([1.0, 0.7, 0.5], len(ids)), columns=list(SEVERITY_COLUMNS))
        rows.insert(0, "row_id", ids)
        return SUBMISSION.frame(rows.sample(frac=1, random_state=seed))
    return make


@pytest.fixture
def make_answer():
    def make(grades: pd.DataFrame, sureness: float) -> pd.DataFrame:
        """Predictions that give the true severity this probability (one third where there is no label)."""
        truth = pd.Index(SEVERITY_COLUMNS).get_indexer(grades["severity"])
        values = np.full((len(grades), 3), (1 - sureness) / 2)
        values[np.arange(len(grades)), truth] = sureness
        values[truth < 0] = 1 / 3
        rows = pd.DataFrame(values, columns=list(SEVERITY_COLUMNS))
        columns = [t.column for t in TARGETS] * grades["study_id"].nunique()
        rows.insert(0, "row_id", [f"{study}_{name}" for study, name in zip(grades["study_id"], columns, strict=True)])
        return SUBMISSION.frame(rows)
    return make
