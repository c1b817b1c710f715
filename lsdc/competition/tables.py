"""The csv files of a competition folder: what they must hold, and everything in them that does not fit.

Spellings: the Data page of the RSNA 2024 Lumbar Spine Degenerative Classification competition.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from lsdc.errors import TableError
from lsdc.tables import SHOWN_ROWS, Column, Table, read_csv
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGET_BY_TITLES, TARGETS, Plane, Severity, parse_row_id

TRAIN_FILE, POINT_FILE, SAMPLE_FILE = "train.csv", "train_label_coordinates.csv", "sample_submission.csv"
SERIES_FILES = {part: f"{part}_series_descriptions.csv" for part in ("train", "test")}
PLANES = {plane.description: plane.value for plane in Plane}

_ID = Column("int64")
_SEVERITY = Column("string", tuple(severity.title for severity in Severity), missing=True)
_SERIES_COLUMNS = {"study_id": _ID, "series_id": _ID, "series_description": Column("string", missing=True)}
_POINT_COLUMNS = {
    "study_id": _ID, "series_id": _ID, "instance_number": _ID,
    "condition": Column("string", tuple(sorted({title for title, _ in TARGET_BY_TITLES}))),
    "level": Column("string", tuple(sorted({level for _, level in TARGET_BY_TITLES}))),
    "x": Column("float64"), "y": Column("float64"),
}
FILES = {table.name: table for table in (
    Table(TRAIN_FILE, {"study_id": _ID, **{target.column: _SEVERITY for target in TARGETS}}, key=("study_id",)),
    Table(POINT_FILE, _POINT_COLUMNS, key=("study_id", "series_id", "instance_number", "condition", "level")),
    *(Table(name, _SERIES_COLUMNS, key=("study_id", "series_id")) for name in SERIES_FILES.values()),
    # the probabilities of a sample are not looked at, only that they have their columns
    Table(SAMPLE_FILE, {"row_id": Column("string"), **dict.fromkeys(SEVERITY_COLUMNS, Column("string", missing=True))},
          key=("row_id",)),
)}


def read_file(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """The declared columns of a file of FILES, cells that do not fit empty, and its faults.

    A file or column that is not there has no column in the frame.
    """
    try:
        frame = read_csv(path)
    except TableError as error:
        return pd.DataFrame(), [f"{path.name}: {error.problem}" + (f": {error.got}" if error.got else "")]
    cells, faults = FILES[path.name].examine(frame)
    if frame.empty and path.name in (TRAIN_FILE, POINT_FILE, SAMPLE_FILE):
        faults.append("no rows")
    if "series_description" in cells:
        faults += _without_plane(cells.series_description)
    if path.name == SAMPLE_FILE and "row_id" in cells:
        faults += _no_row_ids(cells.row_id.dropna().tolist())
    return cells, [f"{path.name}: {fault}" for fault in faults]


def usable_series(cells: pd.DataFrame) -> pd.DataFrame:
    """Rows of a series table whose description names a plane; all rows where none does, which is a fault elsewhere."""
    if "series_description" not in cells:
        return cells
    known = cells.series_description.isin(PLANES)
    return cells[known] if known.any() else cells


def faults_between(files: Mapping[str, pd.DataFrame]) -> list[str]:
    """Faults that only two training files together show, as far as their ids could be read."""
    faults = []
    studies, pointed = _ids(files[TRAIN_FILE], "study_id"), _ids(files[POINT_FILE], "study_id")
    strange = pointed[~pointed.isin(studies)]
    if len(studies) and len(strange):
        faults.append(f"{POINT_FILE}: {strange.nunique()} studies are not in {TRAIN_FILE} ({len(strange)} points): "
                      f"{_shown(strange)}")
    series, pointed = usable_series(files[SERIES_FILES["train"]]), _ids(files[POINT_FILE], "series_id")
    if "series_id" in series and len(pointed) and not pointed.isin(_ids(series, "series_id")).any():
        faults.append(f"{POINT_FILE}: none of its {len(pointed)} points is on a series of {SERIES_FILES['train']}: "
                      f"{_shown(pointed)}")
    return faults


def _ids(cells: pd.DataFrame, column: str) -> pd.Series:
    return cells[column].dropna() if column in cells else pd.Series(dtype="Int64")


def _shown(values: pd.Series) -> str:
    return ", ".join(map(str, values.unique()[:SHOWN_ROWS]))


def _without_plane(descriptions: pd.Series) -> list[str]:
    """A fault when no series has a known plane; single ones of another description are left out with a warning."""
    if descriptions.empty or descriptions.isin(PLANES).any():
        return []
    counts = descriptions.value_counts(dropna=False)[:SHOWN_ROWS]
    shown = ", ".join(f"{'empty' if pd.isna(text) else repr(text)} ({count} rows)" for text, count in counts.items())
    return [f"series_description: none of {len(descriptions)} is among {', '.join(PLANES)}: {shown}"]


def _no_row_ids(texts: list[str]) -> list[str]:
    wrong = [text for text in texts if not _is_row_id(text)]
    shown = ", ".join(map(repr, wrong[:SHOWN_ROWS]))
    return [f"row_id: {len(wrong)} values are not <study_id>_<condition>_<level>: {shown}"] if wrong else []


def _is_row_id(text: str) -> bool:
    try:
        parse_row_id(text)
    except ValueError:
        return False
    return True
