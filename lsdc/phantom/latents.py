"""Latent narrowing, readers and grades of a phantom study: labels with a known optimum, without images.

Each target has a latent narrowing z ~ N(0, 1). A reader sees t = sqrt(1 - r^2) z + r e, e ~ N(0, 1), and grades t
by thresholds that give the competition's rates by condition and level; so P(severity | z) is known exactly.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from lsdc.seeding import generator
from lsdc.tables import LATENTS
from lsdc.taxonomy import RATES, SEVERITY_COLUMNS, TARGETS, Condition, Side, row_id

READER_NOISE = {Condition.CANAL: 0.32, Condition.FORAMINAL: 0.55, Condition.SUBARTICULAR: 0.50}

# Weights of the shared factors of z, fitted once to the Spearman correlations of the competition's labels, pooled over
# levels (each comes within .03), and to its any severe canal (`lsdc bench --what labels`). What is left to 1 is the
# target's own part.
PATIENT = {Condition.CANAL: 0.378, Condition.FORAMINAL: 0.024, Condition.SUBARTICULAR: 0.565}
LEVEL = {Condition.CANAL: 0.888, Condition.FORAMINAL: 0.610, Condition.SUBARTICULAR: 0.701}
BOTH_SIDES = {Condition.CANAL: 0.000, Condition.FORAMINAL: 0.407, Condition.SUBARTICULAR: 0.000}
ONE_SIDE = {Condition.CANAL: 0.000, Condition.FORAMINAL: 0.569, Condition.SUBARTICULAR: 0.420}
NEXT_LEVEL, NEXT_LEVEL_OF_SIDE = 0.731, 0.933  # first-order correlation of a factor along the levels


@dataclass(frozen=True, eq=False)
class StudyLabels:
    """Grades of one study in the order of TARGETS."""

    z: np.ndarray  # (25,) latent narrowing
    severity: np.ndarray  # (25,) int, what the reader wrote: 0, 1, 2
    probabilities: np.ndarray  # (25, 3) exact P(severity | z), not multiplied by the metric's weights


@cache
def covariance() -> np.ndarray:
    """(25, 25) covariance of z in the order of TARGETS; ones on the diagonal."""
    matrix = np.eye(len(TARGETS))
    levels = list(dict.fromkeys(target.level for target in TARGETS))
    for i, one in enumerate(TARGETS):
        for j, other in enumerate(TARGETS[:i]):
            apart = abs(levels.index(one.level) - levels.index(other.level))
            first, second = one.condition, other.condition
            shared = PATIENT[first] * PATIENT[second] + LEVEL[first] * LEVEL[second] * NEXT_LEVEL**apart
            if first == second:
                shared += BOTH_SIDES[first] * BOTH_SIDES[second] * NEXT_LEVEL_OF_SIDE**apart
            if one.side == other.side != Side.MIDLINE:
                shared += ONE_SIDE[first] * ONE_SIDE[second] * NEXT_LEVEL_OF_SIDE**apart
            matrix[i, j] = matrix[j, i] = shared
    return matrix


@cache
def thresholds() -> np.ndarray:
    """(25, 2) values of t at which a target becomes moderate and severe."""
    levels = list(dict.fromkeys(target.level for target in TARGETS))
    rates = np.array([RATES[target.condition][levels.index(target.level)] for target in TARGETS])
    return ndtri(np.cumsum(rates / rates.sum(axis=1, keepdims=True), axis=1)[:, :2])


@cache
def _factor() -> np.ndarray:
    return np.linalg.cholesky(covariance())


@cache
def _reader_noise() -> np.ndarray:
    return np.array([READER_NOISE[target.condition] for target in TARGETS])


def severity_probabilities(z: np.ndarray) -> np.ndarray:
    """Exact P(severity | z) of the reader: (..., 25) latents in TARGETS order to (..., 25, 3)."""
    noise = _reader_noise()
    below = ndtr((thresholds() - (np.sqrt(1 - noise**2) * z)[..., None]) / noise[:, None])
    return np.diff(below, axis=-1, prepend=0.0, append=1.0)


def draw_labels(seed: int, part: str, index: int) -> StudyLabels:
    """Labels of study `index` of a part ("train" or "test"): a function of these three alone.

    The same values as the images of that study are made with; 2,000 studies take under a second.
    """
    random = generator(seed, "phantom", part, index, "labels")
    z = _factor() @ random.standard_normal(len(TARGETS))
    noise = _reader_noise()
    t = np.sqrt(1 - noise**2) * z + noise * random.standard_normal(len(TARGETS))
    return StudyLabels(z, (t[:, None] > thresholds()).sum(axis=1), severity_probabilities(z))


def latent_rows(study_id: int, labels: StudyLabels) -> pd.DataFrame:
    """The 25 rows of a study in `truth/latents.csv` (see tables.LATENTS)."""
    frame = pd.DataFrame({"row_id": [row_id(study_id, target) for target in TARGETS], "z": labels.z})
    for column, values in zip(SEVERITY_COLUMNS, labels.probabilities.T, strict=True):
        frame[column] = values
    return LATENTS.check(frame, f"study {study_id}")
