"""Which targets a classifier learns from: those with a grade and an annotated point."""

from collections.abc import Iterable

import pandas as pd

from lsdc.competition import CompetitionFolder
from lsdc.errors import DataError
from lsdc.taxonomy import ANNOTATED_PLANE, SEVERITY_COLUMNS

TARGET_KEY = ["study_id", "condition", "side", "level"]


def graded_points(folder: CompetitionFolder, studies: Iterable[int]) -> pd.DataFrame:
    """One POINTS row with its `severity` (0, 1, 2) for each graded and annotated target of the studies.

    Where a target has several points, the first on its condition's own plane is taken (by series, then instance).
    DataError when a study has no grades in this folder.
    """
    studies = list(studies)
    if unknown := sorted(set(studies) - set(folder.study_ids("train"))):
        raise DataError(f"{len(unknown)} studies are not in train.csv", got=unknown[:5], where=folder.root,
                        remedy="use the folds of this very competition folder")
    grades = folder.grades[folder.grades["study_id"].isin(studies) & folder.grades["severity"].notna()]
    points = folder.points.merge(folder.series["train"], on=["study_id", "series_id"], how="left")
    wanted = points["condition"].map({str(one): str(plane) for one, plane in ANNOTATED_PLANE.items()})
    points = points.assign(elsewhere=points["plane"].fillna("") != wanted)
    points = points.sort_values([*TARGET_KEY, "elsewhere", "series_id", "instance_number"], kind="stable")
    points = points.drop_duplicates(TARGET_KEY).drop(columns=["plane", "elsewhere"])
    samples = grades.merge(points, on=TARGET_KEY, how="inner")
    number = {name: value for value, name in enumerate(SEVERITY_COLUMNS)}
    return samples.assign(severity=samples["severity"].map(number).astype(int)).reset_index(drop=True)
