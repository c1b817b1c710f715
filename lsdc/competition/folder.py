"""The competition folder: its csv files checked together and turned into the kit's tables.

Layout and spellings: the Data page of the RSNA 2024 Lumbar Spine Degenerative Classification competition.
"""

import logging
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from lsdc.competition.grades import grades_of
from lsdc.competition.tables import (
    FILES,
    PLANES,
    POINT_FILE,
    SAMPLE_FILE,
    SERIES_FILES,
    TRAIN_FILE,
    faults_between,
    read_file,
    usable_series,
)
from lsdc.config import ComputeSettings, cache_root
from lsdc.dicom import SeriesStore
from lsdc.errors import DataError, TableError
from lsdc.tables import GRADES, POINTS, SERIES
from lsdc.taxonomy import TARGET_BY_TITLES, parse_row_id

Part = Literal["train", "test"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class CompetitionFolder:
    """Checked tables of a competition folder. `open_folder` makes one.

    grades: GRADES, 25 rows for each training study, severity missing where the cell is empty; points: POINTS;
    series: SERIES of each part; sample: the row_ids of sample_submission.csv in their order.
    store: where decoded series are kept; None: nowhere.
    Opened without training, grades and points are empty.
    """

    root: Path
    grades: pd.DataFrame
    points: pd.DataFrame
    series: dict[Part, pd.DataFrame]
    sample: list[str]
    store: SeriesStore | None = None
    _studies: dict[Part, list[int]] = field(repr=False, default_factory=dict)

    def study_ids(self, part: Part) -> list[int]:
        """Studies of a part, ascending: those with grades (train), those of the sample submission (test)."""
        return list(self._studies[part])

    def part_of(self, study_id: int) -> Part:
        """The part that has this study; train where both have it (the visible test study may be a training one)."""
        for part in ("train", "test"):
            if study_id in self._known[part]:
                return part
        raise DataError("a study that is not in this folder", got=study_id, where=self.root,
                        wanted="a study of train.csv or sample_submission.csv")

    def series_of(self, study_id: int, part: Part | None = None) -> pd.DataFrame:
        """SERIES rows of one study, in order of series_id."""
        table, studies = self._ordered[part or self.part_of(study_id)]
        first, end = studies.searchsorted(study_id, "left"), studies.searchsorted(study_id, "right")
        return table.iloc[first:end]

    @cached_property
    def _known(self) -> dict[Part, frozenset[int]]:
        return {part: frozenset(studies) for part, studies in self._studies.items()}

    @cached_property
    def _ordered(self) -> dict[Part, tuple[pd.DataFrame, np.ndarray]]:
        """The series of each part by study and id, and the studies of these rows: none is looked for in all rows."""
        tables = {part: table.sort_values(["study_id", "series_id"]) for part, table in self.series.items()}
        return {part: (table, table.study_id.to_numpy()) for part, table in tables.items()}

    def keeping(self, compute: ComputeSettings) -> "CompetitionFolder":
        """This folder with decoded series kept below the cache folder, as much as `store_gigabytes` says."""
        bound = compute.store_gigabytes
        return replace(self, store=SeriesStore(cache_root() / "series", bound) if bound else None)

    def series_folder(self, part: Part, study_id: int, series_id: int) -> Path:
        return self.root / f"{part}_images" / str(study_id) / str(series_id)


def open_folder(root: Path, *, training: bool = True) -> CompetitionFolder:
    """Read and check the csv files of a competition folder; one TableError lists the faults of all of them.

    A series whose description is unknown is left out with a warning; it is a fault where none of a file is known.
    training=False needs only what a hidden test set has: test_series_descriptions.csv and sample_submission.csv.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError("the competition folder does not exist", wanted="a folder with train.csv and train_images/",
                        where=root, remedy="give it with DATA=/path/to/folder (make) or LSDC_DATA, "
                        "or leave both out to use the phantom")
    parts: tuple[Part, ...] = ("train", "test") if training else ("test",)
    files, faults = {}, []
    for name in FILES:
        if training or not name.startswith("train"):
            files[name], found = read_file(root / name)
            faults += found
    if training:
        faults += faults_between(files)
    for part in parts:
        faults += _no_images(root, part, files[SERIES_FILES[part]])
    if faults:
        raise TableError(f"this competition folder cannot be used ({len(faults)} faults)",
                         got="\n          ".join(faults), where=root,
                         remedy="`lsdc audit FOLDER` lists every fault row by row; compare with the competition's Data "
                         "page (a fresh download has none of these)")
    grades = grades_of(files[TRAIN_FILE]) if training else GRADES.empty()
    sample = files[SAMPLE_FILE].row_id.tolist()
    return CompetitionFolder(
        root, grades, _points(files[POINT_FILE]) if training else POINTS.empty(),
        {part: _series(files[SERIES_FILES[part]]) for part in parts}, sample,
        _studies={"train": sorted(set(grades.study_id.tolist())),
                  "test": sorted({parse_row_id(row)[0] for row in sample})},
    )


def _points(cells: pd.DataFrame) -> pd.DataFrame:
    targets = [TARGET_BY_TITLES[pair] for pair in zip(cells.condition, cells.level, strict=True)]
    return POINTS.check(
        cells[["study_id", "series_id", "instance_number"]].assign(
            condition=[target.condition for target in targets], side=[target.side for target in targets],
            level=[target.level for target in targets], x_px=cells.x, y_px=cells.y))


def _series(cells: pd.DataFrame) -> pd.DataFrame:
    usable = usable_series(cells)
    for row in cells.drop(usable.index).itertuples():  # one odd series must not cost the others
        log.warning("study %s: series %s is left out, its description %r is none of %s", row.study_id, row.series_id,
                    row.series_description, ", ".join(PLANES))
    return SERIES.check(usable[["study_id", "series_id"]].assign(plane=usable.series_description.map(PLANES)))


def _no_images(root: Path, part: Part, cells: pd.DataFrame) -> list[str]:
    """A fault when none of a part's series is on disk; single ones that are missing are each study's own matter."""
    images = root / f"{part}_images"
    if not images.is_dir():
        return [f"{images.name}/ is missing"]
    if not {"study_id", "series_id"} <= set(cells.columns):
        return []
    rows = usable_series(cells)[["study_id", "series_id"]].dropna().itertuples(index=False)
    folders = [images / str(study) / str(one) for study, one in rows]
    if folders and not any(folder.is_dir() for folder in folders):
        return [f"{images.name}/ has none of the {len(folders)} series of {SERIES_FILES[part]}: "
                f"{folders[0].relative_to(root).as_posix()}"]
    return []
