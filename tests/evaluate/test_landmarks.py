import numpy as np
import pandas as pd
import pytest

from lsdc.errors import TableError
from lsdc.evaluate.landmark_summary import landmark_summary
from lsdc.evaluate.landmarks import keypoint_truths, label_errors, location_errors, target_errors
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
    with pytest.raises(TableError, match=r"no place of a graded target(.|\n)*got: +1 rows(.|\n)*keypoints\.csv"):
        keypoint_truths(body[list(KEYPOINTS.columns)])
    with pytest.raises(TableError, match=r"got: +0 rows"):
        keypoint_truths(KEYPOINTS.empty())


NINE = ["t10", "t11", "t12", "l1", "l2", "l3", "l4", "l5", "s1"]


def vertebrae(shift_mm=(0, 0, 0)) -> pd.DataFrame:
    """Nine vertebrae of one scan, 33 mm apart along z."""
    places = np.stack([np.zeros(9), np.zeros(9), -33.0 * np.arange(9)], axis=1) + np.array(shift_mm, dtype=float)
    return pd.DataFrame({"scan": 1, "label": NINE, **dict(zip(["x_mm", "y_mm", "z_mm"], places.T, strict=True))})


def verse(predictions: pd.DataFrame) -> tuple[int, int, int, float | None]:
    """Identified, true and predicted vertebrae, and d_mean of the identified ones."""
    errors = label_errors(predictions, vertebrae(), groups=["scan"], label="label")
    hits = errors[errors["identified"]]
    return (len(hits), errors["true_x_mm"].notna().sum(), errors["x_mm"].notna().sum(),
            hits["distance_mm"].mean() if len(hits) else None)


def relabelled(labels: dict[str, str]) -> pd.DataFrame:
    return vertebrae().assign(label=[labels.get(name, name) for name in NINE])


def test_nine_vertebrae_identity():
    assert verse(vertebrae()) == (9, 9, 9, 0)


@pytest.mark.parametrize("shift_mm", [(5, 0, 0), (0, 3, -4), (0, 0, 5)])
def test_nine_vertebrae_each_moved_by_five_mm(shift_mm):
    assert verse(vertebrae(shift_mm)) == (9, 9, 9, 5)


def test_nine_vertebrae_labels_off_by_one():
    lower = vertebrae()
    lower["label"] = ["t9", *NINE[:-1]]  # one is called what nobody annotated, and one name is missing
    assert verse(lower) == (0, 9, 9, None)


def test_nine_vertebrae_one_missing():
    assert verse(vertebrae().drop(index=4)) == (8, 9, 8, 0)


def test_nine_vertebrae_two_swapped():
    assert verse(relabelled({"l2": "l3", "l3": "l2"})) == (7, 9, 9, 0)


def test_a_name_that_nobody_annotated_counts_as_a_prediction():
    more = pd.concat([vertebrae(), vertebrae().iloc[:1].assign(label="t9", z_mm=33.0)])
    assert verse(more) == (9, 9, 10, 0)


def test_exact_looks_at_both_sides_and_every_level():
    truths = spine()
    locations = located(truths)
    swapped = locations["condition"] == "foraminal"
    locations.loc[swapped, "x_mm"] = -locations.loc[swapped, "x_mm"] * 0.01  # hardly beyond the midline
    errors = location_errors(locations, truths).set_index("condition")
    assert errors.loc["foraminal", "identified"].all()  # 15 mm off, and no other level of the side is nearer
    assert not errors.loc["foraminal", "exact"].any()
    assert errors.loc[["canal", "subarticular"], "exact"].all()


def test_a_place_without_a_true_point_is_kept_for_precision_only():
    truths = canal_only(spine())
    errors = target_errors(located(truths), truths.drop(index=1))
    assert errors["level"].tolist() == LEVELS
    assert errors["true_z_mm"].isna().tolist() == [False, True, False, False, False]
    assert errors["identified"].tolist() == [True, False, True, True, True]
    assert len(location_errors(located(truths), truths.drop(index=1))) == 4
