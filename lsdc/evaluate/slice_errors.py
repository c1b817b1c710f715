"""How many slices lie between a location and its true point, in the series that the location is on."""

import numpy as np
import pandas as pd

from lsdc.competition import CompetitionFolder
from lsdc.dicom import SlicePlane, read_planes
from lsdc.errors import DicomError
from lsdc.evaluate.landmarks import MM, TRUE_MM
from lsdc.processes import each

FEW_SERIES = 200  # read in this process: starting others takes as long


def planes_of(
    folder: CompetitionFolder, series: set[tuple[int, int]], *, workers: int = 0
) -> dict[tuple[int, int], tuple[SlicePlane, ...]]:
    """Planes of training series (study_id, series_id), from their headers; empty for a series that cannot be read."""
    wanted = sorted(series)
    read = each(_planes, wanted, what="headers of the located series", workers=workers, shared=(folder,),
                few=FEW_SERIES)
    return dict(zip(wanted, read, strict=True))


def located_series(errors: pd.DataFrame) -> set[tuple[int, int]]:
    """Series that places with a true point lie on."""
    known = errors[errors["distance_mm"].notna() & errors["series_id"].notna()]
    return set(zip(known["study_id"].astype(int), known["series_id"].astype(int), strict=True))


def slice_errors(errors: pd.DataFrame, planes: dict[tuple[int, int], tuple[SlicePlane, ...]]) -> np.ndarray:
    """Of each row of `target_errors`: how many slices the slice nearest to the place is from that nearest to the truth.

    Slices are counted along the ordered series that the location is on. nan where a place or a true point is missing,
    or the series cannot be read.
    """
    found = np.full(len(errors), np.nan)
    known = errors[errors["distance_mm"].notna() & errors["series_id"].notna()]
    for key, rows in known.reset_index(drop=True).assign(row=known.index).groupby(["study_id", "series_id"]):
        if stack := planes.get((int(key[0]), int(key[1])), ()):
            place, truth = (nearest_slices(stack, rows[names].to_numpy(np.float64)) for names in (MM, TRUE_MM))
            found[errors.index.get_indexer(rows["row"])] = np.abs(place - truth)
    return found


def nearest_slices(planes: tuple[SlicePlane, ...], points_mm: np.ndarray) -> np.ndarray:
    """Index (m,) of the slice nearest to each patient point (m, 3), as Series.nearest_slice finds it.

    Slices whose image holds the point's foot are preferred.
    """
    origin, normal = (np.stack([getattr(plane, name) for plane in planes]) for name in ("origin_mm", "normal"))
    steps = np.stack([[plane.step_x_mm, plane.step_y_mm] for plane in planes])  # (slices, 2, 3)
    offset = points_mm - origin[:, None]  # (slices, m, 3)
    away = np.abs(np.einsum("smk,sk->sm", offset, normal))
    across = steps.transpose(0, 2, 1)
    feet = offset @ across @ np.linalg.inv(steps @ across)  # (slices, m, 2), pixels
    edge = np.array([plane.size_hw[::-1] for plane in planes])[:, None] - 0.5
    outside = ((feet < -0.5) | (feet > edge)).any(axis=2)
    return np.lexsort([away, outside], axis=0)[0]


def _planes(folder: CompetitionFolder, study_id: int, series_id: int) -> tuple[SlicePlane, ...]:
    try:
        return read_planes(folder.series_folder("train", study_id, series_id))
    except DicomError:
        return ()
