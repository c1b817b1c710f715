import numpy as np
import pandas as pd
import pytest

from lsdc.competition import Study, StudySeries
from lsdc.detect.classes import class_of
from lsdc.detect.placing import place_targets
from lsdc.detect.shape import fit_shape
from lsdc.dicom import Series, SlicePlane
from lsdc.taxonomy import TARGETS, Condition, Level, Plane, Side, Target
from tests.detect.toy import toy_candidates, toy_positions, toy_study


@pytest.fixture(scope="module")
def shape():
    generator = np.random.default_rng(5)
    spines = [toy_positions(generator) for _ in range(40)]
    return fit_shape([np.array([one[target] for target in TARGETS]) for one in spines])


@pytest.fixture
def truth():
    return toy_positions(np.random.default_rng(77))


def position(study, place):
    return study.by_id(place.series_id).series.planes[place.slice_index].to_patient(place.xy_px)


def check(study, places, truth, within_mm=3.6, targets=TARGETS):
    for target in targets:
        assert np.linalg.norm(position(study, places[target]) - truth[target]) <= within_mm, target


def test_all_targets_on_their_nearest_slices(shape, truth):
    study = toy_study(truth)
    places = place_targets(study, toy_candidates(study, truth), shape)
    check(study, places, truth, within_mm=2.6)  # half the distance of slices, all in plane exact
    assert {place.found_by for place in places.values()} == {"detector"}
    assert {target for target, place in places.items() if place.series_id == 3} == {
        target for target in TARGETS if target.condition == Condition.SUBARTICULAR}


def test_side_comes_from_patient_x_whatever_the_order_of_slices(shape, truth):
    study = toy_study(truth)
    one = study.of(Plane.SAGITTAL_T1)[0]
    turned = Series(one.series.planes[::-1], one.series.images[::-1], one.series.instance_numbers, one.series.paths,
                    "", ())
    study = Study(7, (StudySeries(1, one.plane, turned), *study.series[1:]), ())
    places = place_targets(study, toy_candidates(study, truth), shape)
    check(study, places, truth, within_mm=2.6)


def test_levels_named_off_by_one_in_half_of_the_candidates(shape, truth):
    study = toy_study(truth)
    candidates = toy_candidates(study, truth)
    shifted = candidates[candidates.detector_class < 9].copy()
    shifted["detector_class"] += (shifted.detector_class != 4).astype(int)
    shifted["confidence"] *= 0.8
    places = place_targets(study, pd.concat([candidates, shifted], ignore_index=True), shape)
    check(study, places, truth)


def test_a_false_candidate_per_image_changes_little(shape, truth):
    study = toy_study(truth)
    candidates = toy_candidates(study, truth)
    generator = np.random.default_rng(3)
    false = candidates.copy()
    moved = generator.uniform(-60, 60, (len(false), 2))
    false[["x_px", "y_px"]] += moved
    for i, row in enumerate(false.itertuples()):
        plane = study.by_id(row.series_id).series.planes[row.slice_index]
        false.loc[i, ["x_mm", "y_mm", "z_mm"]] = plane.to_patient(np.array([row.x_px, row.y_px]))
    false["confidence"] *= 0.2
    places = place_targets(study, pd.concat([candidates, false], ignore_index=True), shape)
    check(study, places, truth)


def test_unseen_targets_are_filled_by_geometry_and_say_so(shape, truth):
    study = toy_study(truth)
    candidates = toy_candidates(study, truth)
    gone = [Target(Condition.CANAL, Side.MIDLINE, Level.L3_L4), Target(Condition.FORAMINAL, Side.RIGHT, Level.L1_L2),
            Target(Condition.SUBARTICULAR, Side.LEFT, Level.L5_S1)]
    for target in gone:
        off = np.linalg.norm(candidates[["x_mm", "y_mm", "z_mm"]].to_numpy() - truth[target], axis=1)
        candidates = candidates[(candidates.detector_class != class_of(*target)) | (off > 8)]
    places = place_targets(study, candidates, shape)
    assert {target for target, place in places.items() if place.found_by == "geometry"} == set(gone)
    check(study, places, truth, within_mm=4.5)
    assert all(0 < places[target].confidence < 0.5 for target in gone)


