"""The commands that are killed: each at its smallest, with what it needs made once for all of its places."""

import shutil
from pathlib import Path

from lsdc.competition.asked import read_asked
from lsdc.submit.writer import check_submission
from tests.conftest import Place
from tests.faults.killing import Case

SMOKE = ("--config", "configs/smoke.yaml", "--set", "folds.count=2", "--set", "evaluation.bootstrap=20",
         "--set", "compute.accelerator=cpu", "--set", "detector.epochs=3", "--set", "training.epochs=3")
LSDC = ("-m", "lsdc")
RUNS = ".lsdc/runs"
RUN = f"{RUNS}/smoke"


def phantom() -> Case:
    return Case((*LSDC, "phantom", "--config", "configs/smoke.yaml", "--out", "made", "--workers", "2",
                 *_set("phantom.train_studies=2", "phantom.test_studies=1")), ("made",))


def detector(data: Path) -> Case:
    """The detector's training, and the places that it finds."""
    return Case((*LSDC, "train-detector", "--fold", "0", *SMOKE, "--data", data), (RUN,))


def classifier(data: Path, located: Path) -> Case:
    """The rest of a fold whose detector is trained: crops, the classifier's training, predictions, score."""
    return Case((*LSDC, "train-fold", "--fold", "0", *SMOKE, "--data", data), (RUN,),
                lambda place: shutil.copytree(located / RUN, place.folder / RUN))


def prediction(data: Path, runs: Path, run: str) -> Case:
    sample, known = list(read_asked(data).rows), {}

    def after_kill(place: Place) -> None:
        """The file is valid at every moment, and what is finished stays finished."""
        if (place.folder / "made.csv").exists():
            check_submission(place.folder / "made.csv", sample)
        parts = {path.name for path in place.folder.glob("work/*/*.json")}
        assert parts >= known.get(place.folder, set())
        known[place.folder] = parts

    return Case((*LSDC, "predict", "--runs", runs, "--run", run, "--data", data, "--out", "made.csv", "--work", "work",
                 "--fallback-limit", "1"), ("made.csv",), after_kill=after_kill, alone=True)


def blending(runs: Path, data: Path) -> Case:
    return Case((*LSDC, "blend", "one", "two", "--config", "configs/smoke.yaml", "--data", data,
                 *_set("evaluation.bootstrap=20"), "--out", "made/blend.json"), ("made",),
                lambda place: shutil.copytree(runs, place.folder / RUNS))


def blended_submission(runs: Path, blend: Path, data: Path) -> Case:
    return Case((*LSDC, "submit", "--blend", blend, "--data", data, "--name", "blended"), ("submissions",),
                lambda place: shutil.copytree(runs, place.folder / RUNS))


def _set(*changes: str) -> tuple[str, ...]:
    return tuple(word for change in changes for word in ("--set", change))
