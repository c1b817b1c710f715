import numpy as np
import pandas as pd
import pytest

from lsdc.config.sections import AugmentSettings, CropSettings, PerCondition
from lsdc.crops import Move
from lsdc.grade.augment import Drawn, Photometry, draw, jitter_pool, mirror_signs, move_across, room
from lsdc.grade.balance import Operation
from lsdc.seeding import generator
from lsdc.taxonomy import Condition, Side

OFF = AugmentSettings(location_jitter=0, rotate_degrees=0, scale=0, flip_vertical=False, flip_horizontal=False,
                      mirror=0, brightness=0, contrast=0, gamma=0, noise_sd=0, blur=0, erase=0, view_dropout=0, mixup=0,
                      cutmix=0)
ALL = AugmentSettings(location_jitter=1, rotate_degrees=8, scale=0.1, flip_vertical=True, flip_horizontal=True,
                      mirror=0.5, brightness=0.2, contrast=0.2, gamma=0.2, noise_sd=0.05, blur=0.5, erase=0.3,
                      view_dropout=0.2, mixup=0.2, cutmix=0.2)
CROPS = CropSettings(size_px=64, size_mm=PerCondition(canal=48, foraminal=40, subarticular=44), slices=5, views="own",
                     intensity="percentile", mirror_right=True)
ERRORS = np.array([[1.0, -2.0, 1.0], [0.5, 0.0, -1.0]])
IMAGE = np.random.default_rng(0).integers(50, 205, (5, 64, 64), np.uint8)


def frame(*rows):
    names = ["condition", "side", "x_mm", "y_mm", "slices"]
    return pd.DataFrame([dict(zip(names, row, strict=True)) for row in rows])


def test_errors_are_pooled_as_on_the_left_without_the_gross_ones():
    pool = jitter_pool(frame(
        ("canal", "midline", 1.0, 2.0, 1.0), ("canal", "midline", 30.0, 0.0, 0.0), ("canal", "midline", 0.0, 0.0, 5.0),
        ("foraminal", "left", 1.0, 2.0, 1.0), ("foraminal", "right", 1.0, 2.0, 1.0),
        ("subarticular", "right", 1.0, 2.0, 1.0)))
    assert pool[Condition.CANAL].tolist() == [[1, 2, 1]]
    assert pool[Condition.FORAMINAL].tolist() == [[1, 2, 1], [1, 2, -1]]
    assert pool[Condition.SUBARTICULAR].tolist() == [[-1, 2, 1]]


def test_right_targets_shown_as_they_are_get_mirrored_jitter():
    plain = CROPS.model_copy(update={"mirror_right": False})
    assert mirror_signs(Condition.SUBARTICULAR, Side.RIGHT, CROPS) is None
    assert mirror_signs(Condition.SUBARTICULAR, Side.LEFT, plain) is None
    assert mirror_signs(Condition.SUBARTICULAR, Side.RIGHT, plain).tolist() == [-1, 1, 1]
    assert mirror_signs(Condition.FORAMINAL, Side.RIGHT, plain).tolist() == [1, 1, -1]


def test_jitter_is_one_of_the_measured_errors():
    moves = [draw(generator(1, number), ALL, ERRORS).move for number in range(40)]
    assert {(move.x_mm, move.y_mm, move.slices) for move in moves} == {(1.0, -2.0, 1), (0.5, 0.0, -1)}
    assert max(abs(move.rotate_degrees) for move in moves) <= 8
    assert 0.9 <= min(move.scale for move in moves) < 1 < max(move.scale for move in moves) <= 1 / 0.9
    assert {(move.flip_horizontal, move.flip_vertical) for move in moves} == {(a, b) for a in (True, False)
                                                                             for b in (True, False)}


def test_nothing_asked_nothing_done():
    drawn = draw(generator(1), OFF, ERRORS)
    assert drawn.move == Move()
    assert np.array_equal(Photometry(OFF)(IMAGE, drawn), IMAGE)
    assert draw(generator(1), ALL, np.zeros((0, 3))).move.x_mm == 0


