"""What the small networks of the evidence see of a study: perfect crops, whole images, or axial slices."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lsdc.competition import CompetitionFolder, Study, read_study
from lsdc.config import CropSettings
from lsdc.crops import cut
from lsdc.crops.intensity import series_window, to_unit
from lsdc.dicom import Series, covering_plane, resample
from lsdc.errors import DataError
from lsdc.taxonomy import ANNOTATED_PLANE, TARGETS, Plane, Target

WHOLE_PX = 96
WHOLE_AT = {Plane.SAGITTAL_T1: (0.25, 0.5, 0.75), Plane.SAGITTAL_T2: (0.5,), Plane.AXIAL_T2: (0.1, 0.3, 0.5, 0.7, 0.9)}
AXIAL_PX, AXIAL_MM = 96, 80.0  # the middle of a slice, where the canal and its recesses are
AXIAL_SLICES = 12


@dataclass(frozen=True, eq=False)
class StudyViews:
    """Images of one study, uint8.

    crops: (25, slices, size_px, size_px) around the true places in the order of TARGETS; cut: (25,) bool, which are
    there. whole: (1, 9, WHOLE_PX, WHOLE_PX), slices at the shares WHOLE_AT of each plane's stack. axial: (n, 1,
    AXIAL_PX, AXIAL_PX), at most AXIAL_SLICES of all axial slices.
    """

    crops: np.ndarray
    cut: np.ndarray
    whole: np.ndarray
    axial: np.ndarray


def study_views(folder: CompetitionFolder, settings: CropSettings, study_id: int, places: pd.DataFrame) -> StudyViews:
    """The views of a training study; places: its rows of KEYPOINTS, the phantom's truth."""
    study = read_study(folder, study_id, "train")
    where = places.set_index(["structure", "side", "level"])[["x_mm", "y_mm", "z_mm"]]
    size = (settings.slices, settings.size_px, settings.size_px)
    crops, done = np.zeros((len(TARGETS), *size), np.uint8), np.zeros(len(TARGETS), bool)
    for number, target in enumerate(TARGETS):
        try:
            location = _location(study, target, where.loc[tuple(map(str, target))])
            crops[number], done[number] = _bytes(cut(study, location, settings).image), True
        except DataError:  # no series of that plane, or the place lies outside its images
            continue
    return StudyViews(crops, done, _whole(study)[None], _axial(study))


def _location(study: Study, target: Target, place: pd.Series) -> dict:
    """The slice nearest to a true place, as a row of LOCATIONS."""
    series = study.of(ANNOTATED_PLANE[target.condition])
    if not series:
        raise DataError("no series of this plane", wanted=ANNOTATED_PLANE[target.condition])
    found = [(abs(off), one.series_id, index) for one in series
             for index, off in [one.series.nearest_slice(place.to_numpy())]]
    _, series_id, index = min(found)
    return {**target._asdict(), "series_id": series_id, "slice_index": index, **place}


def _whole(study: Study) -> np.ndarray:
    """(9, WHOLE_PX, WHOLE_PX); black where a plane is missing."""
    images = []
    for plane, shares in WHOLE_AT.items():
        series = study.of(plane)
        for share in shares:
            if not series:
                images.append(np.zeros((WHOLE_PX, WHOLE_PX), np.uint8))
                continue
            one = series[0].series
            index = round(share * (len(one) - 1))
            height, width = one.planes[index].size_hw
            across, along = one.planes[index].spacing_xy_mm
            images.append(_shown(one, index, max(height * along, width * across), WHOLE_PX))
    return np.stack(images)


def _axial(study: Study) -> np.ndarray:
    slices = [(one.series, index) for one in study.of(Plane.AXIAL_T2) for index in range(len(one.series))]
    chosen = np.linspace(0, len(slices) - 1, min(AXIAL_SLICES, len(slices))).round().astype(int)
    images = [_shown(*slices[index], AXIAL_MM, AXIAL_PX) for index in chosen]
    return np.array(images, np.uint8).reshape(-1, 1, AXIAL_PX, AXIAL_PX)


def _shown(series: Series, index: int, size_mm: float, size_px: int) -> np.ndarray:
    """The middle of a slice, (size_px, size_px), on canonical axes; black where the series is constant."""
    plane = covering_plane(series.planes[index], mm_per_px=size_mm / size_px, size_hw=(size_px, size_px))
    try:
        window = series_window(series)
    except DataError:
        return np.zeros((size_px, size_px), np.uint8)
    return _bytes(to_unit(resample(series.images[index], series.planes[index], plane, fill=window[0]), window))


def _bytes(image: np.ndarray) -> np.ndarray:
    return np.round(image * 255).astype(np.uint8)
