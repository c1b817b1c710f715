"""Columns, dtypes and key of every table that crosses a stage; read, check, write.

Every arrow between stages is a csv file of one of these tables. A check reports all faults at once;
a write goes aside and is renamed, so a table that exists is whole.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.errors import TableError, printable, shortened
from lsdc.files import need_file, written_aside
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGET_BY_COLUMN, Condition, Level, Plane, Severity, Side

SHOWN_ROWS = 3  # examples given with each fault
LONGEST_CELL, MOST_COLUMNS = 4000, 1000  # far beyond any table of ours
SHOWN_CELL = 80  # characters of a cell in a fault


def examples(values: Sequence) -> str:
    """The first few values of a fault, in words."""
    return ", ".join(map(str, values[:SHOWN_ROWS])) + (", ..." if len(values) > SHOWN_ROWS else "")


@dataclass(frozen=True)
class Column:
    """dtype is one of int64, Int64, float64, string; `closed` lists the only values allowed.

    words: texts for people that may hold words of files; they are written as `for_spreadsheets` has them.
    """

    dtype: str
    closed: tuple[str, ...] | None = None
    missing: bool = False
    words: bool = False


@dataclass(frozen=True)
class Table:
    """A declared table: columns in order and the key that no two rows share."""

    name: str
    columns: Mapping[str, Column]
    key: tuple[str, ...]

    def empty(self) -> pd.DataFrame:
        return pd.DataFrame({name: pd.Series(dtype=column.dtype) for name, column in self.columns.items()})

    def frame(self, rows: list[dict] | pd.DataFrame, where: object = "memory") -> pd.DataFrame:
        """Rows as a checked frame of this table (columns in the declared order and dtypes)."""
        if isinstance(rows, list) and not rows:
            return self.empty()
        return self.check(pd.DataFrame(rows), where)

    def check(self, frame: pd.DataFrame, where: object = "memory") -> pd.DataFrame:
        """The frame with declared columns and dtypes; TableError with every fault if it does not fit."""
        cells, faults = self.examine(frame)
        if unknown := [str(name) for name in frame.columns if name not in self.columns]:
            faults.append(f"columns unknown: {', '.join(unknown)}")
        if faults:
            raise TableError(
                f"this is not a valid {self.name} table ({len(faults)} faults)",
                wanted=f"columns {', '.join(self.columns)}; key {', '.join(self.key)}",
                got="\n          ".join(faults), where=where,
                remedy="correct the rows named, or remove the file and run the stage that writes it again",
            )
        return cells.reset_index(drop=True)

    def examine(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """The declared columns that the frame has, cells that do not fit left empty, and every fault.

        Other columns are not looked at. A key counts where all its cells fit.
        """
        faults = []
        if absent := [name for name in self.columns if name not in frame.columns]:
            faults.append(f"columns missing: {', '.join(absent)} (it has: {', '.join(map(str, frame.columns))})")
        cells = {}
        for name, column in self.columns.items():
            if name in frame.columns:
                cells[name], wrong = _cast(frame[name], name, column)
                faults += wrong
        cells = pd.DataFrame(cells)
        if set(self.key) <= set(cells.columns):
            key = cells[list(self.key)]
            shared = key[key.notna().all(axis=1) & key.duplicated(keep=False)]
            if len(shared):
                shown = "; ".join(", ".join(map(str, row)) for row in shared.drop_duplicates()[:SHOWN_ROWS].to_numpy())
                faults.append(f"{len(shared)} rows share their key ({', '.join(self.key)}): {shown}")
        return cells, faults

    def read(self, path: Path) -> pd.DataFrame:
        """Read and check a csv file of this table."""
        return self.check(read_csv(path), path)

    def write(self, frame: pd.DataFrame, path: Path) -> None:
        """Check, then `write_csv`."""
        checked = self.check(frame, path)
        words = [name for name, column in self.columns.items() if column.words]
        write_csv(checked.assign(**for_spreadsheets(checked[words])), path)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write aside and rename, so that `read_csv` has the same cells; floats keep their full precision."""
    texts = [frame[name] for name in frame if pd.api.types.is_string_dtype(frame[name].dtype)]
    # a bare carriage return is a line end to readers, and nothing to be quoted for Python's writer
    bare = any(text.str.contains("\r", regex=False, na=False).any() for text in texts)
    quoting = csv.QUOTE_NONNUMERIC if bare else csv.QUOTE_MINIMAL
    with written_aside(Path(path)) as aside:
        frame.to_csv(aside, index=False, lineterminator="\n", quoting=quoting)


