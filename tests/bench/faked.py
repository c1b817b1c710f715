"""Six studies, their truth, and a training of no time whose answers are known: what the harness itself does is real."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.competition import CompetitionFolder, open_folder
from lsdc.runs import FoldFolder
from lsdc.tables import (
    BOX_MATCHES,
    KEYPOINTS,
    LATENTS,
    LEVELS,
    LOCATION_ERRORS,
    LOCATION_NOTES,
    LOCATIONS,
    PREDICTIONS,
)
from lsdc.taxonomy import SEVERITY_COLUMNS, SEVERITY_WEIGHTS, TARGETS, Severity, row_id
from tests.builders import write_competition

STUDIES = (11, 12, 13, 14, 15, 16)
FLOOR = 0.9  # the floor's probability of each grade read
SMALL = ("folds.count=2", "evaluation.bootstrap=100", "compute.accelerator=cpu")


def severity(study: int, target) -> Severity:
    return Severity((study + list(TARGETS).index(target)) % 3)  # each study has each severity in each condition


def answer(study: int, target, sureness: float) -> np.ndarray:
    """Probabilities (3,) with `sureness` for the grade read."""
    values = np.full(3, (1 - sureness) / 2)
    values[severity(study, target)] = sureness
    return values


def write_folder(place: Path) -> CompetitionFolder:
    """A competition folder with a truth beside it, from which the floor gives FLOOR to each grade read."""
    root = write_competition(place / "competition", studies=STUDIES, severity=severity)
    rows = []
    for study in STUDIES:
        for target in TARGETS:
            unweighted = answer(study, target, FLOOR) / SEVERITY_WEIGHTS
            values = dict(zip(SEVERITY_COLUMNS, unweighted / unweighted.sum(), strict=True))
            rows.append({"row_id": row_id(study, target), "z": 0.0, **values})
    LATENTS.write(LATENTS.frame(rows), place / "truth" / "latents.csv")
    keypoints = [{"study_id": study, "structure": "canal", "level": target.level, "side": target.side, "x_mm": 4.0,
                  "y_mm": 30.0 * i, "z_mm": 0.0} for study in STUDIES for i, target in enumerate(TARGETS[:5])]
    KEYPOINTS.write(KEYPOINTS.frame(keypoints), place / "truth" / "keypoints.csv")
    return open_folder(root)


class Faked:
    """Stands in for the four slow steps of train_fold. `done` lists them as (step, run, fold) in their order.

    says(settings, study, target): the probabilities that a classifier answers. `stop` is called before each step.
    """

    def __init__(self, monkeypatch, says: Callable):
        self.done, self.says, self.stop = [], says, lambda step, run, fold: None
        monkeypatch.setattr("lsdc.train.fold.train_detector", self.train_detector)
        monkeypatch.setattr("lsdc.train.fold._locate", self.locate)
        monkeypatch.setattr("lsdc.train.fold.train_classifier", self.train_classifier)
        monkeypatch.setattr("lsdc.train.fold._predict", self.predict)

    def note(self, step: str, path: Path) -> None:
        told = (step, path.parent.name, int(path.name.removeprefix("fold")))
        self.stop(*told)
        self.done.append(told)

    def train_detector(self, folder, studies, settings, *, seed, fold, compute, out) -> None:
        self.note("detector", out.parent)
        out.mkdir(parents=True)
        (out / "detector.torchscript").write_text(f"made as number {len(self.done)}")

    def locate(self, folder, settings, here: FoldFolder, held_out, tuning) -> None:
        self.note("locate", here.path)
        for table, path in ((LOCATION_ERRORS, here.location_errors), (BOX_MATCHES, here.box_matches),
                            (LEVELS, here.levels), (LOCATION_NOTES, here.location_notes)):
            table.write(table.empty(), path)
        LOCATIONS.write(nowhere(tuning, here.number), here.tuning_locations)
        LOCATIONS.write(nowhere(held_out, here.number), here.locations)

    def train_classifier(self, folder, *, settings, fold, out, **others) -> None:
        self.note("classifier", out.parent)
        out.mkdir()

    def predict(self, folder, settings, here: FoldFolder, held_out) -> None:
        self.note("predict", here.path)
        rows = [{"row_id": row_id(study, target), "fold": here.number, "model": "faked", "fallback": pd.NA,
                 **dict(zip(SEVERITY_COLUMNS, self.says(settings, study, target), strict=True))}
                for study in held_out for target in TARGETS]
        PREDICTIONS.write(PREDICTIONS.frame(rows), here.predictions)


def nowhere(studies, fold: int) -> pd.DataFrame:
    """LOCATIONS in which nothing was found."""
    places = dict.fromkeys(("series_id", "slice_index", "x_px", "y_px", "x_mm", "y_mm", "z_mm"), pd.NA)
    return LOCATIONS.frame([{"study_id": study, "condition": target.condition, "side": target.side,
                             "level": target.level, **places, "confidence": 0.0, "found_by": "prior", "fold": fold}
                            for study in studies for target in TARGETS])
