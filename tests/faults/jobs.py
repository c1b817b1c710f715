"""Every command that writes, at its smallest, with one folder that all it writes goes to."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

SMOKE = ("--config", str(ROOT / "configs" / "smoke.yaml"))
FEW = ("--set", "evaluation.bootstrap=20", "--set", "compute.workers=1")
COMMANDS = ("phantom", "audit", "train-fold", "predict", "submit", "blend", "evaluate", "report", "bundle make")
BEFORE = ("train-detector",)  # train-fold goes on from it
AFTER = ("train", "show", "runs", "summary", "submissions", "bundle check", "bundle unfold", "bundle push", "bench",
         "doctor")  # with what those leave


@dataclass(frozen=True)
class World:
    """What the commands read: a graded folder, one to train on, runs `one` and `two`."""

    graded: Path
    toy: Path
    runs: Path


@dataclass(frozen=True)
class Told:
    """What a command did: its exit code, and what it said."""

    code: int
    said: str


def job(world: World, command: str, where: Path) -> tuple[list[str], dict[str, str]]:
    """Words and environment. `evaluate` writes into runs/ of the folder, a copy that must be there."""
    data, run = ["--data", world.graded], ["--run", "one", *SMOKE]
    words = {
        "phantom": [*SMOKE, "--set", "phantom.train_studies=1", "--set", "phantom.test_studies=1", "--out",
                    where / "phantom", "--workers", "1"],
        "audit": [world.graded, "--table", where / "faults.csv", "--workers", "1"],
        "train-fold": ["--fold", "0", *SMOKE, *FEW, "--set", "folds.count=2", "--data", world.toy, "--run", "new"],
        "predict": ["--runs", world.runs, "--run", "one", *data, "--out", where / "made.csv", "--work", where / "work",
                    "--fallback-limit", "1", "--strict", "--set", "compute.workers=1"],
        "submit": [*run, *data, "--out", where / "submissions", "--set", "compute.workers=1"],
        "blend": ["one", "two", *SMOKE, *data, *FEW, "--out", where / "blend.json"],
        "evaluate": [*run, *data, *FEW],
        "report": [*run, *data, *FEW, "--out", where / "report"],
        "bundle make": ["one", "--out", where / "bundle", "--owner", "some-one"],
        "train-detector": ["--fold", "0", *SMOKE, *FEW, "--set", "folds.count=2", "--data", world.toy, "--run", "new"],
        "train": ["--folds", "0", *SMOKE, *FEW, "--set", "folds.count=2", "--data", world.toy, "--run", "new"],
        "show": [*SMOKE, "--data", world.toy, "--out", where / "shown.png"],
        "runs": ["--runs", where / "runs"],
        "summary": [*SMOKE, "--run", "new"],
        "submissions": ["--out", where / "submissions"],
        "bundle check": [where / "made.csv", "--sample", world.graded / "sample_submission.csv"],
        "bundle unfold": [where / "bundle", "--into", where / "unfolded"],
        "bundle push": [where / "bundle"],
        "bench": [*SMOKE, *FEW, "--what", "predict", "--data", world.graded, "--run", "one"],
        "doctor": ["--data", world.toy],
    }[command]
    runs = where / "runs" if command in ("evaluate", "train-fold", *BEFORE, *AFTER) else world.runs
    return [*command.split(), *map(str, words)], {"LSDC_RUNS": str(runs)}


def told(jobs: list[tuple[list[str], dict[str, str]]], folder: Path, *, user: int | None = None,
         network: Path | None = None) -> list[Told]:
    """Run them in one process that works in a folder, as another user where one is given.

    network: a file in which what they try of the network is written down; it is refused too.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LSDC_", "KAGGLE_"))} | {
        "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "HOME": str(folder), "MPLCONFIGDIR": str(folder / "mpl"),
        "LSDC_CACHE": str(folder / "cache")}
    if network is not None:
        environment |= {"PYTHONPATH": f"{ROOT / 'tests' / 'guard'}{os.pathsep}{ROOT}", "LSDC_NETWORK_LOG": str(network)}
    words = [sys.executable, "-m", "tests.faults.told", *([] if user is None else [str(user)])]
    ended = subprocess.run(words, input=json.dumps(jobs), cwd=folder, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-4000:]
    return [Told(*one) for one in json.loads(ended.stdout)]


def files(folder: Path) -> dict[str, bytes]:
    """Bytes of what has its final name below a folder; locks and what is written aside have none."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)}
