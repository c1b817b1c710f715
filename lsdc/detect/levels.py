"""Levels of a study from all its sagittal candidates together: votes, sites, and the decoded chain."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lsdc.detect.chain import Gaps, decode_chain, sacral_evidence, site_rewards
from lsdc.detect.classes import CLASSES
from lsdc.detect.shape import SpineShape
from lsdc.taxonomy import Condition, Level, Side, Target

LEVELS = tuple(Level)
VIEWS = (Condition.CANAL, Condition.FORAMINAL)  # what sagittal T2 and sagittal T1 show of a level
SITE_MM = 11.0  # votes so near belong to one site; neighbouring levels are 25 mm apart or more
GAP_SD_MM = 8.0  # added to the learned spread of the way between levels, so that classes speak louder than spacing
CANAL = {level: Target(Condition.CANAL, Side.MIDLINE, level) for level in Level}


@dataclass(frozen=True, eq=False)
class Levels:
    """Decoded canal places. yz_mm (5, 2) with nan where a level was not found; confidence (5,) 0 there."""

    yz_mm: np.ndarray
    confidence: np.ndarray

    @property
    def found(self) -> np.ndarray:
        return np.isfinite(self.yz_mm[:, 0])


def canal_votes(candidates: pd.DataFrame, shape: SpineShape) -> pd.DataFrame:
    """Sagittal candidates as votes for the canal's place: condition, level (0 to 4), confidence, y_mm, z_mm.

    A foramen votes for the canal of its level through the mean way between them in the sagittal plane.
    """
    kinds = [CLASSES[index] for index in candidates.detector_class]
    sagittal = np.array([kind.level is not None for kind in kinds], dtype=bool)
    votes = pd.DataFrame({
        "condition": [kind.condition for kind in kinds],
        "level": [LEVELS.index(kind.level) if kind.level else -1 for kind in kinds],
        "confidence": candidates.confidence.to_numpy(), "y_mm": candidates.y_mm.to_numpy(),
        "z_mm": candidates.z_mm.to_numpy(),
    }, index=candidates.index)[sagittal]
    for level in range(len(LEVELS)):
        foramina = (votes.condition == Condition.FORAMINAL) & (votes.level == level)
        way = np.mean([shape.offset(Target(Condition.FORAMINAL, side, LEVELS[level]), CANAL[LEVELS[level]])
                       for side in (Side.LEFT, Side.RIGHT)], axis=0)
        votes.loc[foramina, ["y_mm", "z_mm"]] += way[1:]
    return votes


def decode_levels(candidates: pd.DataFrame, shape: SpineShape) -> Levels:
    """The five levels from the candidates of all sagittal series."""
    votes = canal_votes(candidates, shape)
    positions, scores = _sites(votes)
    gaps = Gaps(
        np.array([[shape.offset(CANAL[k], CANAL[one])[1:] for one in LEVELS] for k in LEVELS]),
        np.array([[shape.offset_covariance(CANAL[k], CANAL[one])[1:, 1:] + GAP_SD_MM**2 * np.eye(2)
                   for one in LEVELS] for k in LEVELS]),
    )
    chain = decode_chain(site_rewards(scores), positions, gaps, sacral_evidence(scores))
    yz, confidence = np.full((len(LEVELS), 2), np.nan), np.zeros(len(LEVELS))
    for level, site in enumerate(chain.site):
        if site >= 0:
            yz[level] = positions[site]
            confidence[level] = scores[site].max() * chain.posterior[level, site]
    return Levels(yz, confidence)


def _sites(votes: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(S, 2) y, z of sites, and (S, 2, 5) the best vote of canals and of foramina for each level.

    Greedy: the strongest vote left takes all within SITE_MM.
    """
    places, confidence = votes[["y_mm", "z_mm"]].to_numpy(), votes.confidence.to_numpy()
    left = np.ones(len(votes), dtype=bool)
    positions, scores = [], []
    for seed in np.argsort(-confidence, kind="stable"):
        if not left[seed]:
            continue
        members = left & (np.linalg.norm(places - places[seed], axis=1) <= SITE_MM)
        left &= ~members
        positions.append(np.average(places[members], axis=0, weights=confidence[members]))
        best = votes[members].groupby(["condition", "level"]).confidence.max()
        scores.append([[best.get((view, level), 0.0) for level in range(len(LEVELS))] for view in VIEWS])
    return np.reshape(positions, (-1, 2)), np.reshape(scores, (-1, len(VIEWS), len(LEVELS)))