def test_a_missing_plane_leaves_its_condition_without_place_and_the_others_found(shape, truth):
    for absent, condition in ((Plane.SAGITTAL_T2, Condition.CANAL), (Plane.SAGITTAL_T1, Condition.FORAMINAL),
                              (Plane.AXIAL_T2, Condition.SUBARTICULAR)):
        study = toy_study(truth, planes=[plane for plane in Plane if plane != absent])
        places = place_targets(study, toy_candidates(study, truth), shape)
        assert set(places) == {target for target in TARGETS if target.condition != condition}
        check(study, places, truth, targets=list(places))


def test_levels_outside_the_axial_stack_have_no_place(shape, truth):
    study = toy_study(truth)
    one = study.of(Plane.AXIAL_T2)[0]
    low = [i for i, plane in enumerate(one.series.planes) if plane.origin_mm[2] < 0]
    stack = Series(*(tuple(part[i] for i in low) for part in (
        one.series.planes, one.series.images, one.series.instance_numbers, one.series.paths)), "", ())
    study = Study(7, (*study.series[:2], StudySeries(3, one.plane, stack)), ())
    places = place_targets(study, toy_candidates(study, truth), shape)
    lost = {target for target in TARGETS if target not in places}
    assert lost == {target for target in TARGETS if target.condition == Condition.SUBARTICULAR
                    and truth[target][2] > max(plane.origin_mm[2] for plane in stack.planes) + 8}
    assert len(lost) in (4, 6)


def test_axial_level_from_blocks_tilted_by_disc(shape, truth):
    study = toy_study(truth)
    planes = []
    for index, level in enumerate(Level):  # five blocks of three slices, each tilted by its own angle
        centre = truth[Target(Condition.CANAL, Side.MIDLINE, level)]
        angle = np.deg2rad(-15 + 10 * index)
        down = np.array([0, np.cos(angle), np.sin(angle)])
        normal = np.cross([1, 0, 0], down)
        planes += [SlicePlane(centre + normal * step - 50 * np.array([1, 0, 0]) - 50 * down, np.array([1.0, 0, 0]),
                              down, (100, 100)) for step in (-4, 0, 4)]
    planes.sort(key=lambda plane: plane.centre_mm[2])
    blocks = Series(tuple(planes), tuple(np.zeros((100, 100), np.float32) for _ in planes),
                    tuple(range(15)), study.series[2].series.paths[:1] * 15, "", ())
    study = Study(7, (*study.series[:2], StudySeries(3, Plane.AXIAL_T2, blocks)), ())
    places = place_targets(study, toy_candidates(study, truth), shape)
    check(study, places, truth, within_mm=3.5)
    for target, place in places.items():
        if target.condition == Condition.SUBARTICULAR:
            assert place.slice_index // 3 == 4 - list(Level).index(target.level)


def test_several_series_of_a_plane_give_one_choice(shape, truth):
    study = toy_study(truth)
    again = StudySeries(9, Plane.SAGITTAL_T2, study.of(Plane.SAGITTAL_T2)[0].series)
    study = Study(7, (*study.series, again), ())
    candidates = toy_candidates(study, truth)
    canals = [target for target in TARGETS if target.condition == Condition.CANAL]
    places = place_targets(study, candidates, shape)
    assert {places[target].series_id for target in canals} == {2}  # a tie goes to the lower id
    candidates.loc[candidates.series_id == 2, "confidence"] *= 0.5
    places = place_targets(study, candidates.sample(frac=1, random_state=1), shape)
    assert {places[target].series_id for target in canals} == {9}


def test_nothing_seen_places_nothing(shape, truth):
    study = toy_study(truth)
    assert place_targets(study, toy_candidates(study, {}), shape) == {}
