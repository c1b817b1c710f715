"""Runs reduced to the files that inference reads, without networks in them, and who grades with stand-ins for these."""

import shutil
from pathlib import Path

from lsdc.competition.priors import uniform_table, write_priors
from lsdc.config import ComputeSettings
from lsdc.files import write_json
from lsdc.runs import RunFolder
from lsdc.submit.crew import Crew
from lsdc.submit.hands import Here

ROOT = Path(__file__).parents[2]
COMPUTE = ComputeSettings(accelerator="cpu", devices=1, nodes=1, precision="32-true", compile=False, workers=1,
                          batch_size=64, detect_batch=16, store_gigabytes=0)


def bare_run(path: Path, folds: tuple[int, ...] = (0,), *, flip: bool = False) -> RunFolder:
    """A config, and folds with the records of a detector and a classifier that are not there, and even priors."""
    run = RunFolder(path)
    path.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "configs" / "phantom.yaml", run.config)
    for fold in map(run.fold, folds):
        write_json(fold.detector / "detector.json", {"of": fold.number})
        write_json(fold.classifier / "classifier.json", {"classifier": {"flip_at_test": flip}})
        write_priors(uniform_table(), fold.priors)
    return run


def here(crew: Crew) -> Here:
    """This process, so that what a test patches counts."""
    return Here(crew.works[0])
