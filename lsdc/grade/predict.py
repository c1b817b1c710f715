"""Grading a study at given locations: 25 rows, whatever happens. Inference only."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lsdc.competition import Study
from lsdc.crops import cut
from lsdc.errors import DataError, FoldError
from lsdc.grade.artefact import Classifier, load_classifier
from lsdc.grade.heads import LEVELS
from lsdc.grade.model import CONDITIONS
from lsdc.tables import PREDICTIONS
from lsdc.taxonomy import ANNOTATED_PLANE, SEVERITY_COLUMNS, TARGETS, Target, row_id

BATCH = 64
_PLACE = ("series_id", "slice_index", "x_mm", "y_mm", "z_mm")

log = logging.getLogger(__name__)


class Grader:
    """A trained classifier, ready to grade studies."""

    def __init__(self, trained: Classifier, device: torch.device | str = "cpu", *, batch_size: int = BATCH):
        self.trained, self.device, self.batch_size = trained, torch.device(device), batch_size
        self.model = trained.model.to(self.device, memory_format=torch.channels_last).eval()

    @classmethod
    def load(cls, folder: Path, device: torch.device | str = "cpu", *, batch_size: int = BATCH) -> "Grader":
        """From the folder that `train_classifier` left; WeightsError when it is not whole."""
        return cls(load_classifier(folder), device, batch_size=batch_size)

    def rows(self, study: Study, locations: pd.DataFrame, priors: pd.DataFrame) -> pd.DataFrame:
        """PREDICTIONS of one study, exactly 25 rows in the order of TARGETS.

        locations: the study's LOCATIONS rows. priors: index target.column, columns SEVERITY_COLUMNS; they answer for
        a target that has no place, or whose crop cannot be cut, and `fallback` says why.
        FoldError when the locations are of another fold's detector, DataError when they are of another study.
        """
        places = self._places(study, locations)
        crops, fallback = {}, {}
        for target in TARGETS:
            try:
                crops[target] = self._crop(study, places.get(target), target)
            except DataError as error:
                fallback[target] = error.problem
        answers = self._probabilities(crops)
        for target, values in answers.items():
            if not np.isfinite(values).all():
                fallback[target] = "the network's answer is not a finite number"
        return PREDICTIONS.frame([{
            "row_id": row_id(study.study_id, target),
            **self._values(target, None if target in fallback else answers[target], priors),
            "fold": self.trained.fold, "model": self.trained.classifier.network, "fallback": fallback.get(target),
        } for target in TARGETS])

    def _places(self, study: Study, locations: pd.DataFrame) -> dict[Target, dict]:
        if other := sorted(set(locations["study_id"].tolist()) - {study.study_id}):
            raise DataError("locations of another study", wanted=study.study_id, got=other[:3])
        if other := sorted(set(locations["fold"].tolist()) - {self.trained.fold}):
            raise FoldError("locations of another fold's detector", wanted=f"fold {self.trained.fold}",
                            got=f"fold {', '.join(map(str, other))}", where=f"study {study.study_id}",
                            remedy="locate the study with the detector of the classifier's own fold")
        return {Target(row["condition"], row["side"], row["level"]): row for row in locations.to_dict("records")}

    def _crop(self, study: Study, place: dict | None, target: Target) -> np.ndarray:
        plane = ANNOTATED_PLANE[target.condition]
        nowhere = place is None or any(pd.isna(place[name]) for name in _PLACE)
        if nowhere or place["found_by"] == "projected":  # the network learned from the condition's own plane alone
            said = "not located" if nowhere else f"no {plane} series shows it"
            raise DataError(said if study.of(plane) else study.why_without(plane))
        return cut(study, place, self.trained.crops).image

    def _probabilities(self, crops: dict[Target, np.ndarray]) -> dict[Target, np.ndarray]:
        """(3,) float64 that sum to 1, for each crop."""
        targets, answers = list(crops), {}
        for first in range(0, len(targets), self.batch_size):
            part = targets[first:first + self.batch_size]
            image = torch.from_numpy(np.stack([crops[target] for target in part])).to(self.device)
            condition = torch.tensor([CONDITIONS.index(target.condition) for target in part], device=self.device)
            level = torch.tensor([LEVELS.index(target.level) for target in part], device=self.device)
            with torch.inference_mode():
                logits = self.model(image.contiguous(memory_format=torch.channels_last), condition, level)
            values = logits.double().softmax(dim=1).cpu().numpy()
            answers |= dict(zip(part, values / values.sum(axis=1, keepdims=True), strict=True))
        return answers

    @staticmethod
    def _values(target: Target, answer: np.ndarray | None, priors: pd.DataFrame) -> dict[str, float]:
        if answer is None:
            answer = priors.loc[target.column, list(SEVERITY_COLUMNS)].to_numpy(np.float64)
        return dict(zip(SEVERITY_COLUMNS, answer.tolist(), strict=True))


def mean_predictions(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Mean over folds of PREDICTIONS: columns row_id, the probabilities, model, fallback; rows as in the first frame.

    Folds that fell back to priors do not count where another fold answered; `fallback` stays only where all did.
    """
    joined = pd.concat(frames, ignore_index=True)
    answered = joined["fallback"].isna()
    any_answer = answered.groupby(joined["row_id"]).transform("any")
    kept = joined[answered | ~any_answer].groupby("row_id", sort=False)
    mean = kept[list(SEVERITY_COLUMNS)].mean()
    mean = mean.div(mean.sum(axis=1), axis=0)
    mean["model"] = kept["model"].agg(lambda names: "+".join(sorted(set(names))))
    mean["fallback"] = kept["fallback"].first()
    return mean.loc[joined["row_id"].drop_duplicates()].reset_index()
