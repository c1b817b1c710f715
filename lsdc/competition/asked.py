"""What a submission is asked for, and the test part opened as far as it can be: faults told instead of raised."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lsdc.competition.folder import CompetitionFolder
from lsdc.competition.tables import FILES, PLANES, SAMPLE_FILE, SERIES_FILES, read_file, usable_series
from lsdc.errors import TableError
from lsdc.tables import GRADES, POINTS, SERIES, examples, read_csv
from lsdc.taxonomy import SEVERITY_COLUMNS, parse_row_id

SERIES_FILE = SERIES_FILES["test"]


@dataclass(frozen=True)
class Asked:
    """rows: the ids of sample_submission.csv in its order. studies: those they name, ascending.

    strange: ids among them that are not <study_id>_<condition>_<level>, which no model can answer. notes: what else is
    to be said of the file, though it can be answered.
    """

    rows: tuple[str, ...]
    studies: tuple[int, ...]
    strange: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_asked(root: Path) -> Asked:
    """Read sample_submission.csv.

    TableError where no valid submission can be made of it: missing, no rows, no column row_id, an id twice. Columns of
    probabilities that are missing are noted: what a submission has to have is known.
    """
    path = Path(root) / SAMPLE_FILE
    frame = read_csv(path)
    absent = [name for name in SEVERITY_COLUMNS if name not in frame]
    cells, faults = FILES[SAMPLE_FILE].examine(frame.assign(**dict.fromkeys(absent, pd.NA)) if "row_id" in frame else
                                               frame)
    if frame.empty:
        faults.append("no rows")
    if faults:
        raise TableError("this sample submission cannot be answered", got="\n          ".join(faults), where=path,
                         wanted="a column row_id, each id once, at least one row",
                         remedy="give the folder of the competition's files with --data (DATA=...)")
    rows = cells.row_id.tolist()
    studies = {study for text in rows if (study := _study(text)) is not None}
    notes = [f"{SAMPLE_FILE} has no columns {', '.join(absent)}: they are known, and written all the same"]
    return Asked(tuple(rows), tuple(sorted(studies)), tuple(text for text in rows if _study(text) is None),
                 tuple(notes if absent else ()))


def open_test_part(root: Path, asked: Asked) -> tuple[CompetitionFolder, list[str]]:
    """The test part as far as it can be read, and everything that is wrong with it, in words.

    Series rows that cannot be used are left out; without a usable table no study has a series.
    """
    root, faults = Path(root), []
    if asked.strange:
        faults.append(f"{SAMPLE_FILE}: {len(asked.strange)} rows are not <study_id>_<condition>_<level>: "
                      f"{examples(asked.strange)}")
    cells, found = read_file(root / SERIES_FILE)
    faults += found
    series = _series(cells)
    if unknown := sorted(set(asked.studies) - set(series.study_id)):
        faults.append(f"{SAMPLE_FILE}: {len(unknown)} studies have no usable series in {SERIES_FILE}: "
                      f"{examples(unknown)}")
    if not (root / "test_images").is_dir():
        faults.append("test_images/ is missing")
    folder = CompetitionFolder(root, GRADES.empty(), POINTS.empty(), {"test": series}, list(asked.rows),
                               _studies={"train": [], "test": list(asked.studies)})
    return folder, faults


def _study(text: str) -> int | None:
    try:
        return parse_row_id(text)[0]
    except ValueError:
        return None


def _series(cells: pd.DataFrame) -> pd.DataFrame:
    if not {"study_id", "series_id", "series_description"} <= set(cells.columns):
        return SERIES.empty()
    cells = usable_series(cells.dropna(subset=["study_id", "series_id"]))
    cells = cells[cells.series_description.isin(PLANES)].drop_duplicates(["study_id", "series_id"])
    return SERIES.frame(cells[["study_id", "series_id"]].assign(plane=cells.series_description.map(PLANES)))
