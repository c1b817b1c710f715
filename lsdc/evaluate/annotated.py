"""Annotated points as patient positions, from the headers of the slices they were set on."""

import logging
from collections.abc import Iterable
from functools import cache

import numpy as np
import pandas as pd

from lsdc.competition import CompetitionFolder
from lsdc.dicom import SlicePlane
from lsdc.dicom.header import parse_header, read_dataset
from lsdc.errors import DicomError
from lsdc.taxonomy import ANNOTATED_PLANE, Condition

log = logging.getLogger(__name__)


def annotated_truths(folder: CompetitionFolder, studies: Iterable[int]) -> pd.DataFrame:
    """Annotated points of training studies: study_id, condition, side, level, x_mm, y_mm, z_mm (DICOM LPS).

    Left out, with a count in the log: points whose slice cannot be read or placed, and points on a series of another
    plane than their condition's.
    """
    points = folder.points[folder.points["study_id"].isin(list(studies))]
    planes = folder.series["train"].set_index(["study_id", "series_id"])["plane"]
    place = cache(lambda *slice_of: _place(folder, *slice_of))  # several points lie on one slice
    rows = []
    for point in points.itertuples():
        if planes.get((point.study_id, point.series_id)) != ANNOTATED_PLANE[Condition(point.condition)]:
            continue
        if (image := place(point.study_id, point.series_id, point.instance_number)) is not None:
            rows.append((point.study_id, point.condition, point.side, point.level,
                         *image.to_patient(np.array([point.x_px, point.y_px]))))
    if len(rows) < len(points):
        log.warning("%d of %d annotated points have no place in the patient and are left out",
                    len(points) - len(rows), len(points))
    return pd.DataFrame(rows, columns=["study_id", "condition", "side", "level", "x_mm", "y_mm", "z_mm"])


def _place(folder: CompetitionFolder, study_id: int, series_id: int, instance_number: int) -> SlicePlane | None:
    path = folder.series_folder("train", study_id, series_id) / f"{instance_number}.dcm"
    try:
        return parse_header(read_dataset(path, pixels=False), path).plane
    except DicomError as error:
        log.debug("%s", error)
        return None
