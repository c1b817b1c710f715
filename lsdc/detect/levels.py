"""Levels of a study from all its candidates together: votes, sites, and the decoded chain."""

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
LEAST_LEVELS, LEAST_STRENGTH = 2, 0.3  # of a chain, its sites' strengths together; with less, no spine was seen
CANAL = {level: Target(Condition.CANAL, Side.MIDLINE, level) for level in Level}


@dataclass(frozen=True, eq=False)
class Levels:
    """Decoded canal places. yz_mm (5, 2) with nan where a level was not found.

    confidence (5,): of what was seen there, times the posterior; 0 where nothing was.
    posterior (5,): P(the level is where it was placed, given all candidates); 0 where it was not found.
    margin (5,): nats of that place over its strongest rival (another site, or none); nan where it was not found.
    outer_yz_mm (2, 2): T12/L1 and S1/S2 where they were seen, else nan.
    """

    yz_mm: np.ndarray
    confidence: np.ndarray
    posterior: np.ndarray
    margin: np.ndarray
    outer_yz_mm: np.ndarray

    @property
    def found(self) -> np.ndarray:
        return np.isfinite(self.yz_mm[:, 0])


NO_LEVELS = Levels(np.full((len(LEVELS), 2), np.nan), np.zeros(len(LEVELS)), np.zeros(len(LEVELS)),
                   np.full(len(LEVELS), np.nan), np.full((2, 2), np.nan))


def canal_votes(candidates: pd.DataFrame, shape: SpineShape) -> pd.DataFrame:
    """Sagittal candidates as votes for the canal's place: condition, level (0 to 4), confidence, y_mm, z_mm.

    A foramen votes for the canal of its level through the mean way between them in the sagittal plane.
    """
    kinds = [CLASSES[index] for index in candidates.detector_class]
    sagittal = np.array([kind.level is not None for kind in kinds], dtype=bool)
    condition = np.array([kind.condition for kind in kinds], dtype=object)
    level = np.array([LEVELS.index(kind.level) if kind.level else -1 for kind in kinds], dtype=int)
    yz_mm = candidates[["y_mm", "z_mm"]].to_numpy(float, copy=True)
    ways = np.array([_way_to_canal(shape, Condition.FORAMINAL, one) for one in LEVELS])
    foramina = sagittal & (condition == Condition.FORAMINAL)
    yz_mm[foramina] += ways[level[foramina]]
    return pd.DataFrame({"condition": condition, "level": level, "confidence": candidates.confidence.to_numpy(),
                         "y_mm": yz_mm[:, 0], "z_mm": yz_mm[:, 1]}, index=candidates.index)[sagittal]


def axial_votes(candidates: pd.DataFrame, shape: SpineShape) -> pd.DataFrame:
    """Recesses on axial slices as votes for the canal's place; each speaks for every level alike.

    For studies without a sagittal view: then only the order of the discs along the stack tells the levels.
    """
    axial = candidates[np.array([CLASSES[index].level is None for index in candidates.detector_class], dtype=bool)]
    way = np.mean([_way_to_canal(shape, Condition.SUBARTICULAR, level) for level in LEVELS], axis=0)
    votes = pd.DataFrame({"condition": VIEWS[0], "confidence": axial.confidence, "y_mm": axial.y_mm + way[0],
                          "z_mm": axial.z_mm + way[1]})
    return pd.concat([votes.assign(level=level) for level in range(len(LEVELS))], ignore_index=True)


def decode_levels(candidates: pd.DataFrame, shape: SpineShape) -> Levels:
    """The five levels from the candidates of all sagittal series, else from the order of axial ones."""
    votes = canal_votes(candidates, shape)
    sagittal = len(votes) > 0
    if not sagittal:
        votes = axial_votes(candidates, shape)
    positions, scores = _sites(votes)
    gaps = Gaps(
        np.array([[shape.offset(CANAL[k], CANAL[one])[1:] for one in LEVELS] for k in LEVELS]),
        np.array([[shape.offset_covariance(CANAL[k], CANAL[one])[1:, 1:] + (GAP_SD_MM * sagittal) ** 2 * np.eye(2)
                   for one in LEVELS] for k in LEVELS]),
    )
    chain = decode_chain(site_rewards(scores), positions, gaps, sacral_evidence(scores) if sagittal else None)
    found = chain.site >= 0
    strengths = scores[chain.site[found]].max(axis=(1, 2), initial=0)
    if found.sum() < LEAST_LEVELS or strengths.sum() < LEAST_STRENGTH:
        return NO_LEVELS
    yz, confidence, posterior = np.full((len(LEVELS), 2), np.nan), np.zeros(len(LEVELS)), np.zeros(len(LEVELS))
    yz[found] = positions[chain.site[found]]
    posterior[found] = chain.posterior[np.flatnonzero(found), chain.site[found]]
    confidence[found] = strengths * posterior[found]
    outer = [positions[site] if site >= 0 else np.full(2, np.nan) for site in (chain.above, chain.below)]
    return Levels(yz, confidence, posterior, chain.margin, np.array(outer))


def _way_to_canal(shape: SpineShape, condition: Condition, level: Level) -> np.ndarray:
    """(2,) mean way in y, z from both sides' targets to the canal of a level, mm."""
    return np.mean([shape.offset(Target(condition, side, level), CANAL[level])
                    for side in (Side.LEFT, Side.RIGHT)], axis=0)[1:]


def _sites(votes: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(S, 2) y, z of sites, and (S, 2, 5) the best vote of canals and of foramina for each level.

    Greedy: the strongest vote left takes all within SITE_MM.
    """
    places, confidence = votes[["y_mm", "z_mm"]].to_numpy(float), votes.confidence.to_numpy(float)
    view, level = np.array([VIEWS.index(one) for one in votes.condition], dtype=int), votes.level.to_numpy(int)
    left = np.ones(len(votes), dtype=bool)
    positions, scores = [], []
    for seed in np.argsort(-confidence, kind="stable"):
        if not left[seed]:
            continue
        members = left & (np.linalg.norm(places - places[seed], axis=1) <= SITE_MM)
        left &= ~members
        positions.append(np.average(places[members], axis=0, weights=confidence[members]))
        scores.append(np.zeros((len(VIEWS), len(LEVELS))))
        np.maximum.at(scores[-1], (view[members], level[members]), confidence[members])
    return np.reshape(positions, (-1, 2)), np.reshape(scores, (-1, len(VIEWS), len(LEVELS)))
