"""A tiny competition folder that a classifier can train on, and settings for it."""

from pathlib import Path

import pytest

from lsdc.competition import CompetitionFolder, open_folder
from lsdc.config import Settings, load_settings
from lsdc.grade import fit as fitting
from lsdc.tables import LOCATION_ERRORS
from lsdc.taxonomy import Level, Severity
from tests.builders import write_competition

PHANTOM = Path(__file__).parents[2] / "configs/phantom.yaml"
SMALL = (
    "crops.size_px=32", "crops.size_mm={canal: 10, foraminal: 10, subarticular: 10}", "crops.slices=3",
    "classifier.network=test_resnet", "classifier.weights=null", "classifier.shared=true", "training.epochs=3",
    "training.batch_size=8", "training.early_stop_patience=0", "compute.accelerator=cpu", "compute.workers=1",
    "training.ema_decay=0.9", "classifier.level_bias=true", "classifier.dropout=0.2",
)


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> CompetitionFolder:
    """Six studies with canal points; the grade of a level turns with the study; study 1001 has one grade missing."""
    def severity(study, target):
        if study == 1001 and target.level is Level.L1_L2:
            return None
        return Severity((study + list(Level).index(target.level)) % 3)

    return open_folder(write_competition(tmp_path_factory.mktemp("data") / "competition",
                                         studies=tuple(range(1001, 1007)), severity=severity))


@pytest.fixture
def settings():
    def load(*overrides: str) -> Settings:
        return load_settings(PHANTOM, [*SMALL, *overrides])

    return load


@pytest.fixture
def watched_by(monkeypatch):
    """A function: from here on every training has this callback too."""
    def add(callback):
        real = fitting._trainer

        def watched(*arguments, **keywords):
            trainer = real(*arguments, **keywords)
            trainer.callbacks.append(callback)
            return trainer

        monkeypatch.setattr(fitting, "_trainer", watched)
        return callback

    return add


@pytest.fixture
def errors():
    return LOCATION_ERRORS.frame([
        {"study_id": 1, "condition": "canal", "side": "midline", "level": level, "x_mm": x_mm, "y_mm": 0.5, "slices": 0}
        for level, x_mm in (("l1_l2", 1.0), ("l2_l3", -0.5), ("l3_l4", 2.0))])
