import numpy as np
import pytest

from lsdc.config.sections import CropSettings, PerCondition
from lsdc.crops import Move, cut, moved, widened
from lsdc.crops.intensity import series_window, to_unit
from lsdc.dicom import patch_plane, resample
from tests.crops.studies import location, stack, study_of, waves

SETTINGS = CropSettings(size_px=32, size_mm=PerCondition(canal=40, foraminal=32, subarticular=28), slices=3,
                        views="own", intensity="percentile", mirror_right=True)
WIDE = widened(SETTINGS, margin_px=12, slices=2)
MM_PER_PX = 28 / 32
POINT = np.array([9.0, -6.0, 4.0])


@pytest.fixture(scope="module")
def study():
    return study_of(axial_t2=stack(waves, "axial"), sagittal_t1=stack(waves, "sagittal"))


def look(study, move, side="left", point=POINT):
    wide = cut(study, location(study, point, side=side), WIDE)
    return moved(wide.image, wide.valid, MM_PER_PX, SETTINGS, move)[:2]


def test_wider_settings_keep_the_pixel_size():
    assert WIDE.size_px == 56
    assert WIDE.slices == 7
    assert WIDE.size_mm.canal / WIDE.size_px == pytest.approx(SETTINGS.size_mm.canal / SETTINGS.size_px)


@pytest.mark.parametrize("side", ["left", "right"])
def test_no_move_is_the_plain_crop(study, side):
    image, valid = look(study, Move(), side)
    plain = cut(study, location(study, POINT, side=side), SETTINGS)
    assert np.allclose(image, plain.image, atol=1e-5)
    assert valid.tolist() == plain.valid.tolist()


@pytest.mark.parametrize(("side", "sign"), [("left", 1), ("right", -1)])
def test_a_shift_is_a_crop_around_a_shifted_point(study, side, sign):
    image, _ = look(study, Move(x_mm=3.0, y_mm=-2.0, slices=1), side)
    elsewhere = location(study, POINT + np.array([sign * 3.0, -2.0, 4.0]), side=side)
    assert np.abs(image - cut(study, elsewhere, SETTINGS).image).max() < 0.01


def test_turn_and_zoom_are_those_of_a_patch_plane(study):
    image, _ = look(study, Move(rotate_degrees=10, scale=1.2))
    series = study.series[0].series
    plane = patch_plane(series.planes[5], POINT, size_mm=28 * 1.2, size_px=32, rotate_degrees=10)
    expected = to_unit(resample(series.images[5], series.planes[5], plane), series_window(series))
    assert np.abs(image[1] - expected).max() < 0.01


def test_flips(study):
    plain, _ = look(study, Move())
    assert np.allclose(look(study, Move(flip_horizontal=True))[0], plain[:, :, ::-1], atol=1e-4)
    assert np.allclose(look(study, Move(flip_vertical=True))[0], plain[:, ::-1], atol=1e-4)


def test_a_move_past_the_end_of_the_stack_stops_at_its_last_slice(study):
    image, valid = look(study, Move(slices=2), point=np.array([9.0, -6.0, 12.0]))
    assert valid.tolist() == [True, True, False]
    last = location(study, np.array([9.0, -6.0, 16.0]))
    assert np.allclose(image, cut(study, last, SETTINGS).image, atol=1e-5)
