"""Where each target of a study is: candidates, decoded levels and the spine's shape brought together."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from lsdc.competition import Study, StudySeries
from lsdc.detect.classes import CLASSES, class_of
from lsdc.detect.levels import CANAL, LEVELS, Levels, decode_levels
from lsdc.detect.shape import SpineShape
from lsdc.taxonomy import ANNOTATED_PLANE, TARGETS, Condition, Level, Plane, Side, Target

NEAR_MM = 12.0  # in the image, between a candidate and where its target is expected
NEAR_THROUGH_MM = {Condition.CANAL: 15.0, Condition.FORAMINAL: 12.0, Condition.SUBARTICULAR: 9.0}  # through the slices
OFF_MIDLINE_MM = 4.0  # a foramen or recess is at least so far on its side of the midline
OTHER_LEVEL = 0.3  # weight of a candidate whose class is another level than its place
SEEN_SD_MM = 1.5  # of a found position in its image
THROUGH_SD_MM = 3.0  # of a found position across slices
VOTED_SD_MM = 5.0  # of a canal known only from foramina
OUTSIDE_MM = 8.0  # a target further from every slice is not in a series
GUESSED = 0.5  # share of its level's confidence that a position from geometry has
THROUGH_AXIS = {Plane.SAGITTAL_T1: 0, Plane.SAGITTAL_T2: 0, Plane.AXIAL_T2: 2}  # patient axis across the slices


@dataclass(frozen=True, eq=False)
class Place:
    """A target on the slice that shows it best; observed_mm (3,) is not bound to that slice's plane."""

    series_id: int
    slice_index: int
    xy_px: np.ndarray
    confidence: float
    found_by: Literal["detector", "geometry"]
    observed_mm: np.ndarray


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known so far: candidates, levels, and seen positions (25, 3) with their noise."""

    study: Study
    candidates: pd.DataFrame
    levels: Levels
    shape: SpineShape
    seen_mm: np.ndarray = field(default_factory=lambda: np.full((len(TARGETS), 3), np.nan))
    noise_mm: np.ndarray = field(default_factory=lambda: np.full((len(TARGETS), 3), SEEN_SD_MM))

    @property
    def conditions(self) -> pd.Series:
        """Condition of each candidate."""
        return self.candidates.detector_class.map(lambda index: CLASSES[index].condition)

    def learn(self, target: Target, position_mm: np.ndarray, noise_mm: np.ndarray) -> None:
        index = TARGETS.index(target)
        self.seen_mm[index], self.noise_mm[index] = position_mm, noise_mm

    def expected_mm(self) -> np.ndarray:
        """(25, 3) where the shape expects every target by what has been seen."""
        return self.shape.expect(self.seen_mm, self.noise_mm)


def place_targets(study: Study, candidates: pd.DataFrame, shape: SpineShape) -> dict[Target, Place]:
    """Places of the targets that candidates or geometry give; a target absent from the answer has none.

    Canals first (they tell the midline), then foramina by side, then recesses by level, each expected where the
    spine's shape puts it by what was found before; last, what is missing and inside a series' slices is projected.
    """
    levels = decode_levels(candidates, shape)
    if not levels.found.any():
        return {}
    evidence = Evidence(study, candidates, levels, shape)
    places = _find(evidence, _targets(Condition.CANAL))
    if not places:
        _learn_canals_from_votes(evidence)
    places |= _find(evidence, _targets(Condition.FORAMINAL))
    places |= _find(evidence, _targets(Condition.SUBARTICULAR))
    expected = evidence.expected_mm()
    for index, target in enumerate(TARGETS):
        if target not in places and (place := _project(evidence, target, expected[index])):
            places[target] = place
    return places


def _targets(condition: Condition) -> list[Target]:
    return [target for target in TARGETS if target.condition == condition]


def _find(evidence: Evidence, targets: Iterable[Target]) -> dict[Target, Place]:
    """Places that candidates give, each target by what was known before the first of them; then they are learned."""
    seen = np.isfinite(evidence.seen_mm).any()
    expected = evidence.expected_mm() if seen else None
    places = {}
    for target in targets:
        near = _near(evidence, target, expected)
        if len(near):
            places[target] = _best(evidence.study, near)
    for target, place in places.items():
        noise = np.full(3, SEEN_SD_MM)
        noise[THROUGH_AXIS[ANNOTATED_PLANE[target.condition]]] = THROUGH_SD_MM
        evidence.learn(target, place.observed_mm, noise)
    return places


def _near(evidence: Evidence, target: Target, expected: np.ndarray | None) -> pd.DataFrame:
    """Candidates that may be a target: right kind, near its expected place, on its side; with their `weight`.

    Without expected positions only the level's place in the sagittal plane is known: canals come first.
    """
    level, through = LEVELS.index(target.level), THROUGH_AXIS[ANNOTATED_PLANE[target.condition]]
    reach_mm = NEAR_THROUGH_MM[target.condition]
    near = evidence.candidates[evidence.conditions == target.condition].copy()
    places = near[["x_mm", "y_mm", "z_mm"]].to_numpy()  # (n, 3)
    if expected is None:
        off = places - np.r_[0, evidence.levels.yz_mm[level]]  # nan where the level was not found: fits nothing
        off[:, through] = 0
    else:
        off = places - expected[TARGETS.index(target)]
    fits = (np.linalg.norm(np.delete(off, through, axis=1), axis=1) <= NEAR_MM) & (np.abs(off[:, through]) <= reach_mm)
    if target.side != Side.MIDLINE:
        midline = expected[TARGETS.index(CANAL[target.level])][0]
        fits &= (places[:, 0] - midline) * (1 if target.side == Side.LEFT else -1) >= OFF_MIDLINE_MM
    same = near.detector_class == class_of(*target)
    if target.condition == Condition.SUBARTICULAR:  # the class is the side; the level is in how near the slice is
        near["weight"] = near.confidence * same * np.exp(-2 * (off[:, through] / reach_mm) ** 2)
    else:
        near["weight"] = near.confidence * np.where(same, 1.0, OTHER_LEVEL)
    return near[fits & (near.weight > 0)]


def _best(study: Study, near: pd.DataFrame) -> Place:
    """The series with the most weight, in it the slice in the middle of the weight, on it the mean of its candidates.

    Ties go to the lower series_id and the lower slice.
    """
    by_series = near.groupby("series_id").weight.sum()
    series_id = int(by_series.index[int(np.argmax(by_series.to_numpy()))])
    members = near[near.series_id == series_id]
    by_slice = members.groupby("slice_index").weight.max()
    if study.by_id(series_id).plane == Plane.AXIAL_T2:  # tilted blocks: the middle of two slices may be between blocks
        best = int(by_slice.index[int(np.argmax(by_slice.to_numpy()))])
    else:
        middle = np.average(by_slice.index, weights=by_slice)
        best = int(by_slice.index[int(np.argmin(np.abs(by_slice.index - middle)))])
    on_slice = members[members.slice_index == best]
    return Place(
        series_id, best, np.average(on_slice[["x_px", "y_px"]], axis=0, weights=on_slice.weight),
        float(min(members.weight.max(), 1.0)), "detector",
        np.average(members[["x_mm", "y_mm", "z_mm"]], axis=0, weights=members.weight),
    )


def _learn_canals_from_votes(evidence: Evidence) -> None:
    """Without a sagittal T2: canals at the levels that foramina voted for, the midline between both sides' foramina."""
    foramina = evidence.candidates[evidence.conditions == Condition.FORAMINAL]
    middle = foramina.x_mm.mean()
    left = foramina.x_mm > middle
    if left.any() and not left.all():
        sides = [np.average(part.x_mm, weights=part.confidence) for part in (foramina[left], foramina[~left])]
        middle = np.mean(sides)
    for level, (y, z) in zip(LEVELS, evidence.levels.yz_mm, strict=True):
        if np.isfinite(y):
            evidence.learn(CANAL[level], np.array([middle, y, z]), np.full(3, VOTED_SD_MM))


def _project(evidence: Evidence, target: Target, expected_mm: np.ndarray) -> Place | None:
    """The expected place on the nearest slice of the target's plane; None where no series' slices reach it."""
    reached = []
    for one in evidence.study.of(ANNOTATED_PLANE[target.condition]):
        index, offset_mm = one.series.nearest_slice(expected_mm)
        xy_px, _ = one.series.planes[index].to_pixel(expected_mm)
        if abs(offset_mm) <= OUTSIDE_MM and _inside(one, index, xy_px):
            reached.append((abs(offset_mm), one.series_id, index, xy_px))
    if not reached:
        return None
    _, series_id, index, xy_px = min(reached, key=lambda entry: entry[:2])
    level = LEVELS.index(Level(target.level))
    confidence = GUESSED * float(evidence.levels.confidence[level] or evidence.levels.confidence.max() * GUESSED)
    return Place(series_id, index, xy_px, confidence, "geometry", expected_mm)


def _inside(one: StudySeries, index: int, xy_px: np.ndarray) -> bool:
    height, width = one.series.planes[index].size_hw
    return bool(-0.5 <= xy_px[0] <= width - 0.5 and -0.5 <= xy_px[1] <= height - 0.5)
