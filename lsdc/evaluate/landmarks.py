"""How far locations lie from annotated points, and which levels are identified.

Identification after VerSe (Sekuboyina et al. 2021): a level is identified when its location is closest to its own
truth, among all truths of the study (here: of the same condition and side), and lies within 20 mm of it.
"""

import numpy as np
import pandas as pd

from lsdc.config import EvaluationSettings
from lsdc.evaluate.bootstrap import interval, replicate_sums
from lsdc.evaluate.metric import ratio
from lsdc.evaluate.plain import plain
from lsdc.tables import KEYPOINTS
from lsdc.taxonomy import Condition

IDENTIFIED_WITHIN_MM = 20.0
_KEYS = ["study_id", "condition", "side", "level"]
_MM = ["x_mm", "y_mm", "z_mm"]


def location_errors(locations: pd.DataFrame, truths: pd.DataFrame) -> pd.DataFrame:
    """One row per target that has a true point: study_id, condition, side, level, distance_mm, identified, found_by.

    `locations` is a LOCATIONS table; `truths` has study_id, condition, side, level, x_mm, y_mm, z_mm in patient
    coordinates (DICOM LPS), one or several points per target: the nearest one counts. A location without a place, or
    none at all, is a miss: distance_mm is missing, identified is False. Studies without locations are left out.
    """
    truths = truths[truths["study_id"].isin(locations["study_id"])]
    targets = truths[_KEYS].drop_duplicates()
    asked = targets.merge(locations[[*_KEYS, *_MM, "found_by"]], on=_KEYS, how="left")
    pairs = asked.merge(truths[[*_KEYS, *_MM]], on=_KEYS[:3], suffixes=("", "_true"))  # every level of a side
    true_mm = pairs[[f"{name}_true" for name in _MM]].to_numpy(np.float64)
    pairs["distance_mm"] = np.linalg.norm(pairs[_MM].to_numpy(np.float64, na_value=np.nan) - true_mm, axis=1)
    pairs["own"] = (pairs["level"] == pairs["level_true"]).astype(bool)
    nearest = pairs.groupby([*_KEYS, "own"])["distance_mm"].min().unstack("own").reindex(columns=[True, False])
    nearest = nearest.reindex(pd.MultiIndex.from_frame(asked[_KEYS]))
    own, other = nearest[True].to_numpy(np.float64), nearest[False].to_numpy(np.float64)
    closest = ~(other <= own)  # also when the side has no other level
    return asked[[*_KEYS, "found_by"]].assign(
        distance_mm=own, identified=np.isfinite(own) & closest & (own <= IDENTIFIED_WITHIN_MM)
    ).sort_values(_KEYS, ignore_index=True)


def landmark_summary(errors: pd.DataFrame, settings: EvaluationSettings) -> list[dict]:
    """For canal, foraminal, subarticular and all: n, missed, id_rate with interval, mean_mm, median_mm, p95_mm.

    Misses count as not identified; distances are those of the locations there are (None if there is none). The
    interval of the identification rate is a bootstrap over studies. Conditions without truths are left out.
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


def keypoint_truths(keypoints: pd.DataFrame) -> pd.DataFrame:
    """The phantom's KEYPOINTS of the graded targets, in the shape that `location_errors` takes."""
    keypoints = KEYPOINTS.check(keypoints)
    graded = keypoints[keypoints["structure"].isin([condition.value for condition in Condition])]
    return graded.rename(columns={"structure": "condition"})[[*_KEYS, *_MM]].reset_index(drop=True)
