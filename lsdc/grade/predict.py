"""Grading a study at given locations: 25 rows, whatever happens. Inference only."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from lsdc.competition import Study
from lsdc.config.sections import CropSettings
from lsdc.crops import Views, cut_views, mirrored
from lsdc.device import sent
from lsdc.errors import DataError, FoldError
from lsdc.grade.artefact import Classifier, load_classifier
from lsdc.grade.heads import LEVELS
from lsdc.grade.model import CONDITIONS, SIDES
from lsdc.tables import PREDICTIONS
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, Side, Target, row_id
from lsdc.weighting import unweighted, weighted

BATCH = 64
SHOWS_SPINE = ("detector", "geometry")  # a series that a target was so found on shows this spine

log = logging.getLogger(__name__)


class _Shown(NamedTuple):
    """A target as the network is shown it: image (V, S, P, P), seen (V,), valid (V, S)."""

    target: Target
    side: Side
    image: np.ndarray
    seen: np.ndarray
    valid: np.ndarray


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
        among = {int(row["series_id"]) for row in places.values() if row["found_by"] in SHOWS_SPINE}
        views, fallback = {}, {}
        for target in TARGETS:
            try:
                if target not in places:
                    raise DataError("not located")
                views[target] = cut_views(study, places[target], self.trained.crops, among=among)
            except DataError as error:
                fallback[target] = error.problem
        answers = self.answers(study.study_id, views)
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

    def answers(self, study_id: int, views: dict[Target, Views]) -> dict[Target, np.ndarray]:
        """(3,) float64 that sum to 1 and carry the metric's weights, for each target that has views."""
        values = self._probabilities(study_id, _straight(views))
        if self.trained.classifier.flip_at_test:
            turned = [_Shown(target, *_mirrored(one, target.side, self.trained.crops)) for target, one in views.items()]
            values = (values + self._probabilities(study_id, turned)) / 2
        return dict(zip(views, weighted(values), strict=True))

    @torch.inference_mode()
    def _probabilities(self, study_id: int, shown: list["_Shown"]) -> np.ndarray:
        """(n, 3) float64 that sum to 1, without the metric's weights: they are means over looks at a target, too."""
        whole = self.model.sequence is not None  # then a study's targets see each other
        size = len(shown) if whole else self.batch_size
        found = [np.empty((0, len(SEVERITY_COLUMNS)))]
        for first in range(0, len(shown), max(size, 1)):
            logits = self.model(self._batch(study_id, shown[first:first + size])).logits
            found.append(logits.double().softmax(dim=1).cpu().numpy())
        values = np.concatenate(found)
        if self.trained.classifier.metric_weights == "in_loss":
            return unweighted(values)
        return values / values.sum(axis=1, keepdims=True)

    def batch(self, study_id: int, views: dict[Target, Views]) -> dict[str, torch.Tensor]:
        """What the network is given where all of these targets are shown at once."""
        return self._batch(study_id, _straight(views))

    def _batch(self, study_id: int, part: list[_Shown]) -> dict[str, torch.Tensor]:
        batch = {
            **{name: torch.from_numpy(np.stack([getattr(one, name) for one in part]))
               for name in ("image", "seen", "valid")},
            "condition": torch.tensor([CONDITIONS.index(one.target.condition) for one in part]),
            "side": torch.tensor([SIDES.index(one.side) for one in part]),
            "level": torch.tensor([LEVELS.index(one.target.level) for one in part]),
            "study": torch.full((len(part),), study_id),
        }
        return {name: sent(values, self.device) for name, values in batch.items()}

    @staticmethod
    def _values(target: Target, answer: np.ndarray | None, priors: pd.DataFrame) -> dict[str, float]:
        if answer is None:
            answer = priors.loc[target.column, list(SEVERITY_COLUMNS)].to_numpy(np.float64)
        return dict(zip(SEVERITY_COLUMNS, answer.tolist(), strict=True))


def _straight(views: dict[Target, Views]) -> list[_Shown]:
    return [_Shown(target, target.side, one.image, one.seen, one.valid) for target, one in views.items()]


def _mirrored(views: Views, side: Side, crops: CropSettings) -> tuple[Side, np.ndarray, np.ndarray, np.ndarray]:
    """A target as its mirrored patient shows it: side, image, seen, valid."""
    image, valid, turned = mirrored(views.image, views.valid, views.axial, side, mirror_right=crops.mirror_right)
    return turned, np.ascontiguousarray(image), views.seen, np.ascontiguousarray(valid)


def mean_predictions(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Mean over folds of PREDICTIONS: columns row_id, the probabilities, model, fallback; rows as in the first frame.

    The mean is of plain probabilities, the metric's weights taken off before and put back after: what several models
    think of a severity is a mixture, and the weights are the metric's alone. Folds that fell back to priors do not
    count where another fold answered; `fallback` stays only where all did.
    """
    joined = pd.concat(frames, ignore_index=True)
    columns = list(SEVERITY_COLUMNS)
    joined[columns] = unweighted(joined[columns].to_numpy(np.float64))
    answered = joined["fallback"].isna()
    any_answer = answered.groupby(joined["row_id"]).transform("any")
    kept = joined[answered | ~any_answer].groupby("row_id", sort=False)
    mean = kept[columns].mean()
    mean[columns] = weighted(mean.to_numpy())
    mean["model"] = kept["model"].agg(lambda names: "+".join(sorted(set(names))))
    mean["fallback"] = kept["fallback"].first()
    return mean.loc[joined["row_id"].drop_duplicates()].reset_index()
