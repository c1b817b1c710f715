import numpy as np
import pandas as pd
import pytest

from lsdc.competition import Study, StudySeries
from lsdc.detect.classes import CLASSES
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
    places = place_targets(study, toy_candidates(study, truth), shape).places
    check(study, places, truth, within_mm=2.6)  # half the distance of slices, all in plane exact
    assert {place.found_by for place in places.values()} == {"detector"}
    assert {target for target, place in places.items() if place.series_id == 3} == {
        target for target in TARGETS if target.condition == Condition.SUBARTICULAR}


def test_side_comes_from_patient_x_whatever_the_order_of_slices(shape, truth):
    study = toy_study(truth)
    one = study.of(Plane.SAGITTAL_T1)[0]
    turned = Series(one.series.planes[::-1], one.series.images[::-1], one.series.instance_numbers, one.series.paths,
                    ())
    study = Study(7, (StudySeries(1, one.plane, turned), *study.series[1:]), ())
    places = place_targets(study, toy_candidates(study, truth), shape).places
    check(study, places, truth, within_mm=2.6)


def test_levels_named_off_by_one_in_half_of_the_candidates(shape, truth):
    study = toy_study(truth)
    candidates = toy_candidates(study, truth)
    shifted = candidates[candidates.detector_class < 9].copy()
    shifted["detector_class"] += (shifted.detector_class != 4).astype(int)
    shifted["confidence"] *= 0.8
    places = place_targets(study, pd.concat([candidates, shifted], ignore_index=True), shape).places
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
    places = place_targets(study, pd.concat([candidates, false], ignore_index=True), shape).places
    check(study, places, truth)


def test_unseen_targets_are_filled_by_geometry_and_say_so(shape, truth):
    study = toy_study(truth)
    candidates = toy_candidates(study, truth)
    gone = [Target(Condition.CANAL, Side.MIDLINE, Level.L3_L4), Target(Condition.FORAMINAL, Side.RIGHT, Level.L1_L2),
            Target(Condition.SUBARTICULAR, Side.LEFT, Level.L5_S1)]
    for target in gone:
        off = np.linalg.norm(candidates[["x_mm", "y_mm", "z_mm"]].to_numpy() - truth[target], axis=1)
        candidates = candidates[(candidates.detector_class != CLASSES.number(*target)) | (off > 8)]
    places = place_targets(study, candidates, shape).places
    assert {target for target, place in places.items() if place.found_by == "geometry"} == set(gone)
    check(study, places, truth, within_mm=4.5)
    assert all(0 < places[target].confidence < 0.5 for target in gone)


@pytest.mark.parametrize(("absent", "condition", "elsewhere"), [
    (Plane.SAGITTAL_T2, Condition.CANAL, Plane.SAGITTAL_T1),
    (Plane.SAGITTAL_T1, Condition.FORAMINAL, Plane.SAGITTAL_T2),
    (Plane.AXIAL_T2, Condition.SUBARTICULAR, Plane.SAGITTAL_T2)])
def test_the_targets_of_a_missing_plane_are_projected_onto_another(shape, truth, absent, condition, elsewhere):
    study = toy_study(truth, planes=[plane for plane in Plane if plane != absent])
    places = place_targets(study, toy_candidates(study, truth), shape).places
    assert set(places) == set(TARGETS)
    check(study, places, truth, within_mm=6)
    for target, place in places.items():
        if target.condition == condition:
            assert place.found_by == "projected"
            assert study.by_id(place.series_id).plane == elsewhere
            assert 0 < place.confidence <= 0.5
        else:
            assert place.found_by == "detector"


def test_without_any_sagittal_series_the_order_of_the_axial_stack_names_the_levels(shape, truth):
    study = toy_study(truth, planes=[Plane.AXIAL_T2])
    placed = place_targets(study, toy_candidates(study, truth), shape)
    assert set(placed.places) == set(TARGETS)
    check(study, placed.places, truth, within_mm=7)
    assert {place.found_by for target, place in placed.places.items()
            if target.condition == Condition.SUBARTICULAR} == {"detector"}
    assert {place.found_by for target, place in placed.places.items()
            if target.condition != Condition.SUBARTICULAR} == {"projected"}
    assert (None, "levels named by the order of axial slices alone", 5) in placed.notes


@pytest.mark.parametrize("side", [Side.LEFT, Side.RIGHT])
@pytest.mark.parametrize(("plane", "condition"), [
    (Plane.SAGITTAL_T1, Condition.FORAMINAL), (Plane.AXIAL_T2, Condition.SUBARTICULAR)])
