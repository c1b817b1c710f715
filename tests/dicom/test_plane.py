import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsdc.dicom import SlicePlane, canonical_axes, covering_plane, orientation_of, patch_plane


def plane(right=(0, 1, 0), down=(0, 0, -1), spacing=(0.5, 0.8), origin=(10, -60, 200), size=(40, 30)) -> SlicePlane:
    return SlicePlane(np.array(origin, float), np.array(right, float) * spacing[0], np.array(down, float) * spacing[1],
                      size)


def test_pixel_to_patient_by_hand():
    one = plane()
    assert one.to_patient([0, 0]) == pytest.approx([10, -60, 200])
    assert one.to_patient([2, 5]) == pytest.approx([10, -59, 196])  # x: 2 * .5 to the back; y: 5 * .8 down
    xy, offset = one.to_pixel([13, -59, 196])
    assert xy == pytest.approx([2, 5])
    assert offset == pytest.approx(one.normal @ [3, 0, 0])
    assert one.spacing_xy_mm == pytest.approx((0.5, 0.8))
    assert one.centre_mm == pytest.approx([10, -60 + 14.5 * 0.5, 200 - 19.5 * 0.8])


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3), st.lists(st.floats(-500, 500), min_size=2, max_size=2))
@settings(max_examples=100, deadline=None)
def test_round_trip_on_any_tilt(angles, xy):
    a, b, c = angles
    turn = (np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
            @ np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
            @ np.array([[np.cos(c), 0, np.sin(c)], [0, 1, 0], [-np.sin(c), 0, np.cos(c)]]))
    one = plane(right=turn[0], down=turn[1])
    back, offset = one.to_pixel(one.to_patient(xy))
    assert back == pytest.approx(xy, abs=1e-9)
    assert offset == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
@pytest.mark.parametrize(
    ("right", "down", "orientation"),
    [((0, 1, 0), (0, 0, -1), "sagittal"), ((1, 0, 0), (0, 1, 0), "axial"), ((1, 0, 0), (0, 0, -1), "coronal")],
)
def test_canonical_axes_of_all_eight_symmetries(right, down, orientation, signs, swap):
    axes = [np.array(right) * signs[0], np.array(down) * signs[1]]
    one = plane(*(axes[::-1] if swap else axes))
    assert orientation_of(one) == orientation
    found_right, found_down = canonical_axes(one)
    assert found_right == pytest.approx(right)
    assert found_down == pytest.approx(down)


def test_patch_is_centred_and_turned():
    patch = patch_plane(plane(), [12.0, -50, 190], size_mm=20, size_px=41, rotate_degrees=90)
    assert patch.to_patient([20, 20]) == pytest.approx([10, -50, 190])  # the foot of the point on the plane
    assert patch.step_x_mm == pytest.approx([0, 0, -20 / 41])  # right turned towards down
    mirrored = patch_plane(plane(), [10, -50, 190], size_mm=20, size_px=40, mirror=True)
    assert mirrored.step_x_mm == pytest.approx([0, -0.5, 0])


def test_covering_plane_holds_the_whole_image():
    one = plane(right=(0, 0, -1), down=(0, -1, 0))  # turned and flipped
    cover = covering_plane(one, mm_per_px=1.0)
    corners = one.to_patient(np.array([[0, 0], [29, 0], [0, 39], [29, 39]]))
    xy, offset = cover.to_pixel(corners)
    assert offset == pytest.approx(np.zeros(4))
    assert (xy >= -0.5).all()
    assert (xy <= np.array(cover.size_hw[::-1]) - 0.5).all()
