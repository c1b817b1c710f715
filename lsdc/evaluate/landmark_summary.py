"""The short table of locations that stands below a score."""

import numpy as np
import pandas as pd

from lsdc.config import EvaluationSettings
from lsdc.evaluate.bootstrap import interval, replicate_sums
from lsdc.evaluate.metric import ratio
from lsdc.evaluate.plain import plain
from lsdc.taxonomy import Condition


def landmark_summary(errors: pd.DataFrame, settings: EvaluationSettings) -> list[dict]:
    """For canal, foraminal, subarticular and all: n, missed, id_rate with interval, mean_mm, median_mm, p95_mm.

    errors: of `location_errors`. Misses count as not identified; distances are those of the locations there are (None
    if there is none). The interval of the identification rate is a bootstrap over studies. Conditions without truths
    are left out.
    """
    rows = []
    for name in (*(condition.value for condition in Condition), "all"):
        part = errors if name == "all" else errors[errors["condition"] == name]
        if part.empty:
            continue
        by_study = part.groupby("study_id")["identified"].agg(["sum", "size"]).to_numpy(np.float64)
        drawn = replicate_sums(by_study, settings)
        between = interval(ratio(drawn[:, 0], drawn[:, 1]), settings)
        found = part["distance_mm"].dropna()
        rows.append({
            "condition": name, "n": len(part), "missed": len(part) - len(found), "id_rate": part["identified"].mean(),
            "interval": [between.low, between.high], "mean_mm": found.mean(), "median_mm": found.median(),
            "p95_mm": found.quantile(0.95) if len(found) else np.nan,
        })
    return plain(rows)
