from pathlib import Path

import numpy as np
import pytest

from lsdc.detect.canvas import canvas_size, draw_canvas, series_window
from lsdc.dicom import Series, SlicePlane

AXIAL = SlicePlane(np.zeros(3), np.array([2.0, 0, 0]), np.array([0, 2.0, 0]), (40, 60))


def series(images, planes):
    count = len(images)
    return Series(tuple(planes), tuple(images), tuple(range(count)), (Path("x"),) * count, "", ())


def test_a_bright_pixel_lands_where_the_patient_says_it_is():
    image = np.zeros((40, 60), np.float32)
    image[10, 20] = 1000  # 40 mm left, 20 mm back
    pixels, plane = draw_canvas(image, AXIAL, (0, 1000), mm_per_px=1.0, size_hw=(96, 128))
    assert pixels.shape == (96, 128)
    assert pixels.dtype == np.uint8
    y, x = np.unravel_index(pixels.argmax(), pixels.shape)
    np.testing.assert_allclose(plane.to_patient(np.array([x, y])), [40, 20, 0], atol=0.6)


@pytest.mark.parametrize("turn", [(-1, 1), (1, -1), (-1, -1)])
def test_a_mirrored_slice_gives_the_same_canvas(turn):
    generator = np.random.default_rng(0)
    image = generator.uniform(0, 1000, (40, 60)).astype(np.float32)
    straight, _ = draw_canvas(image, AXIAL, (0, 1000), mm_per_px=1.0, size_hw=(96, 128))
    flip_x, flip_y = turn
    other = SlicePlane(AXIAL.to_patient([59 if flip_x < 0 else 0, 39 if flip_y < 0 else 0]), AXIAL.step_x_mm * flip_x,
                       AXIAL.step_y_mm * flip_y, AXIAL.size_hw)
    mirrored, _ = draw_canvas(np.ascontiguousarray(image[::flip_y, ::flip_x]), other, (0, 1000),
                              mm_per_px=1.0, size_hw=(96, 128))
    np.testing.assert_array_equal(mirrored, straight)


def test_size_holds_the_largest_slice_in_multiples_of_32_and_is_bounded():
    wide = SlicePlane(np.zeros(3), np.array([2.0, 0, 0]), np.array([0, 2.0, 0]), (40, 100))
    both = series([np.zeros((40, 60)), np.zeros((40, 100))], [AXIAL, wide])
    assert canvas_size(both, mm_per_px=1.0, image_px=256) == (96, 224)  # 79 x 199 px
    assert canvas_size(both, mm_per_px=0.5, image_px=96) == (160, 192)


def test_window_covers_the_series_without_its_extremes_and_constant_images_are_black():
    image = np.tile(np.arange(1000, dtype=np.float32), (40, 1))
    image[0, 0] = 1e9
    low, high = series_window(series([image], [AXIAL]))
    assert (low, high) == pytest.approx((5, 995), abs=6)
    flat = np.full((40, 60), 7, np.float32)
    pixels, _ = draw_canvas(flat, AXIAL, series_window(series([flat], [AXIAL])), mm_per_px=1.0, size_hw=(96, 128))
    assert not pixels.any()
    assert series_window(series([np.full((8, 8), np.nan, np.float32)], [AXIAL])) == (0.0, 1.0)
