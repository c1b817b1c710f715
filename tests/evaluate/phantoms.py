"""Labels of phantom studies and the exact probabilities behind them, without images."""

import numpy as np
import pandas as pd

from lsdc.phantom.latents import draw_labels
from lsdc.tables import GRADES, SUBMISSION
from lsdc.taxonomy import SEVERITY_COLUMNS, SEVERITY_WEIGHTS, TARGETS, row_id


def phantom_grades(studies: int, *, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """GRADES of studies 1, 2, ... and P(severity | z) (rows, 3) of each row, without the metric's weights."""
    labels = [draw_labels(seed, "train", index) for index in range(studies)]
    rows = pd.DataFrame(TARGETS * studies, columns=["condition", "side", "level"])
    severity = np.array(SEVERITY_COLUMNS)[np.concatenate([one.severity for one in labels])]
    grades = rows.assign(study_id=np.repeat(np.arange(1, studies + 1), len(TARGETS)), severity=severity)
    return GRADES.frame(grades), np.concatenate([one.probabilities for one in labels])


def weighted(values: np.ndarray, power: float = 1.0) -> np.ndarray:
    """Values (rows, 3) times the metric's weights to a power, normalised."""
    return normal(values * np.array(SEVERITY_WEIGHTS, dtype=float) ** power)


def normal(values: np.ndarray) -> np.ndarray:
    return values / values.sum(axis=1, keepdims=True)


def submission(grades: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    """A SUBMISSION table of values (rows, 3) in the order of grades of whole studies."""
    ids = [row_id(study, target) for study in grades["study_id"].unique() for target in TARGETS]
    rows = pd.DataFrame(values, columns=list(SEVERITY_COLUMNS))
    rows.insert(0, "row_id", ids)
    return SUBMISSION.frame(rows)


def train_csv(grades: pd.DataFrame) -> pd.DataFrame:
    """Grades of whole studies in the form of train.csv."""
    titles = {"normal_mild": "Normal/Mild", "moderate": "Moderate", "severe": "Severe"}
    cells = grades["severity"].map(titles).to_numpy(object).reshape(-1, len(TARGETS))
    wide = pd.DataFrame(cells, columns=[target.column for target in TARGETS])
    wide.insert(0, "study_id", grades["study_id"].unique())
    return wide
