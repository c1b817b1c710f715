"""What is known of a study while its targets are placed: candidates, levels, and what was seen so far."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from lsdc.competition import Study
from lsdc.detect.classes import CLASSES
from lsdc.detect.levels import Levels
from lsdc.detect.shape import SpineShape
from lsdc.taxonomy import TARGETS, Condition, Target

NEAR_MM = 12.0  # in the image, between a candidate and where its target is expected
NEAR_THROUGH_MM = {Condition.CANAL: 15.0, Condition.FORAMINAL: 12.0, Condition.SUBARTICULAR: 9.0}  # through the slices
SEEN_SD_MM = 1.5  # of a found position in its image


@dataclass(frozen=True, eq=False)
class Place:
    """A target on the slice that shows it best; observed_mm (3,) is not bound to that slice's plane."""

    series_id: int
    slice_index: int
    xy_px: np.ndarray
    confidence: float
    found_by: Literal["detector", "geometry", "projected"]
    observed_mm: np.ndarray


class Note(NamedTuple):
    """Something that was dropped, chosen or missing: of a series, or with None of the study."""

    series_id: int | None
    note: str
    count: int


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known so far: candidates with the normals of their slices, levels, and seen positions (25, 3) with noise.

    agreed holds the rows of the candidates that fit a target, told what is to be said of the way.
    """

    study: Study
    candidates: pd.DataFrame
    places_mm: np.ndarray  # (n, 3) of the candidates
    normals: np.ndarray  # (n, 3) of their slices
    levels: Levels
    shape: SpineShape
    seen_mm: np.ndarray = field(default_factory=lambda: np.full((len(TARGETS), 3), np.nan))
    noise_mm: np.ndarray = field(default_factory=lambda: np.full((len(TARGETS), 3), SEEN_SD_MM))
    agreed: dict[int, Target] = field(default_factory=dict)
    told: list[Note] = field(default_factory=list)

    @property
    def seen(self) -> np.ndarray:
        """(25,) bool: targets whose position is known."""
        return np.isfinite(self.seen_mm[:, 0])

    def of(self, condition: Condition) -> np.ndarray:
        """(n,) bool: candidates of a condition."""
        return self._conditions == condition

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """(n,) of the candidates by name."""
        return {name: values.to_numpy() for name, values in self.candidates.items()}

    @cached_property
    def _conditions(self) -> np.ndarray:
        return np.array([CLASSES[index].condition for index in self.candidates.detector_class], dtype=object)

    def learn(self, target: Target, position_mm: np.ndarray, noise_mm: np.ndarray) -> None:
        index = TARGETS.index(target)
        self.seen_mm[index], self.noise_mm[index] = position_mm, noise_mm

    def forget(self, target: Target) -> None:
        self.seen_mm[TARGETS.index(target)] = np.nan

    def expected_mm(self) -> np.ndarray:
        """(25, 3) where the shape expects every target by what has been seen."""
        return self.shape.expect(self.seen_mm, self.noise_mm)

    def off(self, position_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n,) mm from each candidate to a position (3,) within its slice, and (n,) signed along its normal."""
        way = position_mm - self.places_mm
        through = (way * self.normals).sum(axis=1)
        return np.linalg.norm(way - through[:, None] * self.normals, axis=1), through

    def near(self, condition: Condition, position_mm: np.ndarray) -> np.ndarray:
        """(n,) bool: candidates of a condition that may show this position (3,), whatever level or side they name."""
        within, through = self.off(position_mm)
        return self.of(condition) & (within <= NEAR_MM) & (np.abs(through) <= NEAR_THROUGH_MM[condition])

    @classmethod
    def begin(cls, study: Study, candidates: pd.DataFrame, levels: Levels, shape: SpineShape) -> "Evidence":
        """Nothing seen yet. candidates: rows numbered from 0."""
        normals = {one.series_id: np.stack([plane.normal for plane in one.series.planes]) for one in study.series}
        pairs = zip(candidates.series_id, candidates.slice_index, strict=True)
        return cls(study, candidates, candidates[["x_mm", "y_mm", "z_mm"]].to_numpy(),
                   np.array([normals[one][index] for one, index in pairs]).reshape(-1, 3), levels, shape)


def targets_of(condition: Condition) -> list[Target]:
    """A condition's targets in TARGETS order."""
    return [target for target in TARGETS if target.condition == condition]
