"""Placing what no candidate shows where the spine's shape expects it: on its own plane, or on a series of another."""

from collections.abc import Sequence

import numpy as np

from lsdc.competition import StudySeries
from lsdc.detect.evidence import Evidence, Place
from lsdc.detect.levels import LEVELS
from lsdc.taxonomy import ANNOTATED_PLANE, TARGETS, Plane, Target

OUTSIDE_MM = 8.0  # a target further from every slice is not in a series
GUESSED = 0.5  # share of its level's confidence that a position from geometry has
SILENT = 0.25  # a series shows no spine if candidates lie at fewer of the targets that it should show
LEAST_SHOWN = 3  # targets within its slices, for a series to be judged at all
ELSEWHERE = {  # planes that a target is projected onto, in this order, where its own shows nothing
    Plane.SAGITTAL_T1: (Plane.SAGITTAL_T2, Plane.AXIAL_T2), Plane.SAGITTAL_T2: (Plane.SAGITTAL_T1, Plane.AXIAL_T2),
    Plane.AXIAL_T2: (Plane.SAGITTAL_T2, Plane.SAGITTAL_T1),
}


def project(evidence: Evidence, target: Target, expected_mm: np.ndarray, silent: Sequence[int]) -> Place | None:
    """The expected place on the nearest slice of its own plane, else of another; None where no slices reach it."""
    own = ANNOTATED_PLANE[target.condition]
    for plane in (own, *ELSEWHERE[own]):
        if at := evidence.study.slice_at(plane, expected_mm, within_mm=OUTSIDE_MM, without=silent):
            level = LEVELS.index(target.level)
            confidence = float(evidence.levels.confidence[level] or evidence.levels.confidence.max() * GUESSED)
            return Place(at.series_id, at.slice_index, at.xy_px, GUESSED * confidence,
                         "geometry" if plane == own else "projected", expected_mm)
    return None


def is_silent(evidence: Evidence, one: StudySeries, expected: np.ndarray) -> bool:
    """Whether a series shows nothing of a spine that its slices should hold: another body part, or a blank."""
    should = [index for index, target in enumerate(TARGETS) if ANNOTATED_PLANE[target.condition] == one.plane
              and one.slice_at(expected[index], within_mm=OUTSIDE_MM)]
    here = (evidence.candidates.series_id == one.series_id).to_numpy()
    does = sum((here & evidence.near(TARGETS[index].condition, expected[index])).any() for index in should)
    return len(should) >= LEAST_SHOWN and does < SILENT * len(should)