def test_one_side_alone_is_not_split_in_two(shape, truth, plane, condition, side):
    """Foramina of one side: which it is, the middle of the slices tells. A recess tells by its class."""
    study = toy_study(truth, planes=[plane])
    seen = {target: place for target, place in truth.items() if target.side == side}
    placed = place_targets(study, toy_candidates(study, seen), shape)
    check(study, placed.places, truth, within_mm=7)
    assert {target.side for target, place in placed.places.items() if place.found_by == "detector"} == {side}
    told = (None, "one side alone was seen: the midline is taken from the middle of its slices", 1) in placed.notes
    assert told == (condition == Condition.FORAMINAL)


def low_stack(study, above_mm=0.0):
    """The study with the axial slices below a height only."""
    one = study.of(Plane.AXIAL_T2)[0]
    low = [i for i, plane in enumerate(one.series.planes) if plane.origin_mm[2] < above_mm]
    stack = Series(*(tuple(part[i] for i in low) for part in (
        one.series.planes, one.series.images, one.series.instance_numbers, one.series.paths)), ())
    return Study(7, (*study.series[:2], StudySeries(3, one.plane, stack)), ())


def test_levels_outside_the_axial_stack_are_projected_onto_sagittal_slices(shape, truth):
    study = low_stack(toy_study(truth))
    places = place_targets(study, toy_candidates(study, truth), shape).places
    top = max(plane.origin_mm[2] for plane in study.by_id(3).series.planes)
    lost = {target for target in TARGETS if target.condition == Condition.SUBARTICULAR and truth[target][2] > top + 8}
    assert len(lost) in (4, 6)
    assert {target for target, place in places.items() if place.found_by == "projected"} == lost
    check(study, places, truth, within_mm=6)


def test_what_lies_outside_every_series_has_no_place_and_is_told(shape, truth):
    study = low_stack(toy_study(truth))
    study = Study(7, study.series[2:], ())
    placed = place_targets(study, toy_candidates(study, truth), shape)
    missing = 25 - len(placed.places)
    assert missing > 0
    assert (None, "targets outside of every series", missing) in placed.notes


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
                    tuple(range(15)), study.series[2].series.paths[:1] * 15, ())
    study = Study(7, (*study.series[:2], StudySeries(3, Plane.AXIAL_T2, blocks)), ())
    places = place_targets(study, toy_candidates(study, truth), shape).places
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
    places = place_targets(study, candidates, shape).places
    assert {places[target].series_id for target in canals} == {2}  # a tie goes to the lower id
    candidates.loc[candidates.series_id == 2, "confidence"] *= 0.5
    places = place_targets(study, candidates.sample(frac=1, random_state=1), shape).places
    assert {places[target].series_id for target in canals} == {9}


def test_nothing_seen_places_nothing_and_is_told(shape, truth):
    study = toy_study(truth)
    assert place_targets(study, toy_candidates(study, {}), shape).notes == ((None, "nothing was seen on any slice", 0),)
    assert place_targets(study, toy_candidates(study, {}), shape).places == {}


def test_a_series_that_shows_no_spine_is_not_used_and_told(shape, truth):
    """Another body part under a T2's name: its canals are projected onto the T1 instead."""
    study = toy_study(truth)
    candidates = toy_candidates(study, truth)
    stray = candidates[candidates.series_id == 2].iloc[:3].assign(
        confidence=0.6, x_mm=90.0, y_mm=[-90.0, 80.0, 95.0], z_mm=[90.0, -95.0, 5.0])
    placed = place_targets(study, pd.concat([candidates[candidates.series_id != 2], stray]), shape)
    canals = [placed.places[target] for target in TARGETS if target.condition == Condition.CANAL]
    assert {(place.series_id, place.found_by) for place in canals} == {(1, "projected")}
    assert (2, "shows no spine where it should: not used", 1) in placed.notes


def test_one_lucky_candidate_does_not_bring_back_a_series_that_shows_no_spine(shape, truth):
    study = toy_study(truth)
    candidates = toy_candidates(study, truth)
    lucky = candidates[(candidates.series_id == 2) & (candidates.detector_class == 2)].assign(confidence=0.3)
    lucky[["z_mm", "y_mm"]] += 6.0
    placed = place_targets(study, pd.concat([candidates[candidates.series_id != 2], lucky]), shape)
    assert (2, "shows no spine where it should: not used", 1) in placed.notes
    assert 2 not in {place.series_id for place in placed.places.values()}
    assert set(placed.places) == set(TARGETS)
    check(study, placed.places, truth, within_mm=6)


