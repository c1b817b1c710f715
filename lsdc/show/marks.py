"""What is marked on a study: annotated points and predicted locations, placed in the patient."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lsdc.competition import Study
from lsdc.errors import DataError
from lsdc.taxonomy import Condition, Level, Severity, Side, Target


@dataclass(frozen=True, eq=False)
class Mark:
    """A target's place: (3,) patient mm, and the slice it was put on. severity is None without a label."""

    target: Target
    place_mm: np.ndarray
    series_id: int
    slice_index: int
    severity: Severity | None
    predicted: bool = False


def grade_of(grades: pd.DataFrame) -> dict[Target, Severity]:
    """The labelled targets of one study, from its GRADES rows."""
    known = grades[grades.severity.notna()]
    return {_target(row): Severity[row.severity.upper()] for row in known.itertuples()}


def annotated_marks(study: Study, points: pd.DataFrame, grades: dict[Target, Severity]
                    ) -> tuple[list[Mark], list[str]]:
    """A mark for each of the study's POINTS rows; in words, by series, those on no readable slice or outside it."""
    marks, lost, outside = [], Counter(), Counter()
    for row in points.itertuples():
        target = _target(row)
        try:
            series = study.by_id(row.series_id).series
            index = series.index_of_instance(row.instance_number)
        except DataError:
            lost[row.series_id] += 1
            continue
        height, width = series.planes[index].size_hw
        if not (0 <= row.x_px <= width and 0 <= row.y_px <= height):
            outside[row.series_id] += 1
            continue
        place = series.planes[index].to_patient(np.array([row.x_px, row.y_px]))
        marks.append(Mark(target, place, int(row.series_id), index, grades.get(target)))
    return marks, [f"series {series_id}: {count} points lie {where}"
                   for counts, where in ((lost, "on slices that are not there or cannot be read"),
                                         (outside, "outside the image")) for series_id, count in counts.items()]


def predicted_marks(locations: pd.DataFrame) -> list[Mark]:
    """A mark for each LOCATIONS row of one study that has a place."""
    return [
        Mark(_target(row), np.array([row.x_mm, row.y_mm, row.z_mm], float),
             -1 if pd.isna(row.series_id) else int(row.series_id),
             -1 if pd.isna(row.slice_index) else int(row.slice_index), None, predicted=True)
        for row in locations.itertuples() if not pd.isna(row.x_mm)
    ]


def _target(row) -> Target:
    return Target(Condition(row.condition), Side(row.side), Level(row.level))
