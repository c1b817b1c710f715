import numpy as np
import pytest

from lsdc.dicom import SlicePlane, covering_plane, patch_plane, resample


def ramp_plane(size=(40, 50), spacing=1.0):
    return SlicePlane(np.zeros(3), np.array([0, spacing, 0.0]), np.array([0, 0, -spacing]), size)


def test_a_linear_image_is_reproduced_on_any_grid():
    plane = ramp_plane()
    y, x = np.mgrid[:40, :50]
    image = (2 * x + 3 * y).astype(np.float32)
    target = patch_plane(plane, plane.to_patient([25, 20]), size_mm=12, size_px=24, rotate_degrees=30)
    grid = np.stack(np.meshgrid(np.arange(24), np.arange(24)), axis=-1)
    xy, _ = plane.to_pixel(target.to_patient(grid))
    wanted = 2 * xy[..., 0] + 3 * xy[..., 1]
    assert resample(image, plane, target) == pytest.approx(wanted, abs=0.2)  # OpenCV rounds to 1/32 px


def test_flipped_image_comes_back_in_canonical_order():
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    flipped = SlicePlane(np.zeros(3), np.array([0, -1.0, 0]), np.array([0, 0, 1.0]), (3, 4))
    assert resample(image, flipped, covering_plane(flipped, mm_per_px=1)) == pytest.approx(image[::-1, ::-1])


def test_shrinking_averages_instead_of_skipping():
    board = (np.indices((64, 64)).sum(axis=0) % 2).astype(np.float32)
    plane = ramp_plane((64, 64))
    small = resample(board, plane, covering_plane(plane, mm_per_px=4.0))
    assert small[3:-3, 3:-3] == pytest.approx(0.5, abs=0.02)


def test_outside_is_filled():
    plane = ramp_plane((10, 10))
    far = patch_plane(plane, plane.to_patient([500, 500]), size_mm=40, size_px=8)
    assert resample(np.ones((10, 10), np.float32), plane, far, fill=-3) == pytest.approx(-3)
