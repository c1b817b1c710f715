"""The competition's metric as its published scorer goes about it, on pandas and scikit-learn, row by row.

Written from what the evaluation page says, without its lack of checks; ours is `lsdc.evaluate.metric`. It is what ours
is compared with, in value (the tests) and in time (the bench).
"""

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from lsdc.taxonomy import SEVERITY_COLUMNS, SEVERITY_WEIGHTS, Target

COLUMNS = list(SEVERITY_COLUMNS)
WORDS = {"canal": "spinal", "foraminal": "foraminal", "subarticular": "subarticular"}


def solution_of(grades: pd.DataFrame) -> pd.DataFrame:
    """The labelled rows of a GRADES table as the scorer wants them: row_id, one column a severity, sample_weight."""
    known = grades.dropna(subset=["severity"])
    names = [f"{row.study_id}_{Target(row.condition, row.side, row.level).column}" for row in known.itertuples()]
    solution = pd.DataFrame({"row_id": names, **{
        name: (known["severity"] == name).to_numpy(int) for name in COLUMNS}})
    return solution.assign(sample_weight=solution[COLUMNS].to_numpy() @ np.array(SEVERITY_WEIGHTS))


def published_score(solution: pd.DataFrame, submission: pd.DataFrame) -> dict[str, float]:
    """The four terms and their mean, under the names of `lsdc.evaluate.metric.Score`."""
    both = solution.merge(submission, on="row_id", suffixes=("_true", ""))
    if len(both) != len(solution):
        raise ValueError("rows without a prediction")
    both["study_id"] = both["row_id"].apply(lambda row: row.split("_")[0])
    both["condition"] = both["row_id"].apply(_condition)
    terms = {}
    for name, word in WORDS.items():
        part = both[both["condition"] == word]
        terms[name] = log_loss(part[[f"{one}_true" for one in COLUMNS]].to_numpy(), part[COLUMNS].to_numpy(),
                               sample_weight=part["sample_weight"].to_numpy())
    spinal = both[both["condition"] == "spinal"].groupby("study_id")
    terms["any_severe"] = log_loss(spinal["severe_true"].max(), spinal["severe"].max(), labels=[0, 1],
                                   sample_weight=spinal["sample_weight"].max())
    return terms | {"total": float(np.mean(list(terms.values())))}


def _condition(row: str) -> str:
    for word in WORDS.values():
        if word in row:
            return word
    raise ValueError(f"unknown condition in {row}")
