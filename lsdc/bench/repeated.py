"""One phantom as if it were any number of studies: its rows under other ids, and links to its images."""

import shutil
from pathlib import Path

import pandas as pd

from lsdc.competition.folder import Part
from lsdc.competition.tables import POINT_FILE, SAMPLE_FILE, SERIES_FILES, TRAIN_FILE
from lsdc.tables import read_csv

FIRST_STUDY = {"train": 1_000_000, "test": 3_000_000}
FIRST_SERIES = {"train": 2_000_000, "test": 4_000_000}  # before the rank of the series in its study


def repeat_studies(competition: Path, place: Path, studies: int, part: Part = "train") -> None:
    """The studies of a part again and again under other ids: its tables, and links to the series folders.

    place: made if it is not there; it may hold the other part.
    """
    series = read_csv(competition / SERIES_FILES[part])
    series["rank"] = series.groupby("study_id").cumcount().astype(str)
    tables = {TRAIN_FILE: read_csv(competition / TRAIN_FILE), POINT_FILE: read_csv(competition / POINT_FILE)
              } if part == "train" else {SAMPLE_FILE: _sample(competition)}
    known = next(iter(tables.values()))["study_id"].drop_duplicates().tolist()
    numbered = pd.DataFrame({"study_id": [known[number % len(known)] for number in range(studies)],
                             "number": range(studies)}).astype({"study_id": "string"})
    place.mkdir(parents=True, exist_ok=True)
    links = _renamed(series, series, numbered, part)
    for name, table in ({SERIES_FILES[part]: series} | tables).items():
        rows = _renamed(table, series, numbered, part)
        if name == SAMPLE_FILE:
            rows = rows.assign(row_id=rows["own_study"] + "_" + rows["column"]).drop(columns=["study_id", "column"])
        else:
            rows = rows.assign(study_id=rows["own_study"])
        if "series_id" in rows:
            rows = rows.assign(series_id=rows["own_series"])
        rows.drop(columns=["own_study", "own_series", "rank", "number"], errors="ignore").to_csv(
            place / name, index=False)
    images = place / f"{part}_images"
    for number in range(studies):
        (images / str(FIRST_STUDY[part] + number)).mkdir(parents=True)
    for row in links.itertuples():
        if (there := competition / f"{part}_images" / row.study_id / row.series_id).is_dir():
            (images / row.own_study / row.own_series).symlink_to(there)


def keep_few_files(competition: Path, place: Path, files: int) -> None:
    """The same folder with links to no more than `files` files from the middle of each series, and their points."""
    place.mkdir(parents=True)
    for table in competition.glob("*.csv"):
        shutil.copy(table, place)
    for folder in competition.glob("*_images/*/*"):
        there = sorted(folder.iterdir(), key=lambda path: (len(path.name), path.name))
        start = max(0, (len(there) - files) // 2)
        (kept := place / folder.relative_to(competition)).mkdir(parents=True)
        for path in there[start:start + files]:
            (kept / path.name).symlink_to(path.absolute())
    points = read_csv(place / POINT_FILE)
    there = [(place / "train_images" / row.study_id / row.series_id / f"{row.instance_number}.dcm").exists()
             for row in points.itertuples()]
    points[there].to_csv(place / POINT_FILE, index=False)


def _sample(competition: Path) -> pd.DataFrame:
    """The sample submission with its row ids taken apart: study_id, column."""
    sample = read_csv(competition / SAMPLE_FILE)
    sample[["study_id", "column"]] = sample["row_id"].str.split("_", n=1, expand=True)
    return sample


def _renamed(table: pd.DataFrame, series: pd.DataFrame, numbered: pd.DataFrame, part: Part) -> pd.DataFrame:
    """Rows of all repetitions, in order, with own_study and, where there is a series, own_series beside them."""
    rows = numbered.merge(table, on="study_id").sort_values("number", kind="stable", ignore_index=True)
    rows["own_study"] = (FIRST_STUDY[part] + rows["number"]).astype("string")
    if "series_id" in rows:
        keys = ["study_id", "series_id"]
        if "rank" not in rows:
            rows = rows.merge(series[[*keys, "rank"]], on=keys, how="left")
        rows["own_series"] = (FIRST_SERIES[part] + rows["number"]).astype("string") + rows["rank"]
    return rows
