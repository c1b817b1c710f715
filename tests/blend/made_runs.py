"""Runs of three folds with out-of-fold predictions made up from the truth, to be blended."""

from pathlib import Path

import numpy as np

from lsdc.config import load_settings
from lsdc.runs import RunFolder
from lsdc.seeding import generator
from lsdc.tables import FOLDS, LOCATIONS, PREDICTIONS
from lsdc.taxonomy import TARGETS, Severity, row_id
from lsdc.train import open_run
from tests.builders import write_competition

STUDIES = tuple(range(11, 20))
GRADE = {study: generator(2, "grade", study).choice(3, size=25, p=(0.6, 0.2, 0.2)) for study in STUDIES}


def write_graded(root: Path, **parts) -> Path:
    """A competition folder with these studies and grades."""
    return write_competition(root, studies=STUDIES, severity=lambda study, target: Severity(
        GRADE[study][TARGETS.index(target)]), **parts)


def write_predicted(path: Path, data: Path, config: str = "configs/phantom.yaml") -> RunFolder:
    """A run of three folds, which gives the truth .6 or so, with noise of its own."""
    run = open_run(path, load_settings(config), data)
    FOLDS.write(FOLDS.frame([{"study_id": study, "fold": study % 3} for study in STUDIES]), run.folds)
    for fold in range(3):
        write_out_of_fold(run, fold, [study for study in STUDIES if study % 3 == fold])
    return run


def write_out_of_fold(run: RunFolder, fold: int, studies: list[int]) -> None:
    rows, places = [], []
    for study in studies:
        noise = generator(2, run.path.name, study).dirichlet([1, 1, 1], 25)
        values = (np.eye(3)[GRADE[study]] + noise) / 2
        rows += [{"row_id": row_id(study, target), "normal_mild": a, "moderate": b, "severe": c, "fold": fold,
                  "model": "m", "fallback": None} for target, (a, b, c) in zip(TARGETS, values, strict=True)]
        places += [dict.fromkeys(LOCATIONS.columns) | {"study_id": study, **target._asdict(), "confidence": 0.0,
                                                       "found_by": "prior", "fold": fold} for target in TARGETS]
    PREDICTIONS.write(PREDICTIONS.frame(rows), run.fold(fold).predictions)
    LOCATIONS.write(LOCATIONS.frame(places), run.fold(fold).locations)
