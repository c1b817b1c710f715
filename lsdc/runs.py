"""What lies where in a run folder. A stage's last file is renamed into place, so a file that exists is whole."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from lsdc.errors import DataError, StorageError, shortened
from lsdc.files import read_json

CENTURY_S = 3.2e9  # no stage takes longer
RESULTS = {  # of each stage, in the order of the flow; names of FoldFolder's files
    "train the detector": ("detector",),
    "locate": ("locations", "tuning_locations", "location_errors", "levels", "location_notes", "box_matches"),
    "train the classifier": ("classifier",),
    "predict": ("predictions",),
}


@dataclass(frozen=True)
class FoldFolder:
    """One fold of a run: every arrow of the flow is a file here."""

    path: Path

    @property
    def number(self) -> int:
        return int(self.path.name.removeprefix("fold"))

    detector = property(lambda self: self.path / "detector")  # detector.torchscript, detector.json
    locations = property(lambda self: self.path / "locations.csv")  # LOCATIONS of the held-out studies
    tuning_locations = property(lambda self: self.path / "tuning_locations.csv")  # of the tuning studies
    location_errors = property(lambda self: self.path / "location_errors.csv")  # LOCATION_ERRORS, tuning studies
    levels = property(lambda self: self.path / "levels.csv")  # LEVELS of the held-out studies
    location_notes = property(lambda self: self.path / "location_notes.csv")  # LOCATION_NOTES of the same
    box_matches = property(lambda self: self.path / "box_matches.csv")  # BOX_MATCHES of the held-out studies
    priors = property(lambda self: self.path / "priors.csv")  # of the training studies
    classifier = property(lambda self: self.path / "classifier")  # classifier.safetensors, classifier.json
    predictions = property(lambda self: self.path / "predictions.csv")  # PREDICTIONS of the held-out studies
    stages = property(lambda self: self.path / "stages.json")  # seconds and peak memory of each stage
    history = property(lambda self: self.classifier / "history.csv")  # losses of each epoch

    def stage_records(self) -> dict[str, dict]:
        """What stages.json says of each stage; {} without the file, StorageError where it is damaged."""
        records = read_json(self.stages) if self.stages.exists() else {}
        if strange := [name for name, one in records.items()
                       if not isinstance(one, dict) or type(one.get("seconds", 0.0)) not in (int, float)
                       or not 0 <= one.get("seconds", 0.0) < CENTURY_S]:
            raise StorageError("this is no record of a fold's stages", got=", ".join(map(shortened, strange)),
                               wanted="for each stage an object with its seconds", where=self.stages,
                               remedy="remove it: it only tells how long the stages took")
        return records

    def done(self, stage: str) -> bool:
        """Whether every result of a stage (a key of RESULTS) is there."""
        return all(getattr(self, name).exists() for name in RESULTS[stage])

    def discard_after(self, stage: str) -> None:
        """Remove the results of all later stages, begun ones too: they were made from what is made anew now."""
        later = list(RESULTS)[list(RESULTS).index(stage) + 1:]
        for path in [getattr(self, name) for one in later for name in RESULTS[one]]:
            path.unlink(missing_ok=True) if path.is_file() else shutil.rmtree(path, ignore_errors=True)
            shutil.rmtree(path.with_name(f"{path.name}.training"), ignore_errors=True)


@dataclass(frozen=True)
class RunFolder:
    """A run: one config on one competition folder, all its folds."""

    path: Path

    config = property(lambda self: self.path / "config.yaml")  # the effective settings
    environment = property(lambda self: self.path / "environment.json")  # versions, machine, commit, data
    folds = property(lambda self: self.path / "folds.csv")
    evaluation = property(lambda self: self.path / "evaluation.json")
    locations_evaluation = property(lambda self: self.path / "locations_evaluation.json")
    summary = property(lambda self: self.path / "summary.html")  # the run on one page
    report = property(lambda self: self.path / "report")  # pages about it and each of its studies

    def data(self) -> dict:
        """What the run was made with: folder and fingerprint; DataError when the record is not whole."""
        try:
            data = read_json(self.environment).get("data")
        except StorageError:
            data = None
        if not isinstance(data, dict) or not all(isinstance(data.get(name), str) for name in ("folder", "fingerprint")):
            raise DataError("the record of what this run was made with is missing or damaged", where=self.environment,
                            wanted="data: folder, fingerprint", remedy="start the run anew under another RUN=name")
        return data

    def fold(self, number: int) -> FoldFolder:
        return FoldFolder(self.path / f"fold{number}")

    def located_folds(self) -> list[FoldFolder]:
        """Folds that have locations, in order, graded or not; DataError when there is none."""
        return self._some(self.folds_with("locations.csv"), "locations.csv", "no located fold")

    def finished_folds(self) -> list[FoldFolder]:
        """Folds that have predictions, in order; DataError when there is none."""
        return self._some(self.folds_with("predictions.csv"), "predictions.csv", "no finished fold")

    def trained_folds(self) -> list[FoldFolder]:
        """Folds that have all that inference needs, in order; DataError when there is none."""
        found = [fold for fold in self.folds_with("classifier/classifier.json")
                 if (fold.detector / "detector.json").exists() and fold.priors.exists()]
        return self._some(found, "{classifier, detector, priors.csv}", "no trained fold")

    def folds_with(self, name: str) -> list[FoldFolder]:
        """Folds whose folder has a file of this name (with slashes, below it), in order; there may be none."""
        found = [FoldFolder(path) for path in self.path.glob("fold[0-9]*")
                 if path.name.removeprefix("fold").isdecimal() and (path / name).exists()]
        return sorted(found, key=lambda fold: fold.number)

    def _some(self, found: list[FoldFolder], name: str, said: str) -> list[FoldFolder]:
        if not found:
            raise DataError(f"this run has {said}", wanted=f"fold*/{name}", where=self.path,
                            remedy="run `make train-fold FOLD=0` first (with the same CONFIG, RUN and DATA)")
        return found
