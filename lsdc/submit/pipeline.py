"""The story of a submission: each test study through every trained fold to 25 rows, fallbacks counted."""

import logging
from dataclasses import dataclass

import pandas as pd
import torch

from lsdc.competition import CompetitionFolder, Study, read_study
from lsdc.competition.priors import read_priors
from lsdc.detect import Detector, locate
from lsdc.grade import Grader, mean_predictions
from lsdc.progress import track
from lsdc.runs import FoldFolder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoldModel:
    """What one trained fold needs to grade a study it never saw."""

    fold: int
    detector: Detector
    grader: Grader
    priors: pd.DataFrame

    @classmethod
    def load(cls, here: FoldFolder, device: torch.device) -> "FoldModel":
        return cls(here.number, Detector.load(here.detector, device), Grader.load(here.classifier, device),
                   read_priors(here.priors))

    def rows(self, study: Study) -> pd.DataFrame:
        """PREDICTIONS of one study: 25 rows."""
        return self.grader.rows(study, locate(study, self.detector, fold=self.fold).locations, self.priors)


def predict_test_part(folder: CompetitionFolder, models: list[FoldModel]) -> pd.DataFrame:
    """25 rows for each study of the test part, as `mean_predictions` has them: the mean over the folds' models."""
    rows = []
    for study_id in track(folder.study_ids("test"), "predict test studies"):
        study = read_study(folder, study_id, "test")
        for fault in study.faults:
            log.warning("study %s: %s", study_id, fault)
        rows.append(mean_predictions([model.rows(study) for model in models]))
    return pd.concat(rows, ignore_index=True)


def in_sample(predictions: pd.DataFrame, folder: CompetitionFolder) -> pd.DataFrame:
    """The rows that the sample submission asks for."""
    return predictions[predictions.row_id.isin(set(folder.sample))].reset_index(drop=True)
