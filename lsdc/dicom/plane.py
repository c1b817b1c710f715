"""Slice planes: pixel to patient millimetres and back.

Patient coordinates are DICOM LPS in mm (x to the patient's left, y to the back, z to the head); pixel coordinates
are (x, y) = (column index, row index) with pixel centres at integers, the first pixel being (0, 0).
Source: DICOM PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

Orientation = Literal["sagittal", "axial", "coronal"]

_LEFT, _BACK, _DOWN = np.eye(3)[0], np.eye(3)[1], -np.eye(3)[2]
_RIGHT_AND_DOWN = {  # where an image's right edge and lower edge lie when it is turned as radiologists show it
    "sagittal": (_BACK, _DOWN),
    "axial": (_LEFT, _BACK),
    "coronal": (_LEFT, _DOWN),
}


@dataclass(frozen=True, eq=False)
class SlicePlane:
    """Where the pixels of one image lie in the patient.

    origin_mm: (3,) centre of pixel (0, 0). step_x_mm, step_y_mm: (3,) from one pixel to the next in x, in y.
    size_hw: rows, columns.
    """

    origin_mm: np.ndarray
    step_x_mm: np.ndarray
    step_y_mm: np.ndarray
    size_hw: tuple[int, int]

    @property
    def spacing_xy_mm(self) -> tuple[float, float]:
        """Distance between neighbouring pixel centres in x and in y, mm."""
        return float(np.linalg.norm(self.step_x_mm)), float(np.linalg.norm(self.step_y_mm))

    @cached_property
    def normal(self) -> np.ndarray:
        """(3,) unit vector, step_x cross step_y; read-only, for it is made once."""
        normal = np.cross(self.step_x_mm, self.step_y_mm)
        return _constant(normal / np.linalg.norm(normal))

    @cached_property
    def _onto_steps(self) -> np.ndarray:
        """(3, 2) that takes mm from the origin to steps in x and in y."""
        steps = np.stack([self.step_x_mm, self.step_y_mm])  # (2, 3)
        return _constant(steps.T @ np.linalg.inv(steps @ steps.T))

    @property
    def centre_mm(self) -> np.ndarray:
        """(3,) middle of the image."""
        height, width = self.size_hw
        return self.to_patient(np.array([(width - 1) / 2, (height - 1) / 2]))

    def to_patient(self, xy_px: np.ndarray) -> np.ndarray:
        """(..., 2) pixel coordinates to (..., 3) patient mm."""
        xy_px = np.asarray(xy_px, dtype=np.float64)
        return self.origin_mm + xy_px[..., :1] * self.step_x_mm + xy_px[..., 1:] * self.step_y_mm

    def to_pixel(self, points_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(..., 3) patient mm to (..., 2) pixel coordinates of the foot point, and (...) signed mm along the normal."""
        offset = np.asarray(points_mm, dtype=np.float64) - self.origin_mm
        return offset @ self._onto_steps, offset @ self.normal

    def holds(self, xy_px: np.ndarray) -> bool:
        """Whether a pixel coordinate (2,) lies within the image, its outermost pixels whole."""
        height, width = self.size_hw
        return bool(-0.5 <= xy_px[0] <= width - 0.5 and -0.5 <= xy_px[1] <= height - 0.5)

    def moved(self, offset_mm: np.ndarray) -> "SlicePlane":
        """The same plane shifted by (3,) mm."""
        return SlicePlane(self.origin_mm + offset_mm, self.step_x_mm, self.step_y_mm, self.size_hw)


def _constant(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def orientation_of(plane: SlicePlane) -> Orientation:
    """Sagittal, coronal or axial, by the largest component of the normal."""
    return ("sagittal", "coronal", "axial")[int(np.argmax(np.abs(plane.normal)))]


def canonical_axes(plane: SlicePlane) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (right, down), (3,) each, of the image turned and flipped as radiologists show it.

    Sagittal: right is posterior, down is inferior. Axial: right is the patient's left, down is posterior.
    Coronal: right is the patient's left, down is inferior. They are the image's own axes, swapped or negated,
    so an oblique plane stays in plane.
    """
    wanted_right, wanted_down = _RIGHT_AND_DOWN[orientation_of(plane)]
    axes = [plane.step_x_mm / np.linalg.norm(plane.step_x_mm), plane.step_y_mm / np.linalg.norm(plane.step_y_mm)]
    straight = abs(axes[0] @ wanted_right) + abs(axes[1] @ wanted_down)
    turned = abs(axes[1] @ wanted_right) + abs(axes[0] @ wanted_down)
    right, down = axes if straight >= turned else axes[::-1]
    return (right if right @ wanted_right >= 0 else -right), (down if down @ wanted_down >= 0 else -down)


def covering_plane(plane: SlicePlane, *, mm_per_px: float, size_hw: tuple[int, int] | None = None) -> SlicePlane:
    """A plane on canonical axes with square pixels that has the whole image in its middle.

    size_hw: rows, columns; by default just enough. A smaller size keeps the middle of the image.
    """
    right, down = canonical_axes(plane)
    height, width = plane.size_hw
    corners = plane.to_patient(np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]]))
    if size_hw is None:
        size_hw = tuple(int(np.ceil(np.ptp(corners @ axis) / mm_per_px)) + 1 for axis in (down, right))
    return _centred(plane.centre_mm, right, down, mm_per_px, size_hw)


def patch_plane(
    plane: SlicePlane,
    centre_mm: np.ndarray,
    *,
    size_mm: float,
    size_px: int,
    rotate_degrees: float = 0.0,
    mirror: bool = False,
) -> SlicePlane:
    """A square patch of the plane around a patient point (3,), projected onto the plane along its normal.

    The patch's pixels are size_mm / size_px wide and its axes canonical; it is turned by rotate_degrees in the plane
    (right towards down), and mirror reverses its x axis.
    """
    right, down = canonical_axes(plane)
    angle = np.deg2rad(rotate_degrees)
    right, down = np.cos(angle) * right + np.sin(angle) * down, np.cos(angle) * down - np.sin(angle) * right
    foot_px, _ = plane.to_pixel(centre_mm)
    return _centred(plane.to_patient(foot_px), -right if mirror else right, down, size_mm / size_px, (size_px, size_px))


def _centred(centre_mm, right, down, mm_per_px, size_hw) -> SlicePlane:
    step_x, step_y = right * mm_per_px, down * mm_per_px
    origin = centre_mm - step_x * (size_hw[1] - 1) / 2 - step_y * (size_hw[0] - 1) / 2
    return SlicePlane(origin, step_x, step_y, tuple(size_hw))
