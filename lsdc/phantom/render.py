"""One slice of a patient as ideal images: shapes sampled at sub-slices, averaged through the slice thickness."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from lsdc.dicom.plane import SlicePlane
from lsdc.phantom.anatomy import Anatomy
from lsdc.phantom.arches import paint_arches
from lsdc.phantom.background import paint_background
from lsdc.phantom.canal import paint_canal, root_map
from lsdc.phantom.canvas import Canvas, Contrast, Share
from lsdc.phantom.column import paint_column
from lsdc.phantom.frame import SpineFrame, make_frame
from lsdc.phantom.profiles import Profiles, back_of_column, make_profiles

SPINE_BOX_MM = (34.0, -24.0, 72.0)  # |u|, and v from .. to: points that carry fine structure
TEXTURE_PX = 768


@dataclass(frozen=True, eq=False)
class Patient:
    """A patient ready to be imaged, with the pose in the scanner: scanner mm = rotation @ patient mm + shift."""

    anatomy: Anatomy
    frame: SpineFrame
    profiles: Profiles
    roots: np.ndarray
    rotation: np.ndarray  # (3, 3)
    shift_mm: np.ndarray  # (3,)

    def place(self, s, u, v) -> np.ndarray:
        """Spine coordinates to (..., 3) scanner (DICOM) mm."""
        return self.frame.to_patient(s, u, v) @ self.rotation.T + self.shift_mm


def pose(random: np.random.Generator, anatomy: Anatomy) -> Patient:
    """Lay a patient in the scanner: tilted by a few degrees about each axis and shifted."""
    rotation, _ = cv2.Rodrigues(np.deg2rad(random.normal(0, (2.0, 2.0, 2.0)).clip(-5, 5)))
    frame = make_frame(anatomy)
    return Patient(anatomy, frame, make_profiles(anatomy, frame), root_map(random), rotation,
                   random.uniform((-20, -30, -40), (20, 30, 40)))


def texture_tiles(random: np.random.Generator) -> np.ndarray:
    """(2, TEXTURE_PX, TEXTURE_PX) float32 of about N(0, 1): fine mottle, coarse streaks."""
    tiles = []
    for sigma in (1.4, 2.6):
        noise = cv2.GaussianBlur(random.standard_normal((TEXTURE_PX, TEXTURE_PX), dtype=np.float32), (0, 0), sigma)
        tiles.append(noise / noise.std())
    return np.stack(tiles)


def render_slice(
    patient: Patient, plane: SlicePlane, thickness_mm: float, contrasts: tuple[Contrast | Share, ...], *,
    sub_slices: int, saturated: bool, tiles: np.ndarray, random: np.random.Generator,
) -> list[np.ndarray]:
    """Ideal images (rows, columns) float32 of a plane, one per contrast, signal about 0 to 1, no noise or shading.

    A Share in the place of a contrast gives the truth mask that belongs to the images beside it.
    """
    height, width = plane.size_hw
    corner = random.integers(0, TEXTURE_PX - np.array([height, width]))
    fine, streaks = tiles[:, corner[0]: corner[0] + height, corner[1]: corner[1] + width]
    coarse = SlicePlane(plane.to_patient(np.array([0.5, 0.5])), 2 * plane.step_x_mm, 2 * plane.step_y_mm,
                        ((height + 1) // 2, (width + 1) // 2))
    xyz = _patient_mm(patient, coarse, np.zeros(1))
    whole = _canvas(patient, xyz, contrasts, None)
    paint_background(whole, patient.anatomy, patient.frame, xyz, streaks[::2, ::2], saturated=saturated)
    images = [_doubled(image[0], plane.size_hw) for image in whole.images]

    half_width, front, rear = SPINE_BOX_MM
    box = whole.within((np.abs(whole.u) < half_width) & (whole.v > front) & (whole.v < rear))
    if box is not None:
        place = rows, columns = tuple(slice(2 * part.start, 2 * part.stop) for part in _place_of(box, whole))
        under = tuple(image[place] for image in images)
        offsets = (np.arange(sub_slices) - (sub_slices - 1) / 2) / sub_slices * thickness_mm
        part = SlicePlane(plane.to_patient(np.array([columns.start, rows.start])), plane.step_x_mm, plane.step_y_mm,
                          under[0].shape)
        canvas = _canvas(patient, _patient_mm(patient, part, offsets), contrasts, under)
        canvas = replace(canvas, q=canvas.v - back_of_column(patient.profiles, canvas.i, canvas.u, canvas.side))
        paint_arches(canvas, patient.profiles)
        paint_canal(canvas, patient.profiles, patient.roots)
        paint_column(canvas, patient.profiles)
        for image, detail in zip(images, canvas.images, strict=True):
            image[place] = detail.mean(axis=0)
    grain = 1 + np.float32(0.05) * fine
    return [image if isinstance(contrast, Share) else image * grain
            for image, contrast in zip(images, contrasts, strict=True)]


def _doubled(image: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Twice the rows and columns, cut to size; pixel (0.5, 0.5) of the result is (0, 0) of the image."""
    height, width = image.shape
    large = cv2.resize(image, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(large[: size_hw[0], : size_hw[1]])


def _patient_mm(patient: Patient, plane: SlicePlane, offsets_mm: np.ndarray) -> tuple[np.ndarray, ...]:
    """Patient x, y, z of every point, each (sub-slices, rows, columns) float32."""
    height, width = plane.size_hw
    back = patient.rotation.T
    origin = back @ (plane.origin_mm - patient.shift_mm)
    step_x, step_y, normal = back @ plane.step_x_mm, back @ plane.step_y_mm, back @ plane.normal
    return tuple(
        ((origin[k] + offsets_mm * normal[k])[:, None] + np.arange(height) * step_y[k]).astype(np.float32)[..., None]
        + (np.arange(width) * step_x[k]).astype(np.float32)
        for k in range(3)
    )


def _canvas(patient: Patient, xyz: tuple, contrasts: tuple[Contrast | Share, ...], under: tuple | None) -> Canvas:
    shape = xyz[0].shape
    s, u, v = (values.reshape(shape) for values in patient.frame.from_patient(
        *(values.reshape(-1, shape[-1]) for values in xyz)))
    if under is None:
        images = tuple(np.zeros(shape, np.float32) for _ in contrasts)
    else:
        images = tuple(np.repeat(image[None], shape[0], axis=0) for image in under)
    return Canvas(s, u, v, v, patient.frame.index(s), (u < 0).astype(np.int8), images, contrasts)


def _place_of(box: Canvas, whole: Canvas) -> tuple[slice, slice]:
    """Rows and columns of the whole canvas that a box (a view of it) covers."""
    offset = box.s.__array_interface__["data"][0] - whole.s.__array_interface__["data"][0]
    row, column = divmod(offset // whole.s.itemsize, whole.s.shape[2])
    return slice(row, row + box.s.shape[1]), slice(column, column + box.s.shape[2])
