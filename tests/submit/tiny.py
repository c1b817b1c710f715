"""Runs with real networks that nobody trained: a detector that sees bright spots, a classifier of random weights."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from lsdc.competition.priors import uniform_table, write_priors
from lsdc.config import load_settings
from lsdc.detect.classes import CLASSES
from lsdc.detect.detector import FORMAT, MODEL_FILE, RECORD_FILE
from lsdc.detect.shape import fit_shape
from lsdc.files import file_hash, write_json
from lsdc.grade.artefact import Classifier, save_classifier
from lsdc.grade.model import build_model
from lsdc.runs import RunFolder
from lsdc.taxonomy import TARGETS
from tests.builders import write_slice
from tests.conftest import ROOT
from tests.detect.toy import STACKS, toy_positions, toy_study

SMOKE = ROOT / "configs" / "smoke.yaml"


class Bright(nn.Module):
    """Raw head output of YOLOv8's shape: each class where it is bright, a level's near its usual row."""

    def __init__(self):
        super().__init__()
        number = torch.arange(12.0).reshape(1, 12, 1, 1)
        self.register_buffer("usual", (number % 5 - 2) * 13.2)  # px of each class's level
        self.register_buffer("by_level", (number < 10).float())
        self.register_buffer("sides", 9.0 * (torch.arange(64) % 16 == 1).float().reshape(1, 64, 1, 1))  # one cell each

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        levels = []
        for stride in (8, 16, 32):
            bright = F.max_pool2d(F.avg_pool2d(images, 3, 1, 1), stride)  # (B, 1, h, w)
            if stride > 8:
                bright = bright * 0
            number = (bright * 0 + 1).cumsum(dim=2)  # of each row, from 1
            rows = (number - number.mean(dim=2, keepdim=True)) * stride  # px from the middle
            off = rows - self.usual
            classes = 12 * bright - 9 - (off / 8) ** 2 * self.by_level  # (B, 12, h, w)
            sides = bright * 0 + self.sides  # (B, 64, h, w)
            levels.append(torch.cat([sides, classes], dim=1).flatten(2))
        return torch.cat(levels, dim=2)


def tiny_run(path: Path, folds: tuple[int, ...] = (0,), *overrides: str) -> RunFolder:
    """Folds with the same detector and classifiers of their own."""
    run, settings = RunFolder(path), load_settings(SMOKE, overrides)
    path.mkdir(parents=True)
    shutil.copy(SMOKE, run.config)
    shape = fit_shape([np.stack([places[target] for target in TARGETS])
                       for places in (toy_positions(np.random.default_rng(seed)) for seed in range(12))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        detector = torch.jit.trace(Bright(), torch.zeros(1, 1, 64, 64))
    for fold in map(run.fold, folds):
        fold.detector.mkdir(parents=True)
        detector.save(str(fold.detector / MODEL_FILE))
        write_json(fold.detector / RECORD_FILE, {
            "format": FORMAT, "classes": list(CLASSES.names), "fold": fold.number, "shape": shape.to_json(),
            "settings": settings.detector.model_dump(mode="json"), "sha256": file_hash(fold.detector / MODEL_FILE)})
        torch.manual_seed(fold.number)
        save_classifier(Classifier(build_model(settings.classifier, settings.crops), settings.classifier,
                                   settings.crops, fold.number), fold.classifier)
        write_priors(uniform_table(), fold.priors)
    return run


def toy_test_part(root: Path, studies: tuple[int, ...]) -> Path:
    """A folder with a test part alone: toy spines as DICOM files."""
    listed, rows = ["study_id,series_id,series_description"], ["row_id,normal_mild,moderate,severe"]
    for number, study in enumerate(studies):
        for one in toy_study(toy_positions(np.random.default_rng(100 + number)), study_id=study).series:
            series_id = study * 10 + one.series_id
            listed.append(f"{study},{series_id},{one.plane.description}")
            for i, (plane, image) in enumerate(zip(one.series.planes, one.series.images, strict=True)):
                write_slice(root / "test_images" / str(study) / str(series_id) / f"{i + 1}.dcm",
                            image.astype(np.uint16), position=plane.origin_mm, axes=STACKS[one.plane][0],
                            spacing=(2.5, 2.5), number=i + 1)
        rows += [f"{study}_{target.column},0.3,0.3,0.4" for target in TARGETS]
    (root / "test_series_descriptions.csv").write_text("\n".join(listed) + "\n")
    (root / "sample_submission.csv").write_text("\n".join(rows) + "\n")
    return root
