"""Boxes against annotated points, by a detector that sees what is bright in a toy spine."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import torch

from lsdc.detect import Detector, match_boxes
from lsdc.detect.box_matches import box_iou, paired
from lsdc.detect.classes import CLASSES
from lsdc.taxonomy import Condition, Plane
from tests.detect.toy import toy_points, toy_positions, toy_study


@dataclass(frozen=True, eq=False)
class Bright(Detector):
    """Puts a box of the right size around the brightest place, under the name of every class that the plane shows."""

    def boxes(self, canvases, classes):
        assert self.settings.confidence == 0.001
        found = []
        for canvas in canvases:
            blurred = cv2.GaussianBlur(canvas.astype(np.float32), (0, 0), 2)  # the window cuts the brightest alike
            y, x = np.unravel_index(int(blurred.argmax()), canvas.shape)
            half = np.array([self.settings.box_mm.of(CLASSES[one].condition) for one in classes]) / 2
            half = half[:, None] / self.settings.mm_per_px
            centre = np.array([[x + 0.5, y + 0.5]])
            found.append((np.hstack([centre - half, centre + half]), np.linspace(0.9, 0.5, len(classes)),
                          np.array(classes)))
        return found


@pytest.fixture(scope="module")
def bright(toy_settings):
    return Bright(torch.nn.Identity(), toy_settings.detector, None, 0,
                  torch.device("cpu"))


@pytest.fixture
def spine():
    places = toy_positions(np.random.default_rng(3))
    study = toy_study(places)
    return study, places, toy_points(study, places)


def test_every_point_is_a_true_box_on_its_own_slice(bright, spine):
    study, places, points = spine
    found = match_boxes(study, bright, points)
    true = found[found["prediction"].isna()]
    assert len(true) == len(points) == 25
    where = {(row.series_id, study.by_id(row.series_id).series.index_of_instance(row.instance_number))
             for row in points.itertuples()}
    assert set(zip(found["series_id"], found["slice_index"], strict=True)) == where
    names = sorted(CLASSES[CLASSES.number(*target)].name for target in places)
    assert sorted(true["detector_class"]) == names
    assert (true["condition"] == true["detector_class"].str.split("_").str[0]).all()
    predicted = found[found["prediction"].notna()]
    assert len(predicted.drop_duplicates(["series_id", "slice_index", "detector_class"])) == sum(
        len([one for one in CLASSES if one.plane == study.by_id(series_id).plane]) for series_id, _ in where)


def test_the_box_at_the_brightest_place_overlaps_its_truth(bright, spine):
    """One place of a slice is the brightest: exactly one class has a hit there, by far more than half."""
    found = match_boxes(spine[0], bright, spine[2])
    hits = found[found["prediction"].notna() & found["truth"].notna()]
    by_slice = hits.groupby(["series_id", "slice_index"]).size()
    sagittal = [one.series_id for one in spine[0].series if one.plane != Plane.AXIAL_T2]
    assert (by_slice.loc[sagittal] == 1).all()
    assert len(by_slice.loc[sagittal]) == len(found[found["series_id"].isin(sagittal)]
                                              .drop_duplicates(["series_id", "slice_index"]))
    assert hits["iou"].min() > 0.6
    assert (found.loc[found["prediction"].notna() & found["truth"].isna(), "iou"].isna()).all()


def test_slices_and_series_without_a_point_are_not_looked_at(bright, spine):
    study, _, points = spine
    canal = points[points["condition"] == Condition.CANAL]
    found = match_boxes(study, bright, canal.iloc[:1])
    assert found["series_id"].unique().tolist() == canal["series_id"].iloc[:1].tolist()
    assert found["slice_index"].nunique() == 1
    nothing = match_boxes(study, bright, points.iloc[:0])
    assert len(nothing) == 0
    assert list(nothing.columns) == list(found.columns)


def test_overlap_of_boxes_by_hand():
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30.0]])
    np.testing.assert_allclose(box_iou(boxes, boxes[:2]), [[1, 1 / 3], [1 / 3, 1], [0, 0]])


def test_a_box_has_a_row_with_each_truth_of_its_class_that_it_overlaps():
    truths = np.array([[0, 0, 10, 10], [0, 1, 10, 11], [0, 0, 10, 10.0]])
    boxes = np.array([[0, 0, 10, 10], [50, 50, 60, 60.0]])
    rows = paired(boxes, np.array([0.9, 0.4]), np.array([4, 4]), truths, np.array([4, 4, 2]))
    assert [tuple(None if value != value else value for value in row) for row in
            rows.astype(object).where(rows.notna(), np.nan).itertuples(index=False)] == [
        (2, None, None, 0, None), (4, None, None, 0, None), (4, None, None, 1, None),
        (4, 0, 0.9, 0, 1.0), (4, 0, 0.9, 1, pytest.approx(9 / 11)), (4, 1, 0.4, None, None)]