def read_csv(path: Path) -> pd.DataFrame:
    """Every cell of a csv file as text, empty cells missing; TableError when it is no csv or absent.

    Nor is it one with NUL bytes, which end a cell unseen, with rows of more cells than the header names, or with a
    name, a cell or a number of columns that is beyond any table (LONGEST_CELL, MOST_COLUMNS).
    """
    path = Path(path)
    try:
        need_file(path)
        data = path.read_bytes()
        if b"\0" in data:
            raise ValueError("it has NUL bytes" + (" (utf-16?)" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ""))
        if (columns := _header_cells(data)) > MOST_COLUMNS:  # pandas takes a minute for a hundred thousand
            raise ValueError(f"it has {columns} columns")
        frame = pd.read_csv(io.BytesIO(data), dtype="string", keep_default_na=False, na_values=[""], encoding="utf-8")
        _check_cells(frame)
    except FileNotFoundError:
        raise TableError("a csv file is missing", wanted=path.name, where=path.parent,
                         remedy="check the folder, or run the stage that writes this file") from None
    except MemoryError:
        raise TableError("this csv file is larger than there is memory for", got=f"{path.stat().st_size} bytes",
                         where=path, remedy="split it, or use a larger machine") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, OSError, ValueError, csv.Error) as error:
        raise TableError("this file cannot be read as csv", wanted="utf-8 text, comma separated, with a header line",
                         got=shortened(str(error).strip()), where=path, remedy="replace the file") from error
    return frame


def _header_cells(data: bytes) -> int:
    """Cells of the first line that is not blank."""
    rows = csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8", newline=""))
    return next((len(row) for row in rows if len(row) > 1 or (row and row[0].strip())), 0)


def _check_cells(frame: pd.DataFrame) -> None:
    if not isinstance(frame.index, pd.RangeIndex):  # pandas took the first cells for names of rows
        raise ValueError("its rows have more cells than its header has names")
    longest = max(map(len, frame.columns), default=0)
    for name in frame.columns:
        lengths = frame[name].str.len()
        longest = max(longest, int(lengths.max())) if lengths.notna().any() else longest
    if longest > LONGEST_CELL:
        raise ValueError(f"it has a cell of {longest} characters")


def _cast(values: pd.Series, name: str, column: Column) -> tuple[pd.Series, list[str]]:
    """A column in its dtype; with faults, cells that do not fit are empty and whole numbers are Int64."""
    absent = values.isna()
    if column.dtype == "string":
        cast = values.astype("string")
        fits = ~absent if column.closed is None else cast.isin(column.closed)
        unlike = f"not among {', '.join(column.closed or ())}"
    else:
        cast = pd.to_numeric(values, errors="coerce")
        numbers = cast.to_numpy("float64", na_value=np.nan)
        fits = pd.Series(np.isfinite(numbers), index=values.index)
        if column.dtype != "float64":
            fits &= (numbers == np.floor(numbers)) & (np.abs(numbers) < 2**63)
        unlike = f"are not finite {column.dtype} numbers"
    faults, wrong = [], ~fits & ~absent
    if wrong.any():
        shown = ", ".join(shortened(repr(value), SHOWN_CELL) for value in values[wrong].unique()[:SHOWN_ROWS])
        faults.append(f"{name}: {wrong.sum()} values {unlike}: {shown}")
    if absent.any() and not column.missing:
        faults.append(f"{name}: {absent.sum()} values are missing (first at row {int(np.flatnonzero(absent)[0]) + 1})")
    if not faults:
        return cast.astype(column.dtype), []
    return cast.where(fits).astype("Int64" if column.dtype == "int64" else column.dtype), faults


_STUDY = {"study_id": Column("int64")}
_TARGET = {
    "condition": Column("string", tuple(Condition)),
    "side": Column("string", tuple(Side)),
    "level": Column("string", tuple(Level)),
}
_PROBABILITIES = {name: Column("float64") for name in SEVERITY_COLUMNS}
_STUDY_TARGET = ("study_id", "condition", "side", "level")

