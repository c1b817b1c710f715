"""Figures of hand-made errors, with exact answers."""

import numpy as np
import pandas as pd
import pytest

from lsdc.dicom import SlicePlane
from lsdc.evaluate.landmarks import target_errors
from lsdc.evaluate.location_figures import RATES, location_differences, location_figures
from lsdc.evaluate.slice_errors import located_series, nearest_slices, slice_errors
from tests.evaluate.test_landmarks import canal_only, located, spine


def errors_of(locations, truths, slices=0.0):
    errors = target_errors(locations, truths)
    return errors.assign(slices=np.where(errors["distance_mm"].notna(), slices, np.nan))


@pytest.fixture
def two_studies():
    """Study 1: all 25 targets 4 mm off. Study 2: the canal one level too low, but for L1/L2, which is missing."""
    truths = pd.concat([spine(1), canal_only(spine(2))], ignore_index=True)
    locations = located(truths, (0, 0, 4))
    second = locations["study_id"] == 2
    locations.loc[second, "z_mm"] -= 4 + 35
    locations.loc[second & (locations["level"] == "l1_l2"), ["x_mm", "y_mm", "z_mm"]] = np.nan
    locations.loc[second & (locations["level"] == "l1_l2"), "found_by"] = "prior"
    return errors_of(locations, truths)


def row_of(rows, by, name):
    return next(row for row in rows if (row["by"], row["name"]) == (by, name))


def test_rates_of_two_studies(two_studies, settings):
    rows = location_figures(two_studies, [1, 2], settings)
    whole = row_of(rows, "all", "all")
    assert (whole["n"], whole["placed"], whole["studies"]) == (30, 29, 2)
    assert whole["identified"] == whole["exact"] == 25 / 30
    assert whole["precision"] == 25 / 29
    assert whole["missed"] == 1 / 30
    assert whole["studies_exact"] == 1 / 2
    assert whole["d_mean_mm"] == 4  # of the identified ones
    assert whole["mean_mm"] == pytest.approx((25 * 4 + 4 * 35) / 29)
    assert [whole[f"pck_{most}mm"] for most in (2, 5, 10)] == [0, 25 / 30, 25 / 30]
    assert (whole["median_mm"], whole["slice_exact"], whole["median_slices"]) == (4, 1, 0)
    canal = row_of(rows, "condition", "canal")
    assert (canal["n"], canal["identified"], canal["missed"]) == (10, 0.5, 0.1)
    assert row_of(rows, "side", "left")["identified"] == 1
    assert row_of(rows, "level", "l1_l2")["missed"] == 1 / 6
    missed = row_of(rows, "found_by", "prior")
    assert (missed["n"], missed["placed"], missed["missed"], missed["precision"]) == (1, 0, 1, None)
    assert missed["median_mm"] is missed["intervals"]["median_mm"][0] is None


def test_any_way_of_being_found_has_its_row_in_a_fixed_order(two_studies, settings):
    ways = ["zeppelin", "projected", "geometry"]
    two_studies["found_by"] = [ways[i % 3] for i in range(len(two_studies))]
    rows = location_figures(two_studies, [1, 2], settings)
    assert [row["name"] for row in rows if row["by"] == "found_by"] == ["geometry", "projected", "zeppelin"]
    assert not [row for row in rows if row["by"] == "variant"]
    usual = two_studies.assign(variant=two_studies["study_id"].map({1: "usual", 2: "four_lumbar"}))
    rows = location_figures(usual, [1, 2], settings)
    assert [(row["name"], row["identified"]) for row in rows if row["by"] == "variant"] == [
        ("usual", 1), ("four_lumbar", 0)]


def test_intervals_are_those_of_drawn_studies(two_studies, settings):
    """Of two studies, a replicate holds the first twice, the second twice, or both."""
    rows = location_figures(two_studies, [1, 2], settings)
    between = row_of(rows, "condition", "canal")["intervals"]
    assert between["identified"] == [0, 1]
    assert between["studies_exact"] == [0, 1]
    assert between["median_mm"] == [4, 35]
    assert set(between) == {*RATES, "median_mm", "p95_mm"}
    left = row_of(rows, "side", "left")  # study 2 has no foramina, and one study has no interval
    assert (left["studies"], left["identified"], left["intervals"]["identified"]) == (1, 1, [None, None])


def test_slices_off_by_one(two_studies, settings):
    two_studies["slices"] = [[0.0, 1.0, 2.0][i % 3] for i in range(30)]
    whole = row_of(location_figures(two_studies, [1, 2], settings), "all", "all")
    assert whole["slice_exact"] == pytest.approx(10 / 30)
    assert whole["slice_within_1"] == pytest.approx(20 / 30)
    assert whole["median_slices"] == 1


def test_paired_differences(two_studies, settings):
    perfect = errors_of(located(pd.concat([spine(1), canal_only(spine(2))])),
                        pd.concat([spine(1), canal_only(spine(2))]))
    rows = {row["name"]: row for row in location_differences(perfect, two_studies, [1, 2], settings)}
    assert list(rows) == ["all", "canal", "foraminal", "subarticular"]
    assert rows["canal"]["identified"] == {"value": 0.5, "interval": [0, 1], "inside_noise": True}
    assert rows["foraminal"]["exact"] == {"value": 0, "interval": [0, 0], "inside_noise": True}
    assert location_differences(two_studies, perfect, [1, 2], settings)[1]["identified"]["value"] == -0.5


def stack(count=7, step_mm=4.0, size=(64, 64)):
    return tuple(SlicePlane(np.array([step_mm * i, -32.0, 32.0]), np.array([0, 1.0, 0]), np.array([0, 0, -1.0]), size)
                 for i in range(count))


def test_nearest_slices_by_hand():
    points = np.array([[0, 0, 0], [5.9, 0, 0], [6.1, 0, 0], [-50, 0, 0], [100, 0, 0]])
    assert nearest_slices(stack(), points).tolist() == [0, 1, 2, 0, 6]


def test_a_slice_whose_image_holds_the_foot_is_nearer():
    """Two tilted blocks: the second one's plane passes the point, but outside of its image."""
    far = SlicePlane(np.array([0.0, 100, 32]), np.array([0, 1.0, 0]), np.array([0, 0, -1.0]), (64, 64))
    assert nearest_slices((*stack(3), far), np.array([[1.0, 0, 0]])).tolist() == [0]


def test_slice_errors_along_the_series_of_the_location():
    truths = canal_only(spine())
    locations = located(truths, (8, 0, 0))  # two slices of 4 mm
    errors = target_errors(locations, truths)
    errors.loc[0, "x_mm"] = 9.9  # nearer to the second than to the third slice
    errors.loc[4, "series_id"] = 8  # cannot be read
    wide = tuple(SlicePlane(np.array([4.0 * i, -200, 200]), np.array([0, 1.0, 0]), np.array([0, 0, -1.0]), (400, 400))
                 for i in range(5))
    assert located_series(errors) == {(1, 7), (1, 8)}
    np.testing.assert_array_equal(slice_errors(errors, {(1, 7): wide, (1, 8): ()}), [2, 2, 2, 2, np.nan])
    missing = target_errors(located(truths).assign(x_mm=np.nan, y_mm=np.nan, z_mm=np.nan), truths)
    assert np.isnan(slice_errors(missing, {})).all()
