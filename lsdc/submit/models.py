"""The models of a recipe in memory: a study in, its 25 rows out, with the seconds of each stage."""

from contextlib import nullcontext
from dataclasses import dataclass, replace

import pandas as pd
import torch

from lsdc.blend import Blend
from lsdc.competition import Study
from lsdc.competition.priors import read_priors
from lsdc.config import ComputeSettings
from lsdc.detect import Detector, locate_from_candidates
from lsdc.grade import Grader, mean_predictions
from lsdc.runs import FoldFolder
from lsdc.submit.effort import Effort
from lsdc.submit.recipe import Recipe, joined
from lsdc.submit.stages import Lap

SMALL = {"detect_batch": 2, "batch_size": 5}  # where memory is short


@dataclass(frozen=True)
class FoldModel:
    """What one trained fold needs to grade a study it never saw."""

    fold: int
    detector: Detector
    grader: Grader
    priors: pd.DataFrame
    half: torch.dtype | None = None  # of the classifier's arithmetic on a GPU; the detector's is always float32

    @classmethod
    def load(cls, here: FoldFolder, device: torch.device, compute: ComputeSettings, half: torch.dtype | None = None,
             priors: pd.DataFrame | None = None) -> "FoldModel":
        """priors: in the place of the fold's own. WeightsError when a model is not whole."""
        return cls(here.number, Detector.load(here.detector, device, batch=compute.detect_batch),
                   Grader.load(here.classifier, device, batch_size=compute.batch_size),
                   read_priors(here.priors) if priors is None else priors, half)

    def rows(self, study: Study, *, flip: bool = True, lap: Lap = lambda _: None) -> pd.DataFrame:
        """PREDICTIONS of one study: 25 rows. flip=False leaves the mirrored look out where the classifier has one."""
        candidates = self.detector.candidates(study)
        lap("detect")
        located = locate_from_candidates(study, candidates, self.detector, fold=self.fold)
        lap("decode levels")
        with torch.autocast(self.grader.device.type, self.half) if self.half else nullcontext():
            rows = (self.grader if flip else self.unflipped).rows(study, located.locations, self.priors)
        lap("crops and grade")
        return rows

    @property
    def unflipped(self) -> Grader:
        trained = self.grader.trained
        straight = replace(trained, classifier=trained.classifier.model_copy(update={"flip_at_test": False}))
        return Grader(straight, self.grader.device, batch_size=self.grader.batch_size)

    def smaller(self) -> "FoldModel":
        """The same in smaller batches."""
        return replace(self, detector=replace(self.detector, batch=SMALL["detect_batch"]), grader=Grader(
            self.grader.trained, self.grader.device, batch_size=SMALL["batch_size"]))


@dataclass(frozen=True)
class Ensemble:
    """All runs' folds, and the blend that puts the runs together."""

    runs: dict[str, list[FoldModel]]
    blend: Blend | None

    @classmethod
    def load(cls, recipe: Recipe, device: torch.device, compute: ComputeSettings, half: torch.dtype | None = None
             ) -> "Ensemble":
        """WeightsError when a model is not whole."""
        half = None if device.type == "cpu" else half
        return cls({name: [FoldModel.load(fold, device, compute, half, recipe.priors_of(fold)) for fold in folds]
                    for name, folds in recipe.folds.items() if folds}, recipe.opened_blend())

    def rows(self, study: Study, effort: Effort, lap: Lap = lambda _: None) -> pd.DataFrame:
        """25 rows of a study: row_id, the probabilities, fallback; the mean over each run's first folds, blended."""
        frames = {name: mean_predictions([model.rows(study, flip=effort.flip, lap=lap)
                                          for model in models[:effort.folds]])
                  for name, models in self.runs.items()}
        return joined(frames, self.blend, study.study_id)

    def smaller(self) -> "Ensemble":
        return Ensemble({name: [model.smaller() for model in models] for name, models in self.runs.items()}, self.blend)
