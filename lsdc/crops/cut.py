"""A patch around a patient point: neighbouring slices on canonical axes, in mm, each with its plane."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lsdc.competition.study import Study
from lsdc.config.sections import CropSettings
from lsdc.crops.intensity import series_window, slice_window, to_unit
from lsdc.dicom import Series, SlicePlane, canonical_axes, orientation_of, patch_plane, resample
from lsdc.errors import DataError
from lsdc.taxonomy import Condition, Side

SAME_BLOCK_DEGREES = 10  # slices of one tilted axial block; its neighbours stand at other angles
LEAST_COVERED = 0.5  # of a crop, on its image
LARGEST_GAP = 2.5  # times the series' spacing: farther slices are no neighbours


@dataclass(frozen=True, eq=False)
class Crop:
    """What a network sees of one location.

    image: (slices, size_px, size_px) float32 in 0..1; slices from foot to head (axial) or, sagittal, from the
    patient's right to left, which is medial to lateral for a left target; a mirrored right target has it too.
    planes: of each slice shown (a mirrored patch has a left-handed one).
    valid: (slices,) False where the stack ended and its last slice stands in.
    covered: share of the middle slice's patch that its image has, the rest being filled with the darkest value.
    """

    image: np.ndarray
    planes: tuple[SlicePlane, ...]
    valid: np.ndarray
    covered: float


def cut(study: Study, location: Mapping, settings: CropSettings, *, shown: CropSettings | None = None) -> Crop:
    """Cut the patch of a location out of a study.

    location: condition, side, series_id, slice_index, and the point x_mm, y_mm, z_mm (a row of LOCATIONS).
    shown: of the part that has to lie on the image, where the patch is cut with room around it; by default all of it.
    Right targets are shown as their left mirror image when settings.mirror_right. DataError when the series or slice
    is not there, the point or most of the patch lies outside the slice, or the image is constant.
    """
    series = study.by_id(int(location["series_id"])).series
    point_mm = np.array([location["x_mm"], location["y_mm"], location["z_mm"]], dtype=np.float64)
    middle = int(location["slice_index"])
    _check(study, location, series, middle, point_mm)
    mirror = settings.mirror_right and Side(location["side"]) is Side.RIGHT
    sagittal = orientation_of(series.planes[middle]) == "sagittal"
    chosen, valid = neighbours(series, middle, settings.slices, reverse=mirror and sagittal)
    images, planes = [], []
    for index in chosen:
        plane = _patch(series.planes[index], point_mm, settings, Condition(location["condition"]),
                       mirror=mirror and not sagittal)
        if index != middle and settings.intensity == "minmax" and np.ptp(series.images[index]) == 0:
            images.append(np.zeros(plane.size_hw, np.float32))
        else:
            images.append(_shown(series, index, plane, settings))
        planes.append(plane)
    patch = _patch(series.planes[middle], point_mm, shown or settings, Condition(location["condition"]), mirror=False)
    return Crop(np.stack(images), tuple(planes), valid, _covered(study, location, series.planes[middle], patch))


def neighbours(series: Series, middle: int, count: int, *, reverse: bool = False) -> tuple[list[int], np.ndarray]:
    """Indices of `count` slices of one block around a slice, and which of them are really there, (count,) bool.

    Only slices of about the same tilt follow each other, without a gap; where they end, the last one is repeated.
    """
    normal, half = series.planes[middle].normal, count // 2
    tilt = np.cos(np.deg2rad(SAME_BLOCK_DEGREES))
    block = [i for i, plane in enumerate(series.planes) if abs(plane.normal @ normal) >= tilt]
    place = [series.planes[i].centre_mm @ normal for i in block]
    at, gap = block.index(middle), LARGEST_GAP * series.spacing_mm
    chosen, valid = {0: middle}, {0: True}
    for step in (-1, 1):
        for k in range(1, half + 1):
            this, last = at + step * k, at + step * (k - 1)
            there = valid[step * (k - 1)] and 0 <= this < len(block) and abs(place[this] - place[last]) <= gap
            chosen[step * k], valid[step * k] = (block[this] if there else chosen[step * (k - 1)]), there
    order = range(half, -half - 1, -1) if reverse else range(-half, half + 1)
    return [chosen[k] for k in order], np.array([valid[k] for k in order])


def _shown(series: Series, index: int, plane: SlicePlane, settings: CropSettings) -> np.ndarray:
    per_slice = settings.intensity == "minmax"
    window = slice_window(series, index) if per_slice else series_window(series)
    image = resample(series.images[index], series.planes[index], plane, fill=window[0])
    return to_unit(image, window, eight_bits=per_slice)


def _covered(study: Study, location: Mapping, plane: SlicePlane, patch: SlicePlane) -> float:
    """The share of the patch that lies on the image; DataError where it is less than LEAST_COVERED of what an image of
    this size can give. Both are taken for upright in the other's pixels, which they are but for a few degrees.
    """
    height, width = patch.size_hw
    corners = np.array([[x, y] for x in (-0.5, width - 0.5) for y in (-0.5, height - 0.5)])
    xy_px = plane.to_pixel(patch.to_patient(corners))[0] + 0.5
    low, high = xy_px.min(axis=0), xy_px.max(axis=0)
    size = np.array(plane.size_hw[::-1])
    share = float((np.minimum(high, size) - np.maximum(low, 0)).clip(0).prod() / (high - low).prod())
    possible = float(np.minimum(1, size / (high - low)).prod())
    if share < LEAST_COVERED * possible:
        raise DataError("most of the crop lies outside the image", wanted=f"{100 * LEAST_COVERED * possible:.0f} %",
                        got=f"{100 * share:.0f} % on it",
                        where=f"study {study.study_id}, series {location['series_id']}")
    return share


def _patch(plane: SlicePlane, point_mm, settings: CropSettings, condition: Condition, *, mirror: bool) -> SlicePlane:
    if settings.size_mm is None:
        return _native_patch(plane, point_mm, settings.size_px, mirror=mirror)
    return patch_plane(plane, point_mm, size_mm=settings.size_mm.of(condition), size_px=settings.size_px, mirror=mirror)


def _native_patch(plane: SlicePlane, point_mm: np.ndarray, size_px: int, *, mirror: bool) -> SlicePlane:
    """The image's own pixels, turned to canonical axes: size_px // 2 pixels before the nearest one, the rest after."""
    right, down = canonical_axes(plane)
    steps = (plane.step_x_mm, plane.step_y_mm)
    along = [steps[int(np.argmax([abs(step @ axis) / np.linalg.norm(step) for step in steps]))]
             for axis in (right, down)]
    step_x, step_y = (step * np.sign(step @ axis) for step, axis in zip(along, (right, down), strict=True))
    step_x = -step_x if mirror else step_x
    foot = plane.to_patient(np.round(plane.to_pixel(point_mm)[0]))
    return SlicePlane(foot - (step_x + step_y) * (size_px // 2), step_x, step_y, (size_px, size_px))


def _check(study: Study, location: Mapping, series: Series, middle: int, point_mm: np.ndarray) -> None:
    where = f"study {study.study_id}, series {location['series_id']}"
    if not 0 <= middle < len(series):
        raise DataError("the location's slice is not in its series", wanted=f"0 to {len(series) - 1}", got=middle,
                        where=where, remedy="locate again: the series has changed since")
    xy_px, _ = series.planes[middle].to_pixel(point_mm)
    height, width = series.planes[middle].size_hw
    if not series.planes[middle].holds(xy_px):
        raise DataError("the location lies outside the image", wanted=f"within {width} x {height} pixels",
                        got=f"x {xy_px[0]:.1f}, y {xy_px[1]:.1f}", where=where)