def test_recesses_whose_sides_are_all_swapped_are_placed_by_geometry_on_their_own_series(shape, truth):
    study = toy_study(truth)
    candidates = toy_candidates(study, truth)
    candidates["detector_class"] = candidates.detector_class.replace({10: 11, 11: 10})
    placed = place_targets(study, candidates, shape)
    check(study, placed.places, truth, within_mm=6)
    assert {(place.series_id, place.found_by) for target, place in placed.places.items()
            if target.condition == Condition.SUBARTICULAR} == {(3, "geometry")}
    assert (3, "candidates dropped: their side is not the patient's",
            (candidates.series_id == 3).sum()) in placed.notes


def test_targets_that_look_like_another_level_are_told(shape, truth):
    study = toy_study(truth)
    candidates = toy_candidates(study, truth)
    candidates.loc[candidates.detector_class == 2, "detector_class"] = 1  # the canal of L3/L4 looks like that of L2/L3
    placed = place_targets(study, candidates, shape)
    check(study, placed.places, truth)
    assert (None, "targets named by the whole spine: each look alone named a neighbouring level", 1) in placed.notes


def test_candidates_that_contradict_geometry_are_dropped_and_counted(shape, truth):
    study = toy_study(truth)
    candidates = toy_candidates(study, truth)
    off = candidates[candidates.detector_class == 2].iloc[:1].assign(y_mm=95.0, confidence=0.9)
    swapped = candidates[candidates.detector_class == 10].iloc[:4].assign(detector_class=11, confidence=0.9)
    weak = off.assign(z_mm=90.0, confidence=0.1)
    before = place_targets(study, candidates, shape)
    placed = place_targets(study, pd.concat([candidates, off, swapped, weak]), shape)
    assert (2, "candidates dropped: off the spine", 1) in placed.notes
    assert (3, "candidates dropped: their side is not the patient's", 4) in placed.notes
    assert not any("dropped" in note.note for note in before.notes)
    for target in TARGETS:
        assert placed.places[target].xy_px == pytest.approx(before.places[target].xy_px)


def test_what_was_chosen_is_told(shape, truth):
    study = toy_study(truth)
    placed = place_targets(study, toy_candidates(study, truth), shape)
    assert placed.notes == ((1, "targets placed by detector", 10), (2, "targets placed by detector", 5),
                            (3, "targets placed by detector", 10))
    assert (placed.levels.posterior > 0.97).all()
    assert (placed.levels.margin > 3).all()


def test_of_two_axial_blocks_that_cross_the_one_along_the_disc_is_chosen(shape, truth):
    """Both hold the recess of L5/S1; one lies along its disc, the other 40 degrees across."""
    study = toy_study(truth, planes=[Plane.SAGITTAL_T1, Plane.SAGITTAL_T2])
    target = Target(Condition.SUBARTICULAR, Side.LEFT, Level.L5_S1)
    canals = [truth[Target(Condition.CANAL, Side.MIDLINE, level)] for level in (Level.L4_L5, Level.L5_S1)]
    axis = (canals[0] - canals[1]) / np.linalg.norm(canals[0] - canals[1])
    series = []
    for series_id, degrees in ((3, 40), (4, 0)):
        angle = np.arctan2(axis[1], axis[2]) + np.deg2rad(degrees)
        normal = np.array([0, np.sin(angle), np.cos(angle)])
        down = np.cross(normal, [1.0, 0, 0])
        right = np.array([1.0, 0, 0])
        plane = SlicePlane(truth[target] - 50 * (right + down), right, down, (100, 100))
        series.append(StudySeries(series_id, Plane.AXIAL_T2, Series(
            (plane,), (np.zeros((100, 100), np.float32),), (1,), study.series[0].series.paths[:1], ())))
    study = Study(7, (*study.series, *series), ())
    places = place_targets(study, toy_candidates(study, truth), shape).places
    assert places[target].series_id == 4
    check(study, places, truth, within_mm=1e-6, targets=[target])


def test_a_stack_of_one_slice_is_used_for_what_it_shows(shape, truth):
    study = toy_study(truth)
    one = study.by_id(2)
    middle = one.series.nearest_slice(truth[TARGETS[2]])[0]
    single = Series(*(part[middle:middle + 1] for part in (
        one.series.planes, one.series.images, one.series.instance_numbers, one.series.paths)), ())
    study = Study(7, (study.series[0], StudySeries(2, Plane.SAGITTAL_T2, single), study.series[2]), ())
    places = place_targets(study, toy_candidates(study, truth), shape).places
    check(study, places, truth)
    assert {places[target].slice_index for target in TARGETS if target.condition == Condition.CANAL} == {0}


def test_a_few_weak_candidates_are_no_spine(shape, truth):
    study = toy_study(truth)
    candidates = toy_candidates(study, truth)
    few = candidates[candidates.detector_class.isin([1, 2])].assign(confidence=0.05)
    placed = place_targets(study, few, shape)
    assert placed.places == {}
    assert placed.notes == ((None, "too little was seen to name levels", len(few)),)
