"""One study: its series, read and placed, with what went wrong beside it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from lsdc.competition.folder import CompetitionFolder, Part
from lsdc.dicom import Series, read_series
from lsdc.errors import DataError, DicomError, PassingError
from lsdc.taxonomy import Plane


class SliceAt(NamedTuple):
    """Where a position shows: mm from the slice, which slice, and the pixel (2,) of its foot."""

    offset_mm: float
    series_id: int
    slice_index: int
    xy_px: np.ndarray


@dataclass(frozen=True, eq=False)
class StudySeries:
    """A readable series and the plane that the series table gives it."""

    series_id: int
    plane: Plane
    series: Series

    def slice_at(self, position_mm: np.ndarray, *, within_mm: float) -> "SliceAt | None":
        """The slice that shows a patient position (3,); None where all are further than within_mm, or end before it."""
        index, offset_mm = self.series.nearest_slice(position_mm)
        xy_px, _ = self.series.planes[index].to_pixel(position_mm)
        near = abs(offset_mm) <= within_mm and self.series.planes[index].holds(xy_px)
        return SliceAt(abs(offset_mm), self.series_id, index, xy_px) if near else None


@dataclass(frozen=True, eq=False)
class Study:
    """All readable series of a study, in order of series_id; faults name what could not be read, and why.

    lost: why, of each series that could not be read; passing: series of which something could not be read for a reason
    that may pass.
    """

    study_id: int
    series: tuple[StudySeries, ...]
    faults: tuple[str, ...]
    listed: frozenset[Plane] = frozenset()  # planes that the series table gives it, readable or not
    lost: Mapping[int, str] = field(default_factory=dict)
    passing: frozenset[int] = frozenset()

    def of(self, plane: Plane) -> tuple[StudySeries, ...]:
        """The series of one plane, in order of series_id."""
        return tuple(one for one in self.series if one.plane == plane)

    def slice_at(
        self, plane: Plane, position_mm: np.ndarray, *, within_mm: float, without: Collection[int] = ()
    ) -> SliceAt | None:
        """The nearest slice of a plane that shows a position (3,), among all its series but those `without`."""
        found = [one.slice_at(position_mm, within_mm=within_mm) for one in self.of(plane)
                 if one.series_id not in without]
        return min((one for one in found if one), key=lambda one: one[:2], default=None)

    def why_without(self, plane: Plane) -> str:
        """Why there is no readable series of a plane: the table has none, or none of those it has can be read."""
        return f"no {plane} series" + (" can be read" if plane in self.listed else "")

    def by_id(self, series_id: int) -> StudySeries:
        for one in self.series:
            if one.series_id == series_id:
                return one
        if series_id in self.lost:
            raise DataError(f"a series that cannot be read ({self.lost[series_id]})", got=f"series {series_id}",
                            where=f"study {self.study_id}")
        raise DataError("a series that this study does not have", wanted=series_id,
                        got=[one.series_id for one in self.series], where=f"study {self.study_id}")


def read_study(folder: CompetitionFolder, study_id: int, part: Part | None = None) -> Study:
    """Read every series of a study. A series that cannot be read goes to `faults`, never to an exception.

    part says which copy to read where train and test both have the study; by default the training one.
    """
    part, series, faults, lost = part or folder.part_of(study_id), [], [], {}
    passing = set()
    read_one = folder.store.read if folder.store else read_series
    for row in folder.series_of(study_id, part).itertuples():
        try:
            read = read_one(folder.series_folder(part, study_id, row.series_id))
        except DicomError as error:
            lost[int(row.series_id)] = error.problem
            if isinstance(error, PassingError):
                passing.add(int(row.series_id))
            faults.append(f"series {row.series_id} ({row.plane}): {error.problem}"
                          + (f" ({error.got})" if error.got else ""))
            continue
        if read.unread:
            passing.add(int(row.series_id))
        series.append(StudySeries(int(row.series_id), Plane(row.plane), read))
        faults += [f"series {row.series_id} ({row.plane}): {fault}" for fault in read.faults]
    return Study(int(study_id), tuple(series), tuple(faults),
                 frozenset(map(Plane, folder.series_of(study_id, part).plane)), lost, frozenset(passing))