GRADES = Table(
    "grades",
    {**_STUDY, **_TARGET, "severity": Column("string", tuple(s.column for s in Severity), missing=True)},
    key=_STUDY_TARGET,
)
POINTS = Table(
    "points",
    {**_STUDY, "series_id": Column("int64"), "instance_number": Column("int64"), **_TARGET,
     "x_px": Column("float64"), "y_px": Column("float64")},
    key=("study_id", "series_id", "instance_number", "condition", "side", "level"),
)
SERIES = Table(
    "series",
    {**_STUDY, "series_id": Column("int64"), "plane": Column("string", tuple(Plane))},
    key=("study_id", "series_id"),
)
FOLDS = Table("folds", {**_STUDY, "fold": Column("int64")}, key=("study_id",))
LOCATIONS = Table(
    # one row per target of a study, always 25; found_by detector: a candidate; geometry: where it is expected, on a
    # series of its own plane; projected: so, on a series of another plane; a target that nothing located has "prior",
    # confidence 0 and empty place. slice_index counts along the normal of the ordered series.
    "locations",
    {**_STUDY, **_TARGET, "series_id": Column("Int64", missing=True), "slice_index": Column("Int64", missing=True),
     "x_px": Column("float64", missing=True), "y_px": Column("float64", missing=True),
     "x_mm": Column("float64", missing=True), "y_mm": Column("float64", missing=True),
     "z_mm": Column("float64", missing=True), "confidence": Column("float64"),
     "found_by": Column("string", ("detector", "geometry", "projected", "prior")), "fold": Column("int64")},
    key=_STUDY_TARGET,
)
LEVELS = Table(
    # one row per level of a study: where its canal was decoded in the sagittal plane (missing where it was not), how
    # probable that is given all candidates, and by how many nats it beats its strongest rival
    "levels",
    {**_STUDY, "level": Column("string", tuple(Level)), "y_mm": Column("float64", missing=True),
     "z_mm": Column("float64", missing=True), "posterior": Column("float64"),
     "margin": Column("float64", missing=True), "fold": Column("int64")},
    key=("study_id", "level"),
)
LOCATION_NOTES = Table(
    # what was chosen, dropped or missing on the way to a study's locations; series_id is missing where it is the
    # whole study's
    "location notes",
    {**_STUDY, "series_id": Column("Int64", missing=True), "note": Column("string", words=True),
     "count": Column("int64"), "fold": Column("int64")},
    key=("study_id", "series_id", "note"),
)
LOCATION_ERRORS = Table(
    # measured on studies that the detector did not train on: location minus annotated point.
    # in-plane axes of the canonical image (see crops); slices along the normal.
    "location errors",
    {**_STUDY, **_TARGET, "x_mm": Column("float64"), "y_mm": Column("float64"), "slices": Column("float64")},
    key=_STUDY_TARGET,
)
BOX_MATCHES = Table(
    # boxes on the slices that annotated points name, numbered by slice and class. A row for each true box (prediction
    # and confidence empty); for each predicted box a row with each true box of its class that it overlaps by an IoU of
    # .5 or more, or one row without a truth where there is none
    "box matches",
    {**_STUDY, "series_id": Column("int64"), "slice_index": Column("int64"),
     "condition": Column("string", tuple(Condition)),
     "detector_class": Column("string"), "prediction": Column("Int64", missing=True),
     "confidence": Column("float64", missing=True), "truth": Column("Int64", missing=True),
     "iou": Column("float64", missing=True)},
    key=("study_id", "series_id", "slice_index", "detector_class", "prediction", "truth"),
)
PREDICTIONS = Table(
    # fallback is empty where the model answered, else why the priors did (e.g. "no sagittal_t1 series")
    "predictions",
    {"row_id": Column("string"), **_PROBABILITIES, "fold": Column("int64"), "model": Column("string", words=True),
     "fallback": Column("string", missing=True, words=True)},
    key=("row_id",),
)
SUBMISSION = Table("submission", {"row_id": Column("string"), **_PROBABILITIES}, key=("row_id",))
PRIORS = Table(
    # weight-multiplied severity rates by column of train.csv, from the training studies of a fold
    "priors", {"target": Column("string", tuple(TARGET_BY_COLUMN)), **_PROBABILITIES}, key=("target",),
)
LATENTS = Table(
    # the phantom's truth: z ~ N(0, 1) and the exact P(severity | z) of its readers
    "latents",
    {"row_id": Column("string"), "z": Column("float64"), **_PROBABILITIES},
    key=("row_id",),
)
KEYPOINTS = Table(
    # the phantom's truth, DICOM LPS mm; structure is a condition, "disc" or "body"; level is text such as l1_l2 or l3
    "keypoints",
    {**_STUDY, "structure": Column("string"), "level": Column("string"), "side": Column("string", tuple(Side)),
     "x_mm": Column("float64"), "y_mm": Column("float64"), "z_mm": Column("float64")},
    key=("study_id", "structure", "level", "side"),
)


def for_spreadsheets(frame: pd.DataFrame) -> pd.DataFrame:
    """A table for people, whose texts come from files: printable, and no formula when a spreadsheet opens it.

    >>> for_spreadsheets(pd.DataFrame({"a": ["=1+1", "x-1", "\\r"], "n": [-1.5, 2, 3]}))["a"].tolist()
    ["'=1+1", 'x-1', '\\\\r']
    """
    def plain(value: object) -> object:
        if not isinstance(value, str):
            return value
        return f"'{shown}" if (shown := printable(value)).startswith(("=", "+", "-", "@")) else shown

    return frame.apply(lambda column: column.map(plain) if pd.api.types.is_string_dtype(column.dtype) else column)
