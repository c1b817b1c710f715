"""Every quirk of the phantom in one test set: priors answer only for what truly cannot be seen.

True places stand in for a detector that misses nothing; reading, geometry, crops, network and file are the real ones.
"""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from lsdc.competition import read_study
from lsdc.competition.asked import open_test_part, read_asked
from lsdc.competition.priors import uniform_table
from lsdc.config import load_settings
from lsdc.detect.shape import fit_shape
from lsdc.grade import Grader
from lsdc.grade.artefact import Classifier
from lsdc.grade.model import build_model
from lsdc.submit import FoldModel, Recipe, Terms, predict_test_part
from lsdc.submit.hands import Here
from lsdc.submit.models import Ensemble
from lsdc.submit.writer import check_submission
from lsdc.taxonomy import ANNOTATED_PLANE, TARGETS
from tests.conftest import ROOT
from tests.detect.toy import toy_candidates
from tests.submit.bare import COMPUTE, bare_run

SEEN_MM = 8.0  # from a slice, as crops have it


@pytest.fixture(scope="module")
def places(dirty_phantom) -> dict:
    """Of each study the true mm (3,) of its targets."""
    rows = pd.read_csv(dirty_phantom / "truth" / "keypoints.csv").set_index(["study_id", "structure", "side", "level"])
    return {study: {target: rows.loc[(study, *map(str, (target.condition, target.side, target.level))),
                                     ["x_mm", "y_mm", "z_mm"]].to_numpy(float) for target in TARGETS}
            for study in rows.index.unique("study_id")}


class Knowing:
    """A detector that knows all places, and sees those that an image shows."""

    def __init__(self, places):
        self.places, self.settings = places, SimpleNamespace(classes="image")
        self.shape = fit_shape([np.stack([one[target] for target in TARGETS]) for one in places.values()])

    def candidates(self, study):
        found = toy_candidates(study, self.places[study.study_id], reach_mm=SEEN_MM)
        shown = [one.series_id for one in study.series if any(image.std() > 0 for image in one.series.images)]
        return found[found.series_id.isin(shown)].reset_index(drop=True)


def can_be_seen(study, places) -> set:
    """Targets whose true place some readable series of their plane shows, in an image that is not of one value."""
    series = {target: [one for one in study.of(ANNOTATED_PLANE[target.condition])
                       if any(image.std() > 0 for image in one.series.images)] for target in TARGETS}
    return {target for target in TARGETS
            if any(one.slice_at(places[target], within_mm=SEEN_MM) for one in series[target])}


def test_priors_answer_only_for_what_cannot_be_seen(dirty_phantom, places, tmp_path):
    data = dirty_phantom / "competition"
    settings = load_settings(ROOT / "configs" / "smoke.yaml")
    torch.manual_seed(1)
    network = build_model(settings.classifier, settings.crops)
    grader = Grader(Classifier(network, settings.classifier, settings.crops, 0))
    models = Ensemble({"run": [FoldModel(0, Knowing(places), grader, uniform_table())]}, None)
    outcome = predict_test_part(
        data, Recipe.of_run(bare_run(tmp_path / "run")), COMPUTE,
        Terms(tmp_path / "submission.csv", tmp_path / "work", fallback_limit=0.3),
        hire=lambda crew: Here(crew.works[0], models))
    outcome.demand()
    asked = read_asked(data)
    check_submission(tmp_path / "submission.csv", list(asked.rows))
    folder, faults = open_test_part(data, asked)
    assert faults == []
    answered = set(outcome.predictions.row_id[outcome.predictions.fallback.isna()])
    wanted = {f"{study}_{target.column}" for study in asked.studies
              for target in can_be_seen(read_study(folder, study, "test"), places[study])}
    assert answered == wanted
    assert 0.7 * len(asked.rows) < len(wanted) < len(asked.rows)
