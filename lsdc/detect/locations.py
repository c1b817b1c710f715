"""One location for each of a study's 25 targets, and how far locations are from annotated points."""

import numpy as np
import pandas as pd

from lsdc.competition import Study
from lsdc.detect.detector import Detector
from lsdc.detect.landmarks import landmarks
from lsdc.detect.placing import place_targets
from lsdc.dicom import canonical_axes
from lsdc.tables import LOCATION_ERRORS, LOCATIONS
from lsdc.taxonomy import TARGETS

NOWHERE = {"series_id": pd.NA, "slice_index": pd.NA, "x_px": np.nan, "y_px": np.nan, "x_mm": np.nan, "y_mm": np.nan,
           "z_mm": np.nan, "confidence": 0.0, "found_by": "prior"}


def locate(study: Study, detector: Detector, *, fold: int) -> pd.DataFrame:
    """LOCATIONS of a study: 25 rows, found by the detector, by geometry, or not at all (found_by prior)."""
    return locate_from_candidates(study, detector.candidates(study), detector, fold=fold)


def locate_from_candidates(
    study: Study, candidates: pd.DataFrame, detector: Detector, *, fold: int
) -> pd.DataFrame:
    """The second half of `locate`: what the detector's candidates and geometry say of the 25 targets."""
    places = place_targets(study, candidates, detector.shape)
    rows = []
    for target in TARGETS:
        row = {"study_id": study.study_id, **target._asdict(), "fold": fold}
        if place := places.get(target):
            plane = study.by_id(place.series_id).series.planes[place.slice_index]
            x_mm, y_mm, z_mm = plane.to_patient(place.xy_px)
            row |= {"series_id": place.series_id, "slice_index": place.slice_index, "x_px": place.xy_px[0],
                    "y_px": place.xy_px[1], "x_mm": x_mm, "y_mm": y_mm, "z_mm": z_mm,
                    "confidence": place.confidence, "found_by": place.found_by}
        else:
            row |= NOWHERE
        rows.append(row)
    return LOCATIONS.frame(rows, f"study {study.study_id}")


def measure_errors(study: Study, locations: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """LOCATION_ERRORS of a study: location minus annotated point, for targets that have both.

    x_mm, y_mm: right and down in the annotated slice turned canonically, mm. slices: along the ordered series,
    whole within one series; where location and point lie in different series, mm along the normal over the spacing.
    """
    own = locations[locations.study_id == study.study_id].set_index(["condition", "side", "level"])
    rows = {}
    for point in landmarks(study, points):
        place = own.loc[tuple(point.target)]
        if place.found_by == "prior" or (point.target in rows and place.series_id != point.series_id):
            continue
        series = study.by_id(point.series_id).series
        plane = series.planes[point.slice_index]
        off = np.array([place.x_mm, place.y_mm, place.z_mm]) - point.position_mm
        right, down = canonical_axes(plane)
        if place.series_id == point.series_id:
            slices = float(place.slice_index - point.slice_index)
        else:
            outwards = plane.normal * np.sign(plane.normal[np.argmax(np.abs(plane.normal))])
            slices = float(off @ outwards / series.spacing_mm) if len(series) > 1 else 0.0
        rows[point.target] = {"study_id": study.study_id, **point.target._asdict(),
                              "x_mm": off @ right, "y_mm": off @ down, "slices": slices}
    return LOCATION_ERRORS.frame(list(rows.values()), f"study {study.study_id}")
