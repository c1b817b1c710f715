"""The competition folder: its csv files checked together and turned into the kit's tables.

Layout and spellings: the Data page of the RSNA 2024 Lumbar Spine Degenerative Classification competition.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

from lsdc.errors import DataError, TableError
from lsdc.tables import GRADES, POINTS, SERIES, SHOWN_ROWS, read_csv
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGET_BY_TITLES, TARGETS, Plane, Severity, parse_row_id

Part = Literal["train", "test"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class CompetitionFolder:
    """Checked tables of a competition folder. `open_folder` makes one.

    grades: GRADES, 25 rows for each training study, severity missing where the cell is empty; points: POINTS;
    series: SERIES of each part; sample: the row_ids of sample_submission.csv in their order.
    Opened without training, grades and points are empty.
    """

    root: Path
    grades: pd.DataFrame
    points: pd.DataFrame
    series: dict[Part, pd.DataFrame]
    sample: list[str]
    _studies: dict[Part, list[int]] = field(repr=False, default_factory=dict)

    def study_ids(self, part: Part) -> list[int]:
        """Studies of a part, ascending: those with grades (train), those of the sample submission (test)."""
        return list(self._studies[part])

    def part_of(self, study_id: int) -> Part:
        """The part that has this study; train where both have it (the visible test study may be a training one)."""
        for part in ("train", "test"):
            if study_id in self._studies[part]:
                return part
        raise DataError("a study that is not in this folder", got=study_id, where=self.root,
                        wanted="a study of train.csv or sample_submission.csv")

    def series_of(self, study_id: int, part: Part | None = None) -> pd.DataFrame:
        """SERIES rows of one study, in order of series_id."""
        table = self.series[part or self.part_of(study_id)]
        return table[table.study_id == study_id].sort_values("series_id")

    def series_folder(self, part: Part, study_id: int, series_id: int) -> Path:
        return self.root / f"{part}_images" / str(study_id) / str(series_id)


def open_folder(root: Path, *, training: bool = True) -> CompetitionFolder:
    """Read and check the csv files of a competition folder; one TableError lists the faults of all of them.

    training=False needs only what a hidden test set has: test_series_descriptions.csv and sample_submission.csv.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError("the competition folder does not exist", wanted="a folder with train.csv and train_images/",
                        where=root, remedy="give it with DATA=/path/to/folder (make) or LSDC_DATA, "
                        "or leave both out to use the phantom")
    faults: list[str] = []
    parts: tuple[Part, ...] = ("train", "test") if training else ("test",)
    sample = _collect(faults, _read_sample, root / "sample_submission.csv") or []
    series = {part: _collect(faults, _read_series, root / f"{part}_series_descriptions.csv") for part in parts}
    grades, points = GRADES.empty(), POINTS.empty()
    if training:
        grades = _collect(faults, _read_grades, root / "train.csv")
        points = _collect(faults, _read_points, root / "train_label_coordinates.csv")
    if not faults:
        train_studies = sorted(set(grades.study_id.tolist()))
        test_studies = sorted({parse_row_id(row)[0] for row in sample})
        if training:
            faults += _unknown_studies(train_studies, points)
            faults += _nothing_to_learn(train_studies, points, series["train"])
        faults += [fault for part in parts if (fault := _no_images(root, part, series[part]))]
    if faults:
        raise TableError(f"this competition folder cannot be used ({len(faults)} faults)",
                         got="\n          ".join(faults), where=root,
                         remedy="compare with the competition's Data page; a fresh download has none of these")
    return CompetitionFolder(root, grades, points, series, sample, {"train": train_studies, "test": test_studies})


def _collect(faults: list[str], read: Callable, path: Path):
    try:
        return read(path)
    except TableError as error:
        got = f"{error.got}".replace("\n           ", "; ") if error.got else ""
        faults.append(f"{path.name}: {error.problem}" + (f": {got}" if got else ""))
        return None


def _need_columns(frame: pd.DataFrame, columns: list[str], path: Path) -> None:
    if absent := [column for column in columns if column not in frame.columns]:
        raise TableError(f"{len(absent)} columns are missing", got=", ".join(absent[:5]) + (" ..." * (len(absent) > 5)),
                         where=path)


def _name_faults(values: pd.Series, known: list[str], what: str, path: Path) -> None:
    wrong = values.notna() & ~values.isin(known)
    if wrong.any():
        counts = values[wrong].value_counts()[:SHOWN_ROWS]
        shown = ", ".join(f"{text!r} ({count} rows)" for text, count in counts.items())
        raise TableError(f"{what} not among {', '.join(known)}", got=shown, where=path)


