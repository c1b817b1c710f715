"""Annotated points as patient positions."""

import logging
from typing import NamedTuple

import numpy as np
import pandas as pd

from lsdc.competition import Study
from lsdc.errors import DataError
from lsdc.taxonomy import ANNOTATED_PLANE, Condition, Level, Side, Target

log = logging.getLogger(__name__)


class Landmark(NamedTuple):
    """One annotated point: its target, the slice it was set on, and where that is in the patient, mm (3,)."""

    target: Target
    series_id: int
    slice_index: int
    position_mm: np.ndarray


def landmarks(study: Study, points: pd.DataFrame) -> list[Landmark]:
    """A study's annotated points (POINTS rows) in patient mm, in the order of the table.

    Left out with a line in the log: points on a series of another plane than their condition's, on series or
    instances that the study does not have, and outside the image.
    """
    found = []
    for row in points[points.study_id == study.study_id].itertuples():
        target = Target(Condition(row.condition), Side(row.side), Level(row.level))
        try:
            one = study.by_id(row.series_id)
            index = one.series.index_of_instance(row.instance_number)
        except DataError as error:
            log.info("study %s: point %s left out: %s", study.study_id, target.column, error.problem)
            continue
        plane = one.series.planes[index]
        if one.plane != ANNOTATED_PLANE[target.condition]:
            log.info("study %s: point %s left out: it lies on a %s", study.study_id, target.column, one.plane)
        elif not plane.holds(np.array([row.x_px, row.y_px])):
            log.info("study %s: point %s left out: outside its image", study.study_id, target.column)
        else:
            found.append(Landmark(target, one.series_id, index, plane.to_patient(np.array([row.x_px, row.y_px]))))
    return found
