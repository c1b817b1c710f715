"""The midline's x where no canal was seen: from foramina and recesses."""

import numpy as np
import pandas as pd

from lsdc.detect.classes import CLASSES
from lsdc.detect.evidence import Evidence, Note
from lsdc.detect.levels import CANAL
from lsdc.taxonomy import Condition, Level, Side, Target

LEAST_SHARE = 0.1  # of all confidence: a side with less was not seen
MIDDLE = Level.L3_L4  # at which the way from side to midline is taken


def midline_x(evidence: Evidence) -> float:
    """Patient x of the midline, mm: midway between both sides' candidates.

    Of one side alone, recesses know theirs by their class; what foramina show may be either, so there the middle of
    the slices is taken, and told.
    """
    sides = evidence.candidates[~evidence.of(Condition.CANAL)]
    middle = float(np.average(sides.x_mm, weights=sides.confidence))
    parts = [sides[sides.x_mm > middle], sides[sides.x_mm <= middle]]
    if all(part.confidence.sum() >= LEAST_SHARE * sides.confidence.sum() for part in parts):
        ends = [float(np.average(part.x_mm, weights=part.confidence)) for part in parts]
        if ends[0] - ends[1] >= _least_apart(evidence, sides):
            return (ends[0] + ends[1]) / 2
    recesses = sides[evidence.of(Condition.SUBARTICULAR)[sides.index]]
    if len(recesses):
        ways = [_way_to_midline(evidence, Condition.SUBARTICULAR, CLASSES[one].side) for one in recesses.detector_class]
        return float(np.average(recesses.x_mm + ways, weights=recesses.confidence))
    evidence.told.append(Note(None, "one side alone was seen: the midline is taken from the middle of its slices", 1))
    return float(np.mean([plane.centre_mm[0] for one in evidence.study.series
                          if one.series_id in set(sides.series_id) for plane in one.series.planes]))


def _least_apart(evidence: Evidence, sides: pd.DataFrame) -> float:
    """Half the way between both sides' targets, mm, of the condition where it is shorter."""
    conditions = {CLASSES[one].condition for one in sides.detector_class}
    return min(abs(_way_to_midline(evidence, condition, Side.LEFT)) for condition in conditions)


def _way_to_midline(evidence: Evidence, condition: Condition, side: Side) -> float:
    return float(evidence.shape.offset(Target(condition, side, MIDDLE), CANAL[MIDDLE])[0])
