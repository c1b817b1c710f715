import numpy as np
import pandas as pd
import pytest

from lsdc.evaluate.landmarks import keypoint_truths, landmark_summary, location_errors
from lsdc.tables import KEYPOINTS, LOCATIONS
from lsdc.taxonomy import TARGETS, Condition, Level, Side

LEVELS = list(Level)


def spine(study: int = 1) -> pd.DataFrame:
    """True points of the 25 targets: levels 35 mm apart, sides 30 mm, conditions 8 mm."""
    rows = [
        {"study_id": study, "condition": t.condition.value, "side": t.side.value, "level": t.level.value,
         "x_mm": {Side.LEFT: 15.0, Side.MIDLINE: 0.0, Side.RIGHT: -15.0}[t.side],
         "y_mm": 8.0 * list(Condition).index(t.condition), "z_mm": -35.0 * LEVELS.index(t.level)}
        for t in TARGETS
    ]
    return pd.DataFrame(rows)


def canal_only(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["condition"] == "canal"].reset_index(drop=True)


def located(truths: pd.DataFrame, shift_mm=(0, 0, 0)) -> pd.DataFrame:
    """LOCATIONS exactly at the truths, shifted."""
    rows = truths.assign(series_id=7, slice_index=3, x_px=1.0, y_px=1.0, confidence=0.9, found_by="detector", fold=0)
    rows[["x_mm", "y_mm", "z_mm"]] += np.array(shift_mm, dtype=float)
    return LOCATIONS.check(rows)


def identified(locations, truths) -> list[bool]:
    return location_errors(locations, truths)["identified"].tolist()  # in order of level for one side


def test_each_moved_by_five_mm(settings):
    truths = spine()
    errors = location_errors(located(truths, (3, 0, -4)), truths)
    assert len(errors) == 25
    assert errors["identified"].all()
    rows = {row["condition"]: row for row in landmark_summary(errors, settings)}
    assert list(rows) == ["canal", "foraminal", "subarticular", "all"]
    assert [row["n"] for row in rows.values()] == [5, 10, 10, 25]
    for row in rows.values():
        assert row["id_rate"] == 1
        assert [row["mean_mm"], row["median_mm"], row["p95_mm"]] == pytest.approx([5, 5, 5])


def test_every_label_off_by_one(settings):
    truths = canal_only(spine())
    lower = located(truths, (0, 0, -35))
    assert identified(lower, truths) == [False] * 5
    assert landmark_summary(location_errors(lower, truths), settings)[0]["id_rate"] == 0


@pytest.mark.parametrize("how", ["empty place", "no row"])
def test_one_missing(how, settings):
    truths = canal_only(spine())
    locations = located(truths)
    if how == "no row":
        locations = locations.drop(index=2)
    else:
        locations.loc[2, ["x_mm", "y_mm", "z_mm"]] = np.nan
    assert identified(locations, truths) == [True, True, False, True, True]
    summary = landmark_summary(location_errors(locations, truths), settings)[0]
    assert (summary["n"], summary["missed"], summary["id_rate"], summary["mean_mm"]) == (5, 1, 0.8, 0)


def test_two_swapped():
    truths = canal_only(spine())
    locations = located(truths)
    locations.loc[[1, 2], "z_mm"] = locations.loc[[2, 1], "z_mm"].to_numpy()
    assert identified(locations, truths) == [True, False, False, True, True]


def test_closest_but_farther_than_twenty_mm():
    truths = canal_only(spine())
    assert identified(located(truths, (0, 19.9, 0)), truths) == [True] * 5
    assert identified(located(truths, (0, 20.1, 0)), truths) == [False] * 5


def test_near_enough_but_closer_to_the_next_level():
    truths = canal_only(spine())
    assert identified(located(truths, (0, 0, -18)), truths) == [False] * 4 + [True]  # nothing lies below the last


def test_sides_swapped_are_far_away():
    truths = spine()
    locations = located(truths)
    locations["x_mm"] = -locations["x_mm"]
    errors = location_errors(locations, truths).set_index("condition")
    assert errors.loc["canal", "identified"].all()
    assert not errors.loc[["foraminal", "subarticular"], "identified"].any()
    assert errors.loc["foraminal", "distance_mm"].unique().tolist() == [30]


def test_the_nearest_of_several_points_of_a_target_counts():
    truths = canal_only(spine())
    twice = pd.concat([truths, truths.assign(z_mm=truths["z_mm"] + 6)])  # another series, annotated 6 mm higher
    errors = location_errors(located(truths, (0, 0, 5)), twice)
    assert len(errors) == 5
    assert errors["distance_mm"].tolist() == pytest.approx([1] * 5)
    assert errors["identified"].all()


def test_targets_without_points_and_studies_without_locations_are_left_out():
    truths = pd.concat([canal_only(spine(1)).iloc[:3], canal_only(spine(2))])
    errors = location_errors(located(canal_only(spine(1))), truths)
    assert errors["study_id"].tolist() == [1, 1, 1]


def test_nothing_found_at_all(settings):
    truths = canal_only(spine())
    locations = located(truths)
    locations[["x_mm", "y_mm", "z_mm"]] = np.nan
    row = landmark_summary(location_errors(locations, truths), settings)[0]
    assert (row["missed"], row["id_rate"], row["median_mm"]) == (5, 0, None)


def test_keypoints_of_the_graded_targets():
    truths = spine()
    keypoints = truths.rename(columns={"condition": "structure"})
    body = keypoints.iloc[:1].assign(structure="body", level="l3")
    found = keypoint_truths(pd.concat([keypoints, body])[list(KEYPOINTS.columns)])
    assert len(found) == 25
    assert location_errors(located(truths), found)["distance_mm"].max() == 0
