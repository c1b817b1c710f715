"""One location for each of a study's 25 targets, and how far locations are from annotated points."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from lsdc.competition import Study
from lsdc.detect.best_boxes import best_boxes
from lsdc.detect.detector import Detector
from lsdc.detect.evidence import Note
from lsdc.detect.landmarks import landmarks
from lsdc.detect.levels import LEVELS as LEVEL_NAMES
from lsdc.detect.placing import Placement, place_targets
from lsdc.detect.placing_notes import STRONG, reading
from lsdc.dicom import canonical_axes
from lsdc.tables import LEVELS, LOCATION_ERRORS, LOCATION_NOTES, LOCATIONS
from lsdc.taxonomy import TARGETS

NOWHERE = {"series_id": pd.NA, "slice_index": pd.NA, "x_px": np.nan, "y_px": np.nan, "x_mm": np.nan, "y_mm": np.nan,
           "z_mm": np.nan, "confidence": 0.0, "found_by": "prior"}
PLACE = ["x_px", "y_px", "x_mm", "y_mm", "z_mm"]


class Located(NamedTuple):
    """What is known of where a study's targets are: LOCATIONS (25 rows), LEVELS (5 rows), LOCATION_NOTES."""

    locations: pd.DataFrame
    levels: pd.DataFrame
    notes: pd.DataFrame


def locate(study: Study, detector: Detector, *, fold: int) -> Located:
    """The 25 locations of a study: found by the detector, by geometry, projected, or not at all (found_by prior)."""
    return locate_from_candidates(study, detector.candidates(study), detector, fold=fold)


def locate_from_candidates(study: Study, candidates: pd.DataFrame, detector: Detector, *, fold: int) -> Located:
    """The second half of `locate`: what the detector's candidates and geometry say of the 25 targets."""
    candidates, dropped = usable(study, candidates)
    placed = best_boxes(candidates) if detector.settings.classes == "side_and_level" else place_targets(
        study, candidates, detector.shape)
    where = f"study {study.study_id}"
    own = {"study_id": study.study_id, "fold": fold}
    levels = [{**own, "level": level, "y_mm": placed.levels.yz_mm[i, 0], "z_mm": placed.levels.yz_mm[i, 1],
               "posterior": placed.levels.posterior[i], "margin": placed.levels.margin[i]}
              for i, level in enumerate(LEVEL_NAMES)]
    notes = [{**own, **note._asdict(), "series_id": pd.NA if note.series_id is None else note.series_id}
             for note in (*reading(study), *dropped, *placed.notes)]
    return Located(LOCATIONS.frame([own | row for row in _rows(study, placed)], where), LEVELS.frame(levels, where),
                   LOCATION_NOTES.frame(notes, where))


def usable(study: Study, candidates: pd.DataFrame) -> tuple[pd.DataFrame, list[Note]]:
    """Candidates with some confidence and a place within their image, and what is to be told of the others.

    A canvas may be larger than its image, and nothing is to be placed on its black rim.
    """
    if candidates.empty:
        return candidates, []
    sizes = {one.series_id: np.array([plane.size_hw for plane in one.series.planes]) for one in study.series}
    pairs = zip(candidates.series_id, candidates.slice_index, strict=True)
    width_height = np.array([sizes[series_id][index][::-1] for series_id, index in pairs])
    xy_px = candidates[["x_px", "y_px"]].to_numpy(float)
    finite = np.isfinite(candidates[["confidence", *PLACE]].to_numpy(float)).all(axis=1)
    finite &= (candidates.confidence > 0).to_numpy()
    inside = ((xy_px >= -0.5) & (xy_px <= width_height - 0.5)).all(axis=1)
    strong = ~(candidates.confidence < STRONG).to_numpy()
    notes = [Note(int(series_id), reason, len(rows)) for reason, lost in (
        ("candidates dropped: not a number", ~finite), ("candidates dropped: outside of the image", finite & ~inside))
        for series_id, rows in candidates[lost & strong].groupby("series_id")]
    return candidates[finite & inside], notes


def _rows(study: Study, placed: Placement) -> list[dict]:
    rows = []
    for target in TARGETS:
        row = target._asdict()
        if place := placed.places.get(target):
            plane = study.by_id(place.series_id).series.planes[place.slice_index]
            x_mm, y_mm, z_mm = plane.to_patient(place.xy_px)
            row |= {"series_id": place.series_id, "slice_index": place.slice_index, "x_px": place.xy_px[0],
                    "y_px": place.xy_px[1], "x_mm": x_mm, "y_mm": y_mm, "z_mm": z_mm,
                    "confidence": place.confidence, "found_by": place.found_by}
        else:
            row |= NOWHERE
        rows.append(row)
    return rows


def measure_errors(study: Study, locations: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """LOCATION_ERRORS of a study: location minus annotated point, for targets that have both.

    x_mm, y_mm: right and down in the annotated slice turned canonically, mm. slices: along the ordered series,
    whole within one series; where location and point lie in different series, mm along the normal over the spacing.
    """
    own = locations[locations.study_id == study.study_id].set_index(["condition", "side", "level"])
    rows = {}
    for point in landmarks(study, points):
        place = own.loc[tuple(point.target)]
        if place.found_by in ("prior", "projected"):  # of no use on the plane that was annotated
            continue
        if point.target in rows and place.series_id != point.series_id:
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
