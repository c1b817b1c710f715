"""How far locations lie from true points, and which of them carry the right name.

Identification after VerSe (Sekuboyina et al. 2021): a target is identified when its location is closer to its own true
point than to any other of the same study, condition and side, and lies within 20 mm of it. Stricter and without a
distance, a location is exact when the nearest of all true points of its condition, both sides and every level, is its
own. VerSe compares with the labels that both sides have; here every true point counts.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lsdc.errors import TableError
from lsdc.tables import KEYPOINTS
from lsdc.taxonomy import Condition

IDENTIFIED_WITHIN_MM = 20.0
MM = ["x_mm", "y_mm", "z_mm"]
TRUE_MM = [f"true_{name}" for name in MM]
TARGET_KEYS = ["study_id", "condition", "side", "level"]
CARRIED = ["found_by", "confidence", "series_id"]  # of a location, beside its place


def label_errors(
    predictions: pd.DataFrame, truths: pd.DataFrame, *, groups: Sequence[str], label: str
) -> pd.DataFrame:
    """One row per label that has a true point or a predicted place: what a location is worth under its own name.

    Both tables have the columns `groups` (what is named together, e.g. a study), `label` (any text) and x_mm, y_mm,
    z_mm; `truths` may hold several points of a label, the nearest one counts. Columns of the answer: groups, label,
    x_mm, y_mm, z_mm, true_x_mm, true_y_mm, true_z_mm (missing where there is none), distance_mm (missing unless both
    are there), identified (the own true point is the nearest of the group's and within 20 mm).
    """
    keys = [*groups, label]
    placed = predictions.loc[predictions[MM].notna().all(axis=1), [*keys, *MM]]
    asked = truths[keys].drop_duplicates().merge(placed, on=keys, how="outer")
    named = truths[[*keys, *MM]].rename(columns={**dict(zip(MM, TRUE_MM, strict=True)), label: "_true_label"})
    pairs = asked.reset_index().merge(named, on=list(groups))
    pairs["distance_mm"] = np.linalg.norm(_floats(pairs, MM) - _floats(pairs, TRUE_MM), axis=1)
    own = (pairs[label] == pairs["_true_label"]).to_numpy(bool)
    mine = pairs[own].sort_values(["index", "distance_mm"]).drop_duplicates("index").set_index("index")
    others = pairs[~own].groupby("index")["distance_mm"].min().reindex(asked.index).to_numpy(np.float64)
    asked = asked.join(mine[[*TRUE_MM, "distance_mm"]])
    distance = asked["distance_mm"].to_numpy(np.float64)
    closest = ~(others <= distance)  # also when the group has no other label
    return asked.assign(identified=closest & (distance <= IDENTIFIED_WITHIN_MM))


def target_errors(locations: pd.DataFrame, truths: pd.DataFrame) -> pd.DataFrame:
    """`label_errors` of the targets of a LOCATIONS table, with found_by, confidence, series_id and exact beside them.

    `truths` has study_id, condition, side, level, x_mm, y_mm, z_mm in patient coordinates (DICOM LPS). Rows are the
    targets that have a true point or a place, in order of study, condition, side, level; studies without locations
    are left out. A location without a place, or none at all, is a miss: neither identified nor exact.
    """
    truths = truths[truths["study_id"].isin(locations["study_id"])]
    named = label_errors(locations, truths, groups=TARGET_KEYS[:3], label="level")
    whole = [table.assign(target=table["side"] + "/" + table["level"]) for table in (locations, truths)]
    exact = label_errors(*whole, groups=TARGET_KEYS[:2], label="target").rename(columns={"identified": "exact"})
    exact[["side", "level"]] = exact["target"].str.split("/", expand=True)
    named = named.merge(exact[[*TARGET_KEYS, "exact"]], on=TARGET_KEYS)
    carried = locations.reindex(columns=[*TARGET_KEYS, *CARRIED])
    return named.merge(carried, on=TARGET_KEYS, how="left").sort_values(TARGET_KEYS, ignore_index=True)


def location_errors(locations: pd.DataFrame, truths: pd.DataFrame) -> pd.DataFrame:
    """The rows of `target_errors` that have a true point."""
    errors = target_errors(locations, truths)
    return errors[errors[TRUE_MM[0]].notna()].reset_index(drop=True)


def keypoint_truths(keypoints: pd.DataFrame) -> pd.DataFrame:
    """The phantom's KEYPOINTS of the graded targets, in the shape that `location_errors` takes.

    TableError where there is none among them: nothing can be measured against that.
    """
    keypoints = KEYPOINTS.check(keypoints)
    graded = keypoints[keypoints["structure"].isin([condition.value for condition in Condition])]
    if graded.empty:
        raise TableError("the phantom's truth has no place of a graded target", where="truth/keypoints.csv",
                         wanted=f"keypoints of {', '.join(Condition)}",
                         got=f"{len(keypoints)} rows of other structures",
                         remedy="make the phantom again, or remove its folder truth/")
    return graded.rename(columns={"structure": "condition"})[[*TARGET_KEYS, *MM]].reset_index(drop=True)


def _floats(frame: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    return frame[list(columns)].to_numpy(np.float64, na_value=np.nan)
