"""Placing what no candidate shows where the spine's shape expects it: on its own plane, or on a series of another."""

from collections.abc import Sequence

import numpy as np

from lsdc.competition import StudySeries
from lsdc.detect.evidence import Evidence, Place
from lsdc.detect.levels import LEVELS
from lsdc.taxonomy import ANNOTATED_PLANE, TARGETS, Plane, Target

OUTSIDE_MM = 8.0  # a target further from every slice is not in a series
GUESSED = 0.5  # share of its level's confidence that a position from geometry has
SILENT = 0.25  # a series shows no spine if candidates agree with fewer of the targets that it should show
LEAST_SHOWN = 3  # targets within its slices, for a series to be judged at all
ELSEWHERE = {  # planes that a target is projected onto, in this order, where its own shows nothing
    Plane.SAGITTAL_T1: (Plane.SAGITTAL_T2, Plane.AXIAL_T2), Plane.SAGITTAL_T2: (Plane.SAGITTAL_T1, Plane.AXIAL_T2),
    Plane.AXIAL_T2: (Plane.SAGITTAL_T2, Plane.SAGITTAL_T1),
}


def project(evidence: Evidence, target: Target, expected_mm: np.ndarray, silent: Sequence[int]) -> Place | None:
    """The expected place on the nearest slice of its own plane, else of another; None where no slices reach it."""
    own = ANNOTATED_PLANE[target.condition]
    for plane in (own, *ELSEWHERE[own]):
        reached = [(abs(offset_mm), one.series_id, index, xy_px)
                   for one in evidence.study.of(plane) if one.series_id not in silent
                   for index, offset_mm, xy_px in [shown_on(one, expected_mm)] if index is not None]
        if reached:
            _, series_id, index, xy_px = min(reached, key=lambda entry: entry[:2])
            level = LEVELS.index(target.level)
            confidence = float(evidence.levels.confidence[level] or evidence.levels.confidence.max() * GUESSED)
            return Place(series_id, index, xy_px, GUESSED * confidence, "geometry" if plane == own else "projected",
                         expected_mm)
    return None


def shown_on(one: StudySeries, position_mm: np.ndarray) -> tuple[int | None, float, np.ndarray]:
    """The slice of a series that holds a position (3,), its mm from it, and the pixel; None where none does."""
    index, offset_mm = one.series.nearest_slice(position_mm)
    xy_px, _ = one.series.planes[index].to_pixel(position_mm)
    inside = one.series.planes[index].holds(xy_px)
    return (index if inside and abs(offset_mm) <= OUTSIDE_MM else None), offset_mm, xy_px


def is_silent(evidence: Evidence, one: StudySeries, expected: np.ndarray) -> bool:
    """Whether a series shows nothing of a spine that its slices should hold: another body part, or a blank."""
    should = [target for target in TARGETS if ANNOTATED_PLANE[target.condition] == one.plane
              and shown_on(one, expected[TARGETS.index(target)])[0] is not None]
    here = evidence.candidates.index[evidence.candidates.series_id == one.series_id]
    does = {evidence.agreed[label] for label in here if label in evidence.agreed}
    return len(should) >= LEAST_SHOWN and len(does) < SILENT * len(should)
