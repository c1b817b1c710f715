from pathlib import Path

import numpy as np
import pytest

from lsdc.config import load_settings
from lsdc.detect.canvas import Canvases, canvas_size, draw_canvas, series_window
from lsdc.dicom import Series, SlicePlane
from lsdc.errors import ConfigError
from lsdc.taxonomy import Condition

AXIAL = SlicePlane(np.zeros(3), np.array([2.0, 0, 0]), np.array([0, 2.0, 0]), (40, 60))


def series(images, planes):
    count = len(images)
    return Series(tuple(planes), tuple(images), tuple(range(count)), (Path("x"),) * count, ())


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


def settings(*overrides):
    return load_settings("configs/phantom.yaml", overrides).detector


PAPER = ("detector.classes=side_and_level", "detector.slices=annotated", "detector.mm_per_px=null",
         "detector.box_mm=null", "detector.box_px=16", "detector.window=slice", "detector.image_px=320")


def test_the_papers_canvas_holds_the_whole_slice_and_its_boxes_are_native_pixels():
    """A slice of 120 x 80 mm, pixels 2 mm wide and 1 mm high, fitted into 320 px: 16 px are 32 by 16 mm."""
    slim = SlicePlane(np.zeros(3), np.array([2.0, 0, 0]), np.array([0, 1.0, 0]), (80, 60))
    canvases = Canvases.for_training(series([np.zeros((80, 60), np.float32)], [slim]), settings(*PAPER))
    scale = 119 / 320  # mm per px: 59 steps of 2 mm and a pixel of 1 mm
    assert canvases.mm_per_px == pytest.approx(scale)
    assert canvases.box_wh(0, Condition.CANAL) == pytest.approx([32 / scale, 16 / scale])
    pixels, plane = canvases.draw(0)
    assert pixels.shape == canvases.size_hw == (320, 320)
    for corner in ([0, 0], [59, 79]):
        place = slim.to_patient(np.array(corner))
        assert plane.holds(plane.to_pixel(place)[0])
        assert slim.to_pixel(plane.to_patient(plane.to_pixel(place)[0]))[0] == pytest.approx(corner, abs=1e-9)
    assert Canvases.for_inference(canvases.series, settings(*PAPER)).size_hw == (320, 320)


def test_boxes_in_mm_have_one_size_in_every_series():
    canvases = Canvases.for_training(series([np.zeros((40, 60), np.float32)], [AXIAL]), settings())
    assert canvases.box_wh(0, Condition.CANAL) == pytest.approx([20 / 1.5] * 2)


def test_the_papers_window_is_the_slices_own():
    dim, bright = np.zeros((40, 60), np.float32), np.zeros((40, 60), np.float32)
    dim[20, 30], bright[20, 30], bright[0, 0] = 10, 1000, np.nan
    canvases = Canvases.for_training(series([dim, bright], [AXIAL, AXIAL]), settings(*PAPER))
    assert canvases.draw(0)[0].max() == canvases.draw(1)[0].max() > 100
    ours = Canvases.for_training(series([dim, bright], [AXIAL, AXIAL]), settings())
    assert ours.window == series_window(ours.series)


@pytest.mark.parametrize(("override", "said"), [
    ("detector.flip_horizontal=0.5", "flip_horizontal must be 0 with classes: image"),
    ("detector.box_px=16", "give one of box_mm and box_px"),
    ("detector.box_mm=null", "give one of box_mm and box_px"),
    ("detector.slices=annotated", "slices must be near with classes: image")])
def test_settings_that_would_make_labels_false_are_refused(override, said):
    with pytest.raises(ConfigError, match=said):
        settings(override)
