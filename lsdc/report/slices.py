"""The slices that a study's targets were found on, as small grey pictures, and where on them each target lies."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsdc.competition import Study, StudySeries
from lsdc.config import PerCondition
from lsdc.dicom import SlicePlane, covering_plane, orientation_of, resample
from lsdc.report.cases import Case, TargetCase
from lsdc.show.grey import windowed
from lsdc.taxonomy import Condition, Plane

SAGITTAL_MM, AXIAL_MM = (120.0, 190.0), (100.0, 80.0)  # width, height shown
SAGITTAL_MM_PER_PX, AXIAL_MM_PER_PX = 0.5, 0.4  # the finest that is stored
MARGIN_MM = 12.0  # around places far from the middle
CANAL_NEAR_MM = 20.0  # a canal so near to an axial slice is its middle
BOX_MM = PerCondition(canal=20.0, foraminal=18.0, subarticular=14.0)  # where the detector's boxes are in pixels
THUMB_HW, QUALITY = (64, 44), 78
_RANK = {Plane.SAGITTAL_T2: 0, Plane.SAGITTAL_T1: 1, Plane.AXIAL_T2: 2}


@dataclass(frozen=True)
class Mark:
    """A target on a picture, in its pixels: middle of its box, side, and the true place (None where unknown)."""

    case: TargetCase
    x: float
    y: float
    side: float
    true_xy: tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice as it is shown. image: (H, W) uint8 in canonical orientation; number: from 1, of `of`.

    letters: what lies at its left and right edge, A and P or R and L.
    """

    image: np.ndarray
    plane: Plane
    orientation: str
    series_id: int
    number: int
    of: int
    instance: int | None
    mm_per_px: float
    marks: tuple[Mark, ...]

    @property
    def name(self) -> str:
        return f"{self.series_id}-{self.number}"

    @property
    def letters(self) -> tuple[str, str]:
        return ("A", "P") if self.orientation == "sagittal" else ("R", "L")


def slices_of(study: Study, case: Case, box_mm: PerCondition | None) -> tuple[list[Slice], dict[str, str]]:
    """A picture of each slice that a target lies on, with all targets on it; and by target why there is none.

    Sagittal T2 first, then sagittal T1 from right to left, then axial from head to foot.
    """
    on, lost = {}, {}
    entries = {entry.series_id: entry for entry in study.series}
    for one in case.targets:
        if one.place_mm is None:
            continue
        entry = entries.get(one.series_id)
        if entry is None:
            lost[one.key] = f"series {one.series_id} cannot be read any more"
        elif one.slice_index is None or not 0 <= one.slice_index < len(entry.series):
            lost[one.key] = f"series {one.series_id} has no slice {(one.slice_index or 0) + 1} any more"
        else:
            on.setdefault((one.series_id, one.slice_index), []).append(one)
    canal = [np.array(one.place_mm) for one in case.targets
             if one.target.condition == Condition.CANAL and one.place_mm is not None]
    shown = [_slice(entries[series_id], index, some, canal, box_mm or BOX_MM)
             for (series_id, index), some in on.items()]
    order = {id(one): _place_in_order(one, entries[one.series_id]) for one in shown}
    return sorted(shown, key=lambda one: order[id(one)]), lost


def thumbnail(slices: list[Slice], study: Study) -> np.ndarray | None:
    """(64, 44) uint8 of a middle sagittal slice, T2 if there is one, else of whatever can be shown; None of nothing."""
    import cv2

    for plane in (Plane.SAGITTAL_T2, Plane.SAGITTAL_T1, Plane.AXIAL_T2):
        if mine := [one for one in slices if one.plane == plane]:
            image = max(mine, key=lambda one: len(one.marks)).image
            break
        if entries := study.of(plane):
            series = entries[0].series
            image = _grey(series.images[len(series) // 2], series.planes[len(series) // 2], None, ())[0]
            break
    else:
        return None
    height, width = THUMB_HW
    scale = max(width / image.shape[1], height / image.shape[0])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    top, left = (small.shape[0] - height) // 2, (small.shape[1] - width) // 2
    return small[max(top, 0): max(top, 0) + height, max(left, 0): max(left, 0) + width]


def write_grey(image: np.ndarray, path: Path) -> None:
    """(H, W) uint8 as WebP."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, "WEBP", quality=QUALITY, method=4)


def _slice(entry: StudySeries, index: int, some: list[TargetCase], canal: list[np.ndarray], box_mm: PerCondition
           ) -> Slice:
    series = entry.series
    source = series.planes[index]
    places = [np.array(one.place_mm) for one in some]
    image, plane = _grey(series.images[index], source, _middle(series.orientation, source, places, canal), places)
    mm_per_px = plane.spacing_xy_mm[0]
    marks = []
    for one, place in zip(some, places, strict=True):
        x, y = plane.to_pixel(place)[0]
        true = None if one.true_mm is None else tuple(plane.to_pixel(np.array(one.true_mm))[0].tolist())
        marks.append(Mark(one, float(x), float(y), box_mm.of(one.target.condition) / mm_per_px, true))
    return Slice(image, entry.plane, series.orientation, entry.series_id, index + 1, len(series),
                 series.instance_numbers[index], mm_per_px, tuple(marks))


def _middle(orientation: str, source: SlicePlane, places: list[np.ndarray], canal: list[np.ndarray]) -> np.ndarray:
    """(3,) patient mm that the picture is centred on: the canals of the study, on an axial slice the nearest one."""
    if orientation == "axial":
        near = sorted((abs(float(source.to_pixel(one)[1])), number) for number, one in enumerate(canal))
        if near and near[0][0] <= CANAL_NEAR_MM:
            return canal[near[0][1]]
        return np.mean(places, axis=0)
    return np.mean(canal or places, axis=0)


def _grey(image: np.ndarray, source: SlicePlane, middle_mm: np.ndarray | None, places: Sequence[np.ndarray]
          ) -> tuple[np.ndarray, SlicePlane]:
    """The part of a slice about a place (or its own middle) that holds all `places`, (H, W) uint8, and its plane."""
    axial = orientation_of(source) == "axial"
    mm_per_px = max(*source.spacing_xy_mm, AXIAL_MM_PER_PX if axial else SAGITTAL_MM_PER_PX)
    whole = covering_plane(source, mm_per_px=mm_per_px)
    extent = np.array(whole.size_hw[::-1])
    middle = whole.to_pixel(source.centre_mm if middle_mm is None else middle_mm)[0]
    half = np.array(AXIAL_MM if axial else SAGITTAL_MM) / 2 / mm_per_px
    for place in places:
        half = np.maximum(half, np.abs(whole.to_pixel(place)[0] - middle) + MARGIN_MM / mm_per_px)
    size = np.minimum(np.ceil(2 * half).astype(int), extent)
    start = np.clip(np.round(middle - size / 2).astype(int), 0, extent - size)
    shown = SlicePlane(whole.to_patient(start), whole.step_x_mm, whole.step_y_mm, (int(size[1]), int(size[0])))
    values = resample(image, source, shown, fill=float(np.nanmin(image)) if np.isfinite(image).any() else 0.0)
    return np.round(255 * windowed(values, values)).astype(np.uint8), shown


def _place_in_order(one: Slice, entry: StudySeries) -> tuple:
    centre = entry.series.planes[one.number - 1].centre_mm
    return (_RANK[one.plane], -centre[2] if one.orientation == "axial" else centre[0], one.series_id)
