"""The views of a target: its own plane and, if asked for, a plane across it that shows the same place."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lsdc.competition.study import Study
from lsdc.config.sections import CropSettings
from lsdc.crops.cut import Crop, cut
from lsdc.errors import DataError
from lsdc.taxonomy import ANNOTATED_PLANE, Condition, Plane

SECOND_PLANE = {Condition.CANAL: Plane.AXIAL_T2, Condition.FORAMINAL: Plane.AXIAL_T2,
                Condition.SUBARTICULAR: Plane.SAGITTAL_T2}
SHOWN_MM = 8.0  # a place further from every slice of a plane is not on it
VIEWS = {"own": 1, "both": 2}
_PLACE = ("series_id", "slice_index", "x_mm", "y_mm", "z_mm")


@dataclass(frozen=True, eq=False)
class Views:
    """What a network sees of one target, a row for each view: the own plane first.

    image: (V, S, P, P) float32 in 0..1, black where a view is not seen. seen: (V,) bool. valid: (V, S) bool, False
    where a stack ended and its last slice stands in. mm_per_px, slice_mm: (V,) size of a pixel and of a step from
    slice to slice, nan where not seen; axial: (V,) bool; covered: (V,) as of `Crop`, nan where not seen.
    """

    image: np.ndarray
    seen: np.ndarray
    valid: np.ndarray
    mm_per_px: np.ndarray
    slice_mm: np.ndarray
    axial: np.ndarray
    covered: np.ndarray


def planes_of(condition: Condition, settings: CropSettings) -> tuple[Plane, ...]:
    """The planes of a condition's views, its own first."""
    return (ANNOTATED_PLANE[condition], SECOND_PLANE[condition])[:VIEWS[settings.views]]


def cut_views(study: Study, location: Mapping, settings: CropSettings, *, among: Collection[int],
              shown: CropSettings | None = None) -> Views:
    """Cut every view of a location (a row of LOCATIONS) out of a study.

    The location's own slice serves the view of its plane; another plane shows the place on its nearest slice, among
    the series of the ids `among` (those that are known to show this spine). shown: as of `cut`. DataError when no view
    can be cut.
    """
    condition, crops, faults = Condition(location["condition"]), [], []
    for plane in planes_of(condition, settings):
        try:
            crops.append(cut(study, _on(study, location, plane, among), settings, shown=shown))
        except DataError as error:
            crops.append(None)
            faults.append(error)
    if not any(crops):
        raise faults[0]
    return _together(crops, settings, condition)


def _on(study: Study, location: Mapping, plane: Plane, among: Collection[int]) -> Mapping:
    """The location on a slice of this plane; DataError where it has none."""
    if any(pd.isna(location[name]) for name in _PLACE):
        raise DataError("not located" if study.of(plane) else study.why_without(plane))
    if study.by_id(int(location["series_id"])).plane == plane:
        return location
    place = np.array([location["x_mm"], location["y_mm"], location["z_mm"]], dtype=np.float64)
    others = [one.series_id for one in study.series if one.series_id not in among]
    at = study.slice_at(plane, place, within_mm=SHOWN_MM, without=others)
    if at is None:
        raise DataError(f"no {plane} series shows it" if study.of(plane) else study.why_without(plane))
    return {**location, "series_id": at.series_id, "slice_index": at.slice_index}


def _together(crops: list[Crop | None], settings: CropSettings, condition: Condition) -> Views:
    size = settings.size_px
    return Views(
        np.stack([crop.image if crop else np.zeros((settings.slices, size, size), np.float32) for crop in crops]),
        np.array([crop is not None for crop in crops]),
        np.stack([crop.valid if crop else np.zeros(settings.slices, bool) for crop in crops]),
        np.array([crop.planes[len(crop.planes) // 2].spacing_xy_mm[0] if crop else np.nan for crop in crops]),
        np.array([_step_mm(crop) if crop else np.nan for crop in crops]),
        np.array([plane is Plane.AXIAL_T2 for plane in planes_of(condition, settings)]),
        np.array([crop.covered if crop else np.nan for crop in crops]),
    )


def _step_mm(crop: Crop) -> float:
    """Median mm from one slice of a crop to the next; nan where it has one slice only."""
    normal = crop.planes[len(crop.planes) // 2].normal
    steps = np.abs(np.diff([plane.centre_mm @ normal for plane in crop.planes]))
    steps = steps[crop.valid[1:] & crop.valid[:-1]]
    return float(np.median(steps)) if len(steps) else float("nan")
