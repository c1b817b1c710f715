"""The spine's shape, learned from annotated points: where a target is, given where others are.

The 25 targets of a study are one vector of 75 coordinates: mean + modes @ weights + shift + rest, with weights
~ N(0, 1), an unknown shift of the whole patient, and independent rests. Knowing some targets, the others follow as
a conditional mean. Source: probabilistic principal components (Tipping & Bishop 1999), with a free translation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lsdc.detect.landmarks import Landmark
from lsdc.errors import DataError
from lsdc.taxonomy import TARGETS, Target

STUDIES_PER_MODE = 8  # as many studies must speak for each mode of variation
MODES = 8
REST_MM = 1.5  # least standard deviation of a coordinate that the modes leave open: the annotation's own noise
SHIFT_MM = 1e4  # standard deviation of where the patient lies
ROUNDS = 12  # of filling missing points and fitting again


def target_positions(points: Sequence[Landmark]) -> np.ndarray:
    """(25, 3) patient mm of the targets in TARGETS order, nan where a study has no point."""
    positions = np.full((len(TARGETS), 3), np.nan)
    for point in reversed(points):  # the first of several points of a target stays
        positions[TARGETS.index(point.target)] = point.position_mm
    return positions


@dataclass(frozen=True, eq=False)
class SpineShape:
    """mean_mm (25, 3) around an arbitrary origin; modes_mm (modes, 25, 3); rest_mm (25, 3) standard deviations."""

    mean_mm: np.ndarray
    modes_mm: np.ndarray
    rest_mm: np.ndarray

    def offset(self, one: Target, other: Target) -> np.ndarray:
        """(3,) mean way from one target to another, mm."""
        return self.mean_mm[TARGETS.index(other)] - self.mean_mm[TARGETS.index(one)]

    def offset_covariance(self, one: Target, other: Target) -> np.ndarray:
        """(3, 3) covariance of that way, mm^2."""
        i, j = TARGETS.index(one), TARGETS.index(other)
        difference = self.modes_mm[:, j] - self.modes_mm[:, i]  # (modes, 3)
        return difference.T @ difference + np.diag(self.rest_mm[i] ** 2 + self.rest_mm[j] ** 2)

    def expect(self, seen_mm: np.ndarray, noise_mm: np.ndarray) -> np.ndarray:
        """(25, 3) expected positions given those seen: seen_mm (25, 3) with nan where unseen, noise_mm (25, 3) sd."""
        seen = np.isfinite(seen_mm).ravel()
        basis = self._basis()
        weight = 1 / (self.rest_mm.ravel() ** 2 + noise_mm.ravel() ** 2)[seen]
        design = basis[seen] * weight[:, None]  # (seen, modes + 3)
        prior = np.r_[np.ones(len(self.modes_mm)), np.full(3, SHIFT_MM**-2)]
        residual = (seen_mm - self.mean_mm).ravel()[seen]
        weights = np.linalg.solve(design.T @ basis[seen] + np.diag(prior), design.T @ residual)
        return self.mean_mm + (basis @ weights).reshape(self.mean_mm.shape)

    def _basis(self) -> np.ndarray:
        shifts = np.tile(np.eye(3), (len(TARGETS), 1))  # (75, 3)
        return np.column_stack([self.modes_mm.reshape(-1, self.mean_mm.size).T, shifts])

    def to_json(self) -> dict:
        return {name: np.round(getattr(self, name), 3).tolist() for name in ("mean_mm", "modes_mm", "rest_mm")}

    @classmethod
    def from_json(cls, values: dict) -> "SpineShape":
        """What `to_json` gave; KeyError, TypeError, ValueError or OverflowError for anything else."""
        mean, modes, rest = (np.array(values[name], dtype=float) for name in ("mean_mm", "modes_mm", "rest_mm"))
        if mean.shape != (len(TARGETS), 3) or mean.shape != rest.shape:
            raise ValueError(f"positions and deviations of {len(TARGETS)} targets were wanted, their shapes are "
                             f"{mean.shape} and {rest.shape}")
        modes = modes.reshape(-1, *mean.shape)
        if not all(np.isfinite(one).all() for one in (mean, modes, rest)) or (rest <= 0).any():
            raise ValueError("finite numbers were wanted, deviations above 0")
        return cls(mean, modes, rest)


def fit_shape(positions_mm: Sequence[np.ndarray]) -> SpineShape:
    """The shape of studies' annotated positions, (25, 3) each with nan where a point is missing.

    DataError when a target has no point in any study.
    """
    known = np.stack([*positions_mm, np.full((len(TARGETS), 3), np.nan)])  # the last keeps "no study" a case like any
    known = known[np.isfinite(known).any(axis=(1, 2))]
    seen = np.isfinite(known).any(axis=(0, 2))
    if not seen.all():
        raise DataError("targets without any annotated point in the training studies",
                        got=", ".join(target.column for target, some in zip(TARGETS, seen, strict=True) if not some),
                        remedy="train on more studies")
    mean = _first_mean(known)
    shape = SpineShape(mean, np.empty((0, *mean.shape)), np.full(mean.shape, 5.0))
    for _ in range(ROUNDS):
        exact = np.zeros(mean.shape)
        filled = np.stack([np.where(np.isfinite(one), one, shape.expect(one, exact)) for one in known])
        shape = _components(filled)
    return shape


def _first_mean(known: np.ndarray) -> np.ndarray:
    """Mean positions around a common origin although each study misses others: align and average in turn."""
    mean = np.nanmean(known - np.nanmean(known, axis=1, keepdims=True), axis=0)
    for _ in range(ROUNDS):
        shift = np.nanmean(known - mean, axis=1, keepdims=True)
        mean = np.nanmean(known - shift, axis=0)
    return mean


def _components(filled: np.ndarray) -> SpineShape:
    centred = filled - filled.mean(axis=1, keepdims=True)  # (studies, 25, 3)
    mean = centred.mean(axis=0)
    centred = (centred - mean).reshape(len(filled), -1)
    count = min(MODES, len(filled) // STUDIES_PER_MODE)
    _, values, directions = np.linalg.svd(centred / np.sqrt(max(len(filled) - 1, 1)), full_matrices=False)
    modes = values[:count, None] * directions[:count]
    rest = np.sqrt(np.maximum((values[count:, None] ** 2 * directions[count:] ** 2).sum(axis=0), REST_MM**2))
    return SpineShape(mean, modes.reshape(count, *mean.shape), rest.reshape(mean.shape))
