"""A competition folder and a run of any number of studies: labels, places and answers are drawn, images are links."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.bench.repeated import keep_few_files, repeat_studies
from lsdc.bench.simulated import write_run
from lsdc.competition import CompetitionFolder, open_folder
from lsdc.competition.tables import TRAIN_FILE
from lsdc.config import Settings
from lsdc.evaluate.landmarks import MM, TARGET_KEYS
from lsdc.files import write_json
from lsdc.phantom.latents import draw_labels
from lsdc.runs import RunFolder
from lsdc.seeding import generator
from lsdc.taxonomy import ANNOTATED_PLANE, SEVERITY_COLUMNS, TARGETS, Condition, Severity, row_id

FILES_EACH = 2  # of a series
ROUGH_PLACE_MM = 40.0


@dataclass(frozen=True)
class Place:
    """What the stages of one size work on, below `root`: as many studies in the training as in the test part."""

    root: Path
    studies: int

    competition = property(lambda self: self.root / "competition")
    run = property(lambda self: RunFolder(self.root / "runs" / "simulated"))
    folds = property(lambda self: self.root / "folds.csv")
    work = property(lambda self: self.root / "predicted")  # of lsdc predict
    submission = property(lambda self: self.root / "submission.csv")
    report = property(lambda self: self.root / "report")


def make_place(phantom: Path, root: Path, studies: int, settings: Settings) -> Place:
    """Write it. phantom: a competition folder whose series are linked to, with a few files each.

    Nothing of a phantom's truth is there: an evaluation has no floor.
    """
    place, few = Place(root, studies), root / "few"
    keep_few_files(phantom, few, FILES_EACH)
    for part in ("train", "test"):
        repeat_studies(few, place.competition, studies, part)
    labels = [draw_labels(settings.phantom.seed, "train", number) for number in range(studies)]
    _write_grades(place.competition / TRAIN_FILE, np.stack([one.severity for one in labels]))
    folder = open_folder(place.competition)
    chosen = folder.study_ids("train")
    latents = pd.DataFrame(np.concatenate([one.probabilities for one in labels]), columns=list(SEVERITY_COLUMNS),
                           index=[row_id(study, target) for study in chosen for target in TARGETS])
    write_run(place.run.path, folder, settings, chosen, _places(folder, chosen), latents, seed=0)
    fold = place.run.fold(0)  # lsdc predict looks at what its models are by these; none of them is loaded
    write_json(fold.detector / "detector.json", {})
    write_json(fold.classifier / "classifier.json", {"classifier": {"flip_at_test": False}})
    return place


def _write_grades(path: Path, severity: np.ndarray) -> None:
    """train.csv of the same studies with these grades, (studies, 25), in the place of the phantom's repeated ones."""
    studies = pd.read_csv(path, usecols=["study_id"])
    titles = np.array([one.title for one in Severity])[severity]
    pd.concat([studies, pd.DataFrame(titles, columns=[target.column for target in TARGETS])], axis=1).to_csv(
        path, index=False)


def _places(folder: CompetitionFolder, studies: list[int]) -> pd.DataFrame:
    """LOCATIONS without their fold: somewhere on a series of the target's plane, not located where there is none."""
    rows = pd.DataFrame([(study, *target) for study in studies for target in TARGETS], columns=TARGET_KEYS)
    series = folder.series["train"].drop_duplicates(["study_id", "plane"]).set_index(["study_id", "plane"])["series_id"]
    planes = rows["condition"].map({condition.value: ANNOTATED_PLANE[condition].value for condition in Condition})
    found = series.reindex(pd.MultiIndex.from_arrays([rows["study_id"], planes]))
    rows["series_id"] = found.astype("Int64").to_numpy()
    located = rows["series_id"].notna().to_numpy(bool)
    draw = generator(0, "places of sizes")
    numbers = {"slice_index": 0, "x_px": 100.0, "y_px": 100.0,
               **dict(zip(MM, draw.normal(0, ROUGH_PLACE_MM, (3, len(rows))), strict=True))}
    for name, values in numbers.items():
        rows[name] = np.where(located, values, np.nan)
    return rows.assign(slice_index=rows["slice_index"].astype("Int64"), confidence=np.where(located, 0.9, 0.0),
                       found_by=np.where(located, "detector", "prior"))
