"""Annotated points as locations: which slice, and where in the patient."""

import pandas as pd

from lsdc.competition.study import Study
from lsdc.errors import DataError
from lsdc.taxonomy import ANNOTATED_PLANE, Condition


def point_locations(study: Study, points: pd.DataFrame) -> tuple[list[dict], list[str]]:
    """Locations of a study's POINTS rows, and in words the points that cannot be placed.

    A location has condition, side, level, series_id, slice_index, x_mm, y_mm, z_mm. Left out are points on a series
    or slice that cannot be read, and points on a plane that does not show their condition.
    """
    locations, faults = [], []
    for point in points.to_dict("records"):
        what = f"{point['condition']} {point['side']} {point['level']}"
        try:
            found = study.by_id(point["series_id"])
            wanted = ANNOTATED_PLANE[Condition(point["condition"])]
            if found.plane != wanted:
                raise DataError("annotated on another plane", wanted=wanted, got=found.plane)
            index = found.series.index_of_instance(point["instance_number"])
        except DataError as error:
            faults.append(f"study {study.study_id}, {what}: {error.problem}")
            continue
        x_mm, y_mm, z_mm = found.series.planes[index].to_patient([point["x_px"], point["y_px"]]).tolist()
        locations.append({
            **{key: point[key] for key in ("condition", "side", "level", "series_id")},
            "slice_index": index, "x_mm": x_mm, "y_mm": y_mm, "z_mm": z_mm,
        })
    return locations, faults
