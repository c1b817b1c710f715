import numpy as np
import pytest

from lsdc.detect.classes import CLASSES
from lsdc.detect.landmarks import landmarks
from lsdc.detect.training_slices import annotated_slices, training_slices
from lsdc.taxonomy import TARGETS, Condition, Level, Plane, Side, Target
from tests.detect.toy import toy_points, toy_positions, toy_study


def straight_places() -> dict[Target, np.ndarray]:
    """Canals at x = 0, foramina at +-20, recesses at +-10, levels 30 mm apart: each on a slice of its stack."""
    beside = {Condition.CANAL: 0, Condition.FORAMINAL: 20, Condition.SUBARTICULAR: 10}
    sign = {Side.LEFT: 1, Side.RIGHT: -1, Side.MIDLINE: 0}
    return {target: np.array([beside[target.condition] * sign[target.side], 0,
                              60.5 + 2 - 30 * list(Level).index(target.level)]) for target in TARGETS}


@pytest.fixture
def study():
    return toy_study(straight_places())


def chosen(study, points, plane, count=99):
    return {one.slice_index: one for one in training_slices(
        study.of(plane)[0], points, count=count, generator=np.random.default_rng(0))}


def names(one):
    return sorted(CLASSES.names[label.detector_class] for label in one.labels)


def test_sagittal_t2_teaches_the_canal_slice_and_its_neighbours_and_only_far_negatives(study):
    found = chosen(study, landmarks(study, toy_points(study, straight_places())), Plane.SAGITTAL_T2)
    labelled = {index: len(one.labels) for index, one in found.items()}
    # 9 slices, 5 mm apart, the canal on slice 4: 5 mm away it shows, 10 mm away nobody knows, 15 mm away it does not
    assert labelled == {4: 5, 3: 5, 5: 5, 0: 0, 1: 0, 7: 0, 8: 0}
    assert names(found[5]) == [f"canal_{level}" for level in Level]
    assert not any(one.veiled for one in found.values())


def test_foramina_of_each_side_are_on_their_own_slices_and_the_midline_is_negative(study):
    found = chosen(study, landmarks(study, toy_points(study, straight_places())), Plane.SAGITTAL_T1)
    # 11 slices, x = -25 ... 25: right foramina on slice 1, left on 9; 5 mm away nobody knows
    assert {index: len(one.labels) for index, one in found.items()} == {1: 5, 9: 5, 3: 0, 4: 0, 5: 0, 6: 0, 7: 0}
    assert {label.position_mm[0] for label in found[9].labels} == {20.0}


def test_a_structure_that_may_or_may_not_show_is_veiled_on_an_annotated_slice(study):
    places = straight_places()
    odd = Target(Condition.FORAMINAL, Side.LEFT, Level.L5_S1)
    places[odd] = places[odd] + [-5, 0, 0]
    found = chosen(study, landmarks(study, toy_points(study, places)), Plane.SAGITTAL_T1)
    assert len(found[9].labels) == 4
    assert [CLASSES.names[label.detector_class] for label in found[9].veiled] == ["foraminal_l5_s1"]
    assert len(found[8].labels) == 1
    assert len(found[8].veiled) == 4


def test_without_all_points_only_annotated_slices_teach(study):
    places = straight_places()
    del places[Target(Condition.CANAL, Side.MIDLINE, Level.L3_L4)]
    found = chosen(study, landmarks(study, toy_points(study, places)), Plane.SAGITTAL_T2)
    assert {index: len(one.labels) for index, one in found.items()} == {4: 4}


def test_axial_sides_are_named_by_the_patient_not_by_the_table(study):
    points = toy_points(study, straight_places())
    swapped = points.assign(side=points.side.map({"left": "right", "right": "left", "midline": "midline"}))
    for table in (points, swapped):
        found = chosen(study, landmarks(study, table), Plane.AXIAL_T2)
        discs = {index: one for index, one in found.items() if one.labels}
        assert len(discs) == 5
        for one in discs.values():
            right, left = sorted(one.labels)[::-1]
            assert (left.position_mm[0], right.position_mm[0]) == (10, -10)
            assert CLASSES.names[left.detector_class] == "subarticular_left"


def test_axial_negatives_lie_between_the_annotated_levels(study):
    found = chosen(study, landmarks(study, toy_points(study, straight_places())), Plane.AXIAL_T2)
    z = [study.of(Plane.AXIAL_T2)[0].series.planes[i].origin_mm[2] for i, one in found.items() if not one.labels]
    assert len(z) == 12  # three of the five slices between two discs 30 mm apart are at least 10 mm away
    assert min(z) > -60
    assert max(z) < 63


def test_the_draw_keeps_a_share_of_negatives_and_annotated_slices_first(study):
    points = landmarks(study, toy_points(study, straight_places()))
    found = chosen(study, points, Plane.SAGITTAL_T2, count=4)
    assert [bool(one.labels) for one in found.values()].count(True) == 3
    assert 4 in found
    one = chosen(study, points, Plane.SAGITTAL_T2, count=1)
    assert list(one) == [4]


def test_points_on_another_plane_and_outside_the_image_are_left_out(study):
    points = toy_points(study, straight_places())
    assert len(landmarks(study, points)) == 25
    points.loc[points.condition == "canal", "series_id"] = 1  # a sagittal T1
    points.loc[points.condition == "foraminal", "x_px"] = 500.0
    points.loc[(points.condition == "subarticular") & (points.side == "left"), "instance_number"] = 999
    left = landmarks(study, points)
    assert {point.target[:2] for point in left} == {(Condition.SUBARTICULAR, Side.RIGHT)}
    assert training_slices(study.of(Plane.SAGITTAL_T2)[0], left, count=9, generator=np.random.default_rng(0)) == []


def test_the_papers_slices_are_those_with_points_and_hold_those_points_alone():
    places = toy_positions(np.random.default_rng(2))
    study = toy_study(places)
    points = landmarks(study, toy_points(study, places))
    one = study.of(Plane.SAGITTAL_T1)[0]
    taught = annotated_slices(one, points)
    own = [point for point in points if point.series_id == one.series_id]
    assert [slice_.slice_index for slice_ in taught] == sorted({point.slice_index for point in own})
    assert sum(len(slice_.labels) for slice_ in taught) == 10
    assert all(slice_.veiled == () for slice_ in taught)
    for slice_ in taught:
        assert sorted(label.detector_class for label in slice_.labels) == sorted(
            TARGETS.index(point.target) for point in own if point.slice_index == slice_.slice_index)