def _read_grades(path: Path) -> pd.DataFrame:
    wide = read_csv(path)
    columns = [target.column for target in TARGETS]
    _need_columns(wide, ["study_id", *columns], path)
    names = {severity.title: severity.column for severity in Severity}
    _name_faults(wide[columns].stack(), list(names), "severities", path)
    rows = pd.concat([
        pd.DataFrame({"study_id": wide.study_id, "condition": target.condition, "side": target.side,
                      "level": target.level, "severity": wide[target.column].map(names)})
        for target in TARGETS
    ])
    order = pd.concat([pd.Series(range(len(wide)))] * len(TARGETS)).to_numpy()
    return GRADES.check(rows.iloc[order.argsort(kind="stable")], path)  # a study's 25 rows together, in TARGETS order


def _read_points(path: Path) -> pd.DataFrame:
    frame = read_csv(path)
    _need_columns(frame, ["study_id", "series_id", "instance_number", "condition", "level", "x", "y"], path)
    _name_faults(frame.condition, sorted({title for title, _ in TARGET_BY_TITLES}), "conditions", path)
    _name_faults(frame.level, sorted({level for _, level in TARGET_BY_TITLES}), "levels", path)
    targets = [TARGET_BY_TITLES.get(pair) for pair in zip(frame.condition, frame.level, strict=True)]
    if None in targets:
        raise TableError("points without condition or level", got=f"{targets.count(None)} rows", where=path)
    return POINTS.check(
        frame[["study_id", "series_id", "instance_number"]].assign(
            condition=[target.condition for target in targets], side=[target.side for target in targets],
            level=[target.level for target in targets], x_px=frame.x, y_px=frame.y),
        path,
    )


def _read_series(path: Path) -> pd.DataFrame:
    frame = read_csv(path)
    _need_columns(frame, ["study_id", "series_id", "series_description"], path)
    planes = {plane.description: plane.value for plane in Plane}
    known = frame.series_description.isin(list(planes))
    if len(frame) and not known.any():
        _name_faults(frame.series_description, list(planes), "series descriptions", path)
    for row in frame[~known].itertuples():  # one odd series must not cost the others
        log.warning("study %s: series %s is left out, its description %r is none of %s", row.study_id, row.series_id,
                    row.series_description, ", ".join(planes))
    table = frame[["study_id", "series_id"]].assign(plane=frame.series_description.map(planes))
    return SERIES.check(table[known].reset_index(drop=True), path)


def _read_sample(path: Path) -> list[str]:
    frame = read_csv(path)
    _need_columns(frame, ["row_id", *SEVERITY_COLUMNS], path)
    wrong = []
    for row in frame.row_id:
        try:
            parse_row_id(row)
        except (ValueError, AttributeError, TypeError):
            wrong.append(str(row))
    if wrong:
        raise TableError(f"{len(wrong)} row_ids are not <study_id>_<condition>_<level>",
                         got=", ".join(wrong[:SHOWN_ROWS]), where=path)
    if (twice := frame.row_id[frame.row_id.duplicated()]).size:
        raise TableError(f"{twice.size} row_ids stand twice", got=", ".join(twice[:SHOWN_ROWS]), where=path)
    if frame.empty:
        raise TableError("no rows", wanted="25 rows for each test study", where=path)
    return frame.row_id.tolist()


def _unknown_studies(train: list[int], points: pd.DataFrame) -> list[str]:
    unknown = sorted(set(points.study_id.tolist()) - set(train))
    return [f"train_label_coordinates.csv: {len(unknown)} studies are not in train.csv: {unknown[:SHOWN_ROWS]}"
            ] if unknown else []


def _nothing_to_learn(train: list[int], points: pd.DataFrame, series: pd.DataFrame) -> list[str]:
    if not train:
        return ["train.csv: no study"]
    if not points.series_id.isin(series.series_id).any():
        return [f"train_label_coordinates.csv: none of its {len(points)} points is on a series of "
                "train_series_descriptions.csv"]
    return []


def _no_images(root: Path, part: Part, series: pd.DataFrame) -> str | None:
    """A fault when none of a part's series is on disk; single ones that are missing are each study's own matter."""
    images = root / f"{part}_images"
    if not images.is_dir():
        return f"{images.name}/ is missing"
    pairs = zip(series.study_id, series.series_id, strict=True)
    if len(series) and not any((images / str(study) / str(one)).is_dir() for study, one in pairs):
        return f"{images.name}/ has none of the {len(series)} series of {part}_series_descriptions.csv"
    return None
