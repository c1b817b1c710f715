"""The csv files of a competition folder as they are: what fits is kept, what does not becomes a finding."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from lsdc.audit.kinds import Finding, Kind, Part
from lsdc.errors import TableError
from lsdc.tables import read_csv
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGET_BY_TITLES, TARGETS, Plane, Severity, Target, parse_row_id

POINT_FILE = "train_label_coordinates.csv"
_PLANES = {plane.description: plane for plane in Plane}


class SeriesRow(NamedTuple):
    """A row of a series table; plane is None where the description is unknown."""

    series_id: int
    plane: Plane | None


class Point(NamedTuple):
    """A row of the coordinates, px."""

    series_id: int
    instance_number: int
    target: Target
    x_px: float
    y_px: float


@dataclass(eq=False)
class Tables:
    """What the csv files hold, by study. labelled: the graded targets; studies: of train.csv and of the sample."""

    studies: dict[Part, list[int]] = field(default_factory=dict)
    series: dict[Part, dict[int, list[SeriesRow]]] = field(default_factory=dict)
    labelled: dict[int, frozenset[Target]] = field(default_factory=dict)
    points: dict[int, list[Point]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def read_tables(root: Path, parts: Sequence[Part]) -> Tables:
    """Read the csv files of these parts. No fault stops it: rows that do not fit are left out and found."""
    tables = Tables()
    if "train" in parts:
        _read_grades(tables, root / "train.csv")
        _read_points(tables, root / POINT_FILE)
    if "test" in parts:
        _read_sample(tables, root / "sample_submission.csv")
    for part in parts:
        _read_series(tables, root / f"{part}_series_descriptions.csv", part)
        if not (root / f"{part}_images").is_dir():
            tables.findings.append(Finding(Kind.MISSING_FILE, part, detail=f"{part}_images/"))
    if "train" in parts:
        _compare_points(tables)
    return tables


def _read(tables: Tables, path: Path, part: Part, columns: Sequence[str]) -> pd.DataFrame | None:
    """The file with text cells, or None when it or a column is missing."""
    try:
        frame = read_csv(path)
    except TableError as error:
        kind = Kind.UNREADABLE_CSV if path.exists() else Kind.MISSING_FILE
        tables.findings.append(Finding(kind, part, detail=path.name + (f": {error.got}" if error.got else "")))
        return None
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        tables.findings.append(Finding(Kind.MISSING_COLUMN, part, count=len(absent),
                                       detail=f"{path.name}: {names(absent)}"))
        return None
    if frame.empty:
        tables.findings.append(Finding(Kind.EMPTY_TABLE, part, detail=path.name))
    return frame


def _with_ids(tables: Tables, frame: pd.DataFrame, columns: Sequence[str], path: Path, part: Part) -> pd.DataFrame:
    """Rows whose ids are whole numbers, as int64; the others are found."""
    numbers = frame[list(columns)].apply(pd.to_numeric, errors="coerce").astype("float64")
    good = ((numbers % 1 == 0) & (numbers.abs() < 2**53)).to_numpy(dtype=bool, na_value=False)
    for row, column in zip(*np.nonzero(~good), strict=True):
        tables.findings.append(Finding(Kind.BAD_ID, part, detail=(
            f"{path.name}, row {row + 1}: {columns[column]} is {_cell(frame[columns[column]].iloc[row])}")))
    kept = good.all(axis=1)
    return frame[kept].assign(**{column: numbers[column][kept].astype("int64") for column in columns})


def _without_copies(tables: Tables, frame: pd.DataFrame, key: Sequence[str], path: Path, part: Part) -> pd.DataFrame:
    copies = frame.duplicated(list(key))
    for row, count in frame[copies].groupby(list(key), sort=True).size().items():
        row = row if isinstance(row, tuple) else (row,)
        found = dict(zip(key, row, strict=True))
        tables.findings.append(Finding(
            Kind.DUPLICATE_KEY, part, found.get("study_id"), found.get("series_id"), int(count) + 1,
            f"{path.name}: {int(count) + 1} rows of {', '.join(map(str, row))}"))
    return frame[~copies]


def _read_grades(tables: Tables, path: Path) -> None:
    columns = [target.column for target in TARGETS]
    frame = _read(tables, path, "train", ["study_id", *columns])
    if frame is None:
        return
    frame = _without_copies(tables, _with_ids(tables, frame, ["study_id"], path, "train"), ["study_id"], path, "train")
    cells = frame[columns].to_numpy(dtype=object, na_value=None)  # (studies, 25)
    known = {severity.title for severity in Severity}
    for study_id, row in zip(frame.study_id.tolist(), cells, strict=True):
        tables.findings += [Finding(Kind.UNKNOWN_SEVERITY, "train", study_id, detail=f"{column} is {_cell(cell)}")
                            for column, cell in zip(columns, row, strict=True) if cell not in {*known, None}]
        empty = [column for column, cell in zip(columns, row, strict=True) if cell is None]
        if empty:
            tables.findings.append(Finding(Kind.MISSING_LABELS, "train", study_id, None, len(empty), names(empty)))
        tables.labelled[study_id] = frozenset(t for t, cell in zip(TARGETS, row, strict=True) if cell in known)
    tables.studies["train"] = sorted(tables.labelled)
    if len(cells) and not frame[columns].notna().to_numpy().any():
        tables.findings.append(Finding(Kind.NOTHING_GRADED, "train", detail=path.name))


def _read_points(tables: Tables, path: Path) -> None:
    ids = ["study_id", "series_id", "instance_number"]
    frame = _read(tables, path, "train", [*ids, "condition", "level", "x", "y"])
    if frame is None:
        return
    frame = _with_ids(tables, frame, ids, path, "train")
    frame = _without_copies(tables, frame, [*ids, "condition", "level"], path, "train")
    place = frame[["x", "y"]].apply(pd.to_numeric, errors="coerce").astype("float64").to_numpy()
    points = defaultdict(list)
    known = {Kind.UNKNOWN_CONDITION: {title for title, _ in TARGET_BY_TITLES},
             Kind.UNKNOWN_LEVEL: {level for _, level in TARGET_BY_TITLES}}
    for row, (x, y) in zip(frame.itertuples(index=False), place.tolist(), strict=True):
        wrong = [(kind, cell) for kind, cell in zip(known, (row.condition, row.level), strict=True)
                 if pd.isna(cell) or cell not in known[kind]]
        if not np.isfinite([x, y]).all():
            wrong.append((Kind.BAD_COORDINATE, f"{row.x}, {row.y}"))
        tables.findings += [Finding(kind, "train", row.study_id, row.series_id, detail=_cell(cell))
                            for kind, cell in wrong]
        if not wrong:
            target = TARGET_BY_TITLES[row.condition, row.level]
            points[row.study_id].append(Point(row.series_id, row.instance_number, target, x, y))
    tables.points = dict(points)


def _read_series(tables: Tables, path: Path, part: Part) -> None:
    tables.series[part] = {}
    frame = _read(tables, path, part, ["study_id", "series_id", "series_description"])
    if frame is None:
        return
    frame = _with_ids(tables, frame, ["study_id", "series_id"], path, part)
    frame = _without_copies(tables, frame, ["study_id", "series_id"], path, part)
    series = defaultdict(list)
    for row in frame.itertuples(index=False):
        plane = None if pd.isna(row.series_description) else _PLANES.get(row.series_description)
        if plane is None:
            tables.findings.append(Finding(Kind.UNKNOWN_DESCRIPTION, part, row.study_id, row.series_id,
                                           detail=_cell(row.series_description)))
        series[row.study_id].append(SeriesRow(row.series_id, plane))
    tables.series[part] = dict(series)
    if part in tables.studies:
        wanted = set(tables.studies[part])
        tables.findings += [Finding(Kind.SERIES_OF_UNKNOWN_STUDY, part, study_id, None, len(series[study_id]))
                            for study_id in sorted(set(series) - wanted)]
        tables.findings += [Finding(Kind.STUDY_WITHOUT_SERIES, part, study_id)
                            for study_id in sorted(wanted - set(series)) if series]


def _read_sample(tables: Tables, path: Path) -> None:
    frame = _read(tables, path, "test", ["row_id", *SEVERITY_COLUMNS])
    if frame is None:
        return
    frame = _without_copies(tables, frame, ["row_id"], path, "test")
    rows = defaultdict(list)
    for number, cell in enumerate(frame.row_id.to_numpy(dtype=object, na_value=None), start=1):
        try:
            study_id, target = parse_row_id(cell or "")
        except ValueError:
            tables.findings.append(Finding(Kind.BAD_ROW_ID, "test", detail=f"row {number}: {_cell(cell)}"))
            continue
        rows[study_id].append((number, target.column))
    for study_id, found in sorted(rows.items()):
        if len(found) < len(TARGETS):
            absent = {target.column for target in TARGETS} - {column for _, column in found}
            tables.findings.append(Finding(Kind.INCOMPLETE_SAMPLE, "test", study_id, None, len(absent),
                                           f"without {names(sorted(absent))}"))
    if not _is_ordered(rows):
        tables.findings.append(Finding(Kind.SHUFFLED_SAMPLE, "test", detail=path.name))
    tables.studies["test"] = sorted(rows)


def _is_ordered(rows: dict[int, list[tuple[int, str]]]) -> bool:
    """Whether each study's rows stand together, columns in alphabetical order. rows: (row number, column)."""
    together = all(later[0][0] > earlier[-1][0] for earlier, later in pairwise(rows.values()))
    return together and all(found == sorted(found, key=lambda row: row[1]) for found in rows.values())


def _compare_points(tables: Tables) -> None:
    """Points against train.csv and the series table."""
    if "train" in tables.studies:
        for study_id in sorted(set(tables.points) - set(tables.studies["train"])):
            tables.findings.append(Finding(Kind.POINT_OF_UNKNOWN_STUDY, "train", study_id, None,
                                           len(tables.points.pop(study_id))))
    series = tables.series["train"]
    if series and tables.points and not any(
            point.series_id == row.series_id for study_id, points in tables.points.items()
            for point in points for row in series.get(study_id, [])):
        tables.findings.append(Finding(Kind.NO_USABLE_POINT, "train", detail=POINT_FILE))


def names(values: Collection[str], shown: int = 6) -> str:
    """The first few of some names, and how many more."""
    values = list(values)
    return ", ".join(values[:shown]) + (f" and {len(values) - shown} more" if len(values) > shown else "")


def _cell(value: object) -> str:
    return "empty" if value is None or pd.isna(value) else repr(str(value))
