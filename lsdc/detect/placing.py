"""Where each target of a study is: candidates, decoded levels and the spine's shape brought together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from lsdc.competition import Study
from lsdc.detect.classes import CLASSES
from lsdc.detect.evidence import NEAR_MM, NEAR_THROUGH_MM, SEEN_SD_MM, Evidence, Note, Place, targets_of
from lsdc.detect.levels import CANAL, LEVELS, VIEWS, Levels, decode_levels
from lsdc.detect.midline import midline_x
from lsdc.detect.placing_notes import choices, contradictions, renamed
from lsdc.detect.projecting import GUESSED, is_silent, project
from lsdc.detect.shape import SpineShape
from lsdc.taxonomy import ANNOTATED_PLANE, TARGETS, Condition, Plane, Side, Target

OFF_MIDLINE_MM = 4.0  # a foramen or recess is at least so far on its side of the midline
OTHER_LEVEL = 0.3  # weight of a candidate whose class is another level than its place
ALONG_DISC_DEGREES = 25.0  # an axial slice tilted so far from its disc has its weight fallen to 1 / e
THROUGH_SD_MM = 3.0  # of a found position across slices
VOTED_SD_MM = 5.0  # of a canal known only from foramina or recesses
THROUGH_AXIS = {Plane.SAGITTAL_T1: 0, Plane.SAGITTAL_T2: 0, Plane.AXIAL_T2: 2}  # patient axis across the slices


@dataclass(frozen=True, eq=False)
class Placement:
    """Places of the targets that have one, the levels they stand on, and what is to be told of the way there."""

    places: dict[Target, Place]
    levels: Levels
    notes: tuple[Note, ...]


def place_targets(study: Study, candidates: pd.DataFrame, shape: SpineShape) -> Placement:
    """Places of the targets that candidates or geometry give; a target absent from the answer has none.

    Canals first (they tell the midline), then foramina by side, then recesses by level, each expected where the
    spine's shape puts it by what was found before; last, what is missing is placed where it is expected: on its own
    plane, or where that has no series that shows it, projected onto a series of another.
    """
    candidates = candidates.reset_index(drop=True)
    levels = decode_levels(candidates, shape)
    if not levels.found.any():
        said = "too little was seen to name levels" if len(candidates) else "nothing was seen on any slice"
        return Placement({}, levels, (Note(None, said, len(candidates)),))
    evidence = Evidence.begin(study, candidates, levels, shape)
    if not any(evidence.of(condition).any() for condition in VIEWS):
        evidence.told.append(Note(None, "levels named by the order of axial slices alone", int(levels.found.sum())))
    places = _find(evidence, targets_of(Condition.CANAL))
    _learn_unseen_canals(evidence, places)
    places |= _find(evidence, targets_of(Condition.FORAMINAL))
    places |= _find(evidence, targets_of(Condition.SUBARTICULAR))
    expected = evidence.expected_mm()
    silent = [one.series_id for one in study.series if is_silent(evidence, one, expected)]
    expected = _withdraw(evidence, places, silent)
    for index, target in enumerate(TARGETS):
        if target not in places and evidence.seen.any() and (
                place := project(evidence, target, expected[index], silent)):
            places[target] = place
    return Placement(places, levels, (*evidence.told, *choices(places, silent, why_missing="outside of every series"),
                                      *contradictions(evidence, expected, silent), *renamed(evidence, places)))


def _withdraw(evidence: Evidence, places: dict[Target, Place], silent: Sequence[int]) -> np.ndarray:
    """Take back what was placed on series that show no spine; (25, 3) where all is expected without it."""
    for target in [target for target, place in places.items() if place.series_id in silent]:
        del places[target]
        evidence.forget(target)
    return evidence.expected_mm()


def _find(evidence: Evidence, targets: Iterable[Target]) -> dict[Target, Place]:
    """Places that candidates give, each target by what was known before the first of them; then they are learned."""
    expected = evidence.expected_mm() if evidence.seen.any() else None
    places = {}
    for target in targets:
        near = _near(evidence, target, expected)
        evidence.agreed.update(dict.fromkeys(near.row.tolist(), target))
        if len(near.row):
            level = LEVELS.index(target.level)
            sure = float(evidence.levels.posterior[level] or evidence.levels.posterior.max() * GUESSED)
            places[target] = _best(evidence, near, sure)
    for target, place in places.items():
        noise = np.full(3, SEEN_SD_MM)
        noise[THROUGH_AXIS[ANNOTATED_PLANE[target.condition]]] = THROUGH_SD_MM
        evidence.learn(target, place.observed_mm, noise)
    return places


class Near(NamedTuple):
    """Candidates that may be a target, (n,) each: rows of the candidates, what they count, and how far their class is
    to be trusted.
    """

    row: np.ndarray
    weight: np.ndarray
    trust: np.ndarray


def _near(evidence: Evidence, target: Target, expected: np.ndarray | None) -> Near:
    """Candidates that may be a target: right kind, near its expected place, on its side.

    Without expected positions only the level's place in the sagittal plane is known: canals come first.
    """
    level, reach_mm = LEVELS.index(target.level), NEAR_THROUGH_MM[target.condition]
    places = evidence.places_mm
    if expected is None:  # nan where the level was not found: fits nothing
        within = np.linalg.norm(places[:, 1:] - evidence.levels.yz_mm[level], axis=1)
        through = np.zeros(len(places))
    else:
        within, through = evidence.off(expected[TARGETS.index(target)])
    fits = evidence.of(target.condition) & (within <= NEAR_MM) & (np.abs(through) <= reach_mm)
    if target.side != Side.MIDLINE:
        midline = expected[TARGETS.index(CANAL[target.level])][0]
        fits &= (places[:, 0] - midline) * (1 if target.side == Side.LEFT else -1) >= OFF_MIDLINE_MM
    same = evidence.columns["detector_class"] == CLASSES.number(*target)
    if target.condition == Condition.SUBARTICULAR:  # the class is the side; the level is in how near the slice is
        tilt = np.degrees(np.arccos(np.clip(np.abs(evidence.normals @ _disc_axis(expected, level)), 0, 1)))
        weight = same * np.exp(-2 * (through / reach_mm) ** 2 - (tilt / ALONG_DISC_DEGREES) ** 2)
    else:
        weight = np.where(same, 1.0, OTHER_LEVEL)
    fits &= weight > 0
    row = np.flatnonzero(fits)
    return Near(row, evidence.columns["confidence"][row] * weight[row], np.where(same[row], 1.0, OTHER_LEVEL))


def _disc_axis(expected: np.ndarray, level: int) -> np.ndarray:
    """(3,) unit vector along the canal at a level, which its disc is about square to."""
    canals = expected[[TARGETS.index(CANAL[one]) for one in LEVELS]]
    way = canals[max(level - 1, 0)] - canals[min(level + 1, len(LEVELS) - 1)]
    return way / np.linalg.norm(way)


def _best(evidence: Evidence, near: Near, sure: float) -> Place:
    """The series with the most weight, in it the slice in the middle of the weight, on it the mean of its candidates.

    Ties go to the lower series_id and the lower slice. sure: posterior of the level, a factor of the confidence.
    """
    columns = evidence.columns
    series, of_series = np.unique(columns["series_id"][near.row], return_inverse=True)
    chosen = int(np.argmax(np.bincount(of_series, near.weight)))
    series_id = int(series[chosen])
    row, weight, trust = (values[of_series == chosen] for values in near)
    slices, of_slice = np.unique(columns["slice_index"][row], return_inverse=True)
    strongest = np.zeros(len(slices))
    np.maximum.at(strongest, of_slice, weight)
    if evidence.study.by_id(series_id).plane == Plane.AXIAL_T2:  # tilted blocks: the middle may be between blocks
        best = int(np.argmax(strongest))
    else:
        best = int(np.argmin(np.abs(slices - np.average(slices, weights=strongest))))
    on_slice = of_slice == best
    xy_px = np.column_stack([columns["x_px"], columns["y_px"]])[row[on_slice]]
    return Place(
        series_id, int(slices[best]), np.average(xy_px, axis=0, weights=weight[on_slice]),
        float(min((columns["confidence"][row] * trust).max() * sure, 1.0)), "detector",
        np.average(evidence.places_mm[row], axis=0, weights=weight),
    )


def _learn_unseen_canals(evidence: Evidence, places: dict[Target, Place]) -> None:
    """Canals that no sagittal T2 shows, at the levels that others voted for, on the midline that the sides tell."""
    if places:
        return
    middle = midline_x(evidence)
    for level, (y, z) in zip(LEVELS, evidence.levels.yz_mm, strict=True):
        if np.isfinite(y):
            evidence.learn(CANAL[level], np.array([middle, y, z]), np.full(3, VOTED_SD_MM))