def test_applying_is_pure_and_leaves_global_randomness_alone():
    photometry, drawn = Photometry(ALL), draw(generator(1), ALL, ERRORS)
    before, copy = np.random.get_state()[1].copy(), IMAGE.copy()
    one, two = photometry(IMAGE, drawn), Photometry(ALL)(IMAGE, drawn)
    assert np.array_equal(one, two)
    assert np.array_equal(IMAGE, copy)
    assert np.array_equal(np.random.get_state()[1], before)
    assert one.shape == IMAGE.shape
    assert one.dtype == np.uint8
    assert one.min() < one.max()
    assert not np.array_equal(photometry(IMAGE, Drawn(drawn.move, 0.0, drawn.seed + 1)), one)


@pytest.mark.parametrize("name", ["brightness", "contrast", "gamma", "noise_sd", "blur", "erase"])
def test_each_photometric_step_changes_the_image(name):
    photometry = Photometry(OFF.model_copy(update={name: 1.0 if name in ("blur", "erase") else 0.3}))
    assert np.abs(photometry(IMAGE, Drawn(Move(), 0.0, 5)).astype(int) - IMAGE).max() > 5


@pytest.mark.parametrize("name", ["brightness", "contrast", "gamma", "noise_sd", "blur", "erase"])
def test_the_largest_settings_that_are_allowed_still_give_images(name):
    photometry = Photometry(OFF.model_copy(update={name: 1.0}))
    for seed in range(10):
        image = photometry(IMAGE, Drawn(Move(), 0.0, seed))
        assert image.shape == IMAGE.shape
        assert image.dtype == np.uint8


def test_each_operation_of_the_balance_does_one_thing():
    moves = {one: draw(generator(3), OFF, ERRORS, operation=one) for one in Operation}
    assert 1 <= abs(moves[Operation.ROTATE].move.rotate_degrees) <= 20
    assert moves[Operation.FLIP_HORIZONTAL].move == Move(flip_horizontal=True)
    assert moves[Operation.FLIP_VERTICAL].move == Move(flip_vertical=True)
    noisy = Photometry(OFF)(np.full((1, 200, 200), 128, np.uint8), moves[Operation.NOISE])
    assert noisy.std() == pytest.approx(25, rel=0.03)


def test_a_stored_crop_has_room_for_the_largest_move():
    space = room(ALL, CROPS, balance=False)
    assert space["slices"] == 2
    half_mm = 40 / 2  # the smallest pixels need the largest margin
    corner = half_mm * (np.cos(np.deg2rad(8)) + np.sin(np.deg2rad(8))) / 0.9 + 8
    assert (32 + space["margin_px"]) * 40 / 64 == pytest.approx(corner, abs=1)
    assert room(OFF, CROPS, balance=False) == {"margin_px": 0, "slices": 0}
    assert room(OFF, CROPS, balance=True)["margin_px"] >= 9


def test_a_view_is_hidden_as_often_as_asked():
    hidden = [draw(generator(2, number), ALL, ERRORS).hidden for number in range(400)]
    assert 0.13 < np.mean([one is not None for one in hidden]) < 0.27
    assert {0, 1} <= set(hidden)
    assert draw(generator(2), OFF, ERRORS).hidden is None


@pytest.mark.parametrize(("axial", "step", "across"), [
    # a sagittal view that moves 1 mm back, 4 mm down and one slice to the left, where slices are 4.5 mm apart
    (False, Move(x_mm=1, y_mm=4, slices=1), Move(x_mm=4.5, y_mm=1, slices=-1)),
    # an axial one that moves 4.4 mm to the left, 1 mm back and one slice up
    (True, Move(x_mm=4.4, y_mm=1, slices=1), Move(x_mm=1, y_mm=-4.5, slices=1)),
])
def test_both_views_move_by_the_same_step_in_the_patient(axial, step, across):
    assert move_across(step, axial=axial, slice_mm=4.5, other_slice_mm=4.0) == across


def test_a_view_of_one_slice_has_no_step_along_it():
    assert move_across(Move(slices=1, y_mm=9), axial=False, slice_mm=np.nan, other_slice_mm=np.nan) == Move(y_mm=0)
