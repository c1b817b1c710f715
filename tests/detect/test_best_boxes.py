import numpy as np
import pandas as pd

from lsdc.detect.best_boxes import best_boxes
from lsdc.detect.classes import TARGET_CLASSES
from lsdc.detect.detector import CANDIDATE_COLUMNS
from lsdc.taxonomy import TARGETS


def candidates(*rows):
    """Of (series, slice, target number, confidence, x_px)."""
    return pd.DataFrame([[series, index, number, confidence, x, 2.0, 0.0, 0.0, 0.0]
                         for series, index, number, confidence, x in rows],
                        columns=list(CANDIDATE_COLUMNS)).astype(CANDIDATE_COLUMNS)


def test_each_target_is_where_its_best_box_is_whatever_the_others_say():
    left, right = 5, 10  # foramina of L1/L2
    placed = best_boxes(candidates((1, 3, left, 0.4, 10.0), (1, 7, left, 0.9, 11.0), (1, 7, right, 0.3, 12.0)))
    assert {target: place.xy_px.tolist() for target, place in placed.places.items()} == {
        TARGETS[left]: [11.0, 2.0], TARGETS[right]: [12.0, 2.0]}
    assert placed.places[TARGETS[left]].slice_index == 7
    assert not placed.levels.found.any()
    assert placed.notes == ((1, "targets placed by detector", 2), (None, "targets without a box", 23))


def test_ties_go_to_the_lower_series_then_the_lower_slice():
    rows = candidates((4, 1, 0, 0.5, 1.0), (2, 9, 0, 0.5, 2.0), (2, 5, 0, 0.5, 3.0))
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        place = best_boxes(rows.iloc[order]).places[TARGETS[0]]
        assert (place.series_id, place.slice_index, place.xy_px[0]) == (2, 5, 3.0)


def test_nothing_seen_places_nothing():
    placed = best_boxes(candidates())
    assert placed.places == {}
    assert np.isnan(placed.levels.yz_mm).all()


def test_classes_are_numbered_as_targets():
    assert [(one.condition, one.side, one.level) for one in TARGET_CLASSES] == [tuple(target) for target in TARGETS]
