"""A trained run in seconds: networks as they are drawn, written as training leaves them. Its answers are worthless."""

import warnings
from pathlib import Path

import numpy as np
import torch

from lsdc.competition.priors import uniform_table, write_priors
from lsdc.config import Settings, dump_settings, load_settings
from lsdc.detect.classes import classes_for
from lsdc.detect.decode import BINS, STRIDES
from lsdc.detect.detector import FORMAT, MODEL_FILE, RECORD_FILE
from lsdc.detect.shape import fit_shape
from lsdc.files import file_hash, write_json, write_text
from lsdc.grade.artefact import Classifier, save_classifier
from lsdc.grade.model import build_model
from lsdc.runs import FoldFolder, RunFolder
from lsdc.taxonomy import TARGETS
from tests.detect.toy import toy_positions

ROOT = Path(__file__).parents[2]


class _Head(torch.nn.Module):
    """(B, 1, H, W) images to (B, 4 BINS + C, A): boxes and scores by brightness alone."""

    def __init__(self, classes: int):
        super().__init__()
        self.layers = torch.nn.ModuleList([torch.nn.Conv2d(1, 4 * BINS + classes, 1) for _ in STRIDES])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([layer(torch.nn.functional.avg_pool2d(images, stride)).flatten(2)
                          for layer, stride in zip(self.layers, (8, 16, 32), strict=True)], dim=2)


def write_run(path: Path, *, folds=(0,), settings: Settings | None = None) -> RunFolder:
    """A run with all that inference needs of these folds, and one-line predictions."""
    settings = settings or load_settings(ROOT / "configs" / "smoke.yaml", ["compute.workers=1"])
    run = RunFolder(path)
    path.mkdir(parents=True)
    write_text(run.config, dump_settings(settings))
    for number in folds:
        write_fold(run.fold(number), settings)
    return run


def write_fold(fold: FoldFolder, settings: Settings) -> None:
    generator = np.random.default_rng(fold.number)
    fold.detector.mkdir(parents=True)
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        torch.manual_seed(fold.number)
        head = torch.jit.trace(_Head(len(classes_for(settings.detector).names)).eval(), torch.zeros(1, 1, 64, 64))
        torch.jit.save(head, fold.detector / MODEL_FILE)
        model = build_model(settings.classifier, settings.crops)
    shape = fit_shape([np.array([toy_positions(generator)[target] for target in TARGETS]) for _ in range(4)])
    write_json(fold.detector / RECORD_FILE, {
        "format": FORMAT, "classes": list(classes_for(settings.detector).names), "fold": fold.number,
        "settings": settings.detector.model_dump(mode="json"), "sha256": file_hash(fold.detector / MODEL_FILE),
        "shape": shape.to_json()})
    save_classifier(Classifier(model, settings.classifier, settings.crops, fold.number), fold.classifier)
    write_priors(uniform_table(), fold.priors)
    fold.predictions.write_text(f"of fold {fold.number}\n")
