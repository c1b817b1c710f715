"""Geometry travels with pixels, on any tilt: what a plane says of a pixel is what the pixel shows."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lsdc.dicom import SlicePlane, canonical_axes, covering_plane, patch_plane, pixel_map, resample

MM = st.floats(-300, 300)
POINTS = st.tuples(MM, MM, MM).map(np.array)
FIELD = np.array([0.7, -1.1, 0.4])  # of a linear image, per mm
quick = settings(max_examples=60, deadline=None)


@st.composite
def planes(draw) -> SlicePlane:
    """Any plane: any tilt, unequal spacing, odd sizes."""
    quaternion = np.array(draw(st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1)))
    w, x, y, z = quaternion / np.linalg.norm(quaternion)
    right = np.array([1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)])
    down = np.array([2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)])
    spacing = draw(st.tuples(st.floats(0.2, 2), st.floats(0.2, 2)))
    size = draw(st.tuples(st.integers(20, 60), st.integers(20, 60)))
    return SlicePlane(draw(POINTS), right * spacing[0], down * spacing[1], size)


@st.composite
def patches(draw) -> tuple[SlicePlane, SlicePlane]:
    """A plane and a patch of it around one of its pixels: turned, mirrored, larger or smaller pixels."""
    plane = draw(planes())
    height, width = plane.size_hw
    middle = plane.to_patient([draw(st.floats(0, width - 1)), draw(st.floats(0, height - 1))])
    centre = middle + draw(st.floats(-5, 5)) * plane.normal  # beside the slice
    return plane, patch_plane(plane, centre, size_mm=draw(st.floats(5, 60)), size_px=draw(st.integers(4, 40)),
                              rotate_degrees=draw(st.floats(-180, 180)), mirror=draw(st.booleans()))


@quick
@given(planes(), st.floats(-100, 100), st.floats(-100, 100))
def test_pixels_come_back_from_the_patient(plane, x, y):
    back, offset = plane.to_pixel(plane.to_patient([x, y]))
    np.testing.assert_allclose(back, [x, y], atol=1e-6)
    assert abs(offset) < 1e-6


@quick
@given(patches(), POINTS)
def test_a_patient_point_has_one_foot_on_plane_and_patch(pair, point):
    plane, patch = pair
    (on_plane, offset), (on_patch, other) = plane.to_pixel(point), patch.to_pixel(point)
    np.testing.assert_allclose(plane.to_patient(on_plane), patch.to_patient(on_patch), atol=1e-6)
    np.testing.assert_allclose(pixel_map(plane, patch) @ [*on_plane, 1], on_patch, atol=1e-5)
    assert abs(abs(offset) - abs(other)) < 1e-6


@quick
@given(patches())
def test_a_patch_of_a_linear_image_shows_the_values_at_its_points(pair):
    plane, patch = pair
    patch = SlicePlane(patch.origin_mm, patch.step_x_mm, patch.step_y_mm, patch.size_hw)
    image = (plane.to_patient(_grid(plane)) @ FIELD).astype(np.float32)
    seen = resample(image, plane, patch)
    xy, _ = plane.to_pixel(patch.to_patient(_grid(patch)))
    coarse = max(1.0, max(patch.spacing_xy_mm) / min(plane.spacing_xy_mm))
    margin = 3 * coarse + 2  # smoothing sees beyond the edge
    inside = ((xy > margin) & (xy < np.array(plane.size_hw[::-1]) - 1 - margin)).all(axis=-1)
    wanted = patch.to_patient(_grid(patch)) @ FIELD
    np.testing.assert_allclose(seen[inside], wanted[inside], atol=0.06 * max(plane.spacing_xy_mm) * coarse)


@quick
@given(planes(), st.floats(0.3, 3))
def test_a_covering_plane_holds_the_image_and_is_canonical(plane, mm_per_px):
    cover = covering_plane(plane, mm_per_px=mm_per_px)
    height, width = plane.size_hw
    corners = plane.to_patient(np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]]))
    xy, offset = cover.to_pixel(corners)
    assert all(cover.holds(one) for one in xy)
    assert np.abs(offset).max() < 1e-6
    for axis, step in zip(canonical_axes(plane), (cover.step_x_mm, cover.step_y_mm), strict=True):
        np.testing.assert_allclose(step, axis * mm_per_px, atol=1e-9)


@quick
@given(planes(), st.floats(5, 50), st.integers(4, 30), st.floats(-180, 180))
def test_a_mirrored_patch_is_the_patch_read_from_right_to_left(plane, size_mm, size_px, degrees):
    plain, mirrored = (patch_plane(plane, plane.centre_mm, size_mm=size_mm, size_px=size_px, rotate_degrees=degrees,
                                   mirror=mirror) for mirror in (False, True))
    grid = _grid(plain)
    np.testing.assert_allclose(mirrored.to_patient(grid), plain.to_patient(grid)[:, ::-1], atol=1e-6)


def _grid(plane: SlicePlane) -> np.ndarray:
    """(h, w, 2) pixel coordinates."""
    height, width = plane.size_hw
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
