"""One study: its series, read and placed, with what went wrong beside it."""

from dataclasses import dataclass

from lsdc.competition.folder import CompetitionFolder, Part
from lsdc.dicom import Series, read_series
from lsdc.errors import DataError, DicomError
from lsdc.taxonomy import Plane


@dataclass(frozen=True, eq=False)
class StudySeries:
    """A readable series and the plane that the series table gives it."""

    series_id: int
    plane: Plane
    series: Series


@dataclass(frozen=True, eq=False)
class Study:
    """All readable series of a study, in order of series_id; faults name what could not be read, and why."""

    study_id: int
    series: tuple[StudySeries, ...]
    faults: tuple[str, ...]
    listed: frozenset[Plane] = frozenset()  # planes that the series table gives it, readable or not

    def of(self, plane: Plane) -> tuple[StudySeries, ...]:
        """The series of one plane, in order of series_id."""
        return tuple(one for one in self.series if one.plane == plane)

    def why_without(self, plane: Plane) -> str:
        """Why there is no readable series of a plane: the table has none, or none of those it has can be read."""
        return f"no {plane} series" + (" can be read" if plane in self.listed else "")

    def by_id(self, series_id: int) -> StudySeries:
        for one in self.series:
            if one.series_id == series_id:
                return one
        raise DataError("a series that this study does not have", wanted=series_id,
                        got=[one.series_id for one in self.series], where=f"study {self.study_id}")


def read_study(folder: CompetitionFolder, study_id: int, part: Part | None = None) -> Study:
    """Read every series of a study. A series that cannot be read goes to `faults`, never to an exception.

    part says which copy to read where train and test both have the study; by default the training one.
    """
    part, series, faults = part or folder.part_of(study_id), [], []
    for row in folder.series_of(study_id, part).itertuples():
        try:
            read = read_series(folder.series_folder(part, study_id, row.series_id))
        except DicomError as error:
            faults.append(f"series {row.series_id} ({row.plane}): {error.problem}"
                          + (f" ({error.got})" if error.got else ""))
            continue
        series.append(StudySeries(int(row.series_id), Plane(row.plane), read))
        faults += [f"series {row.series_id} ({row.plane}): {fault}" for fault in read.faults]
    return Study(int(study_id), tuple(series), tuple(faults),
                 frozenset(map(Plane, folder.series_of(study_id, part).plane)))
