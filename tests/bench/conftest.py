"""One small phantom for the room, and figures that are saved into a place of their own."""

from pathlib import Path

import pytest

from lsdc.competition import open_folder
from lsdc.config import load_settings
from lsdc.phantom import generate

STUDIES = 4


@pytest.fixture(scope="session")
def settings():
    changes = ("compute.workers=1", "compute.accelerator=cpu", "evaluation.bootstrap=50",
               f"phantom.train_studies={STUDIES}", "phantom.test_studies=1", "phantom.seed=8")
    return load_settings(Path("configs/smoke.yaml"), changes)


@pytest.fixture(scope="session")
def phantom(settings, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("phantom")
    generate(root, settings.phantom, workers=1)
    return root


@pytest.fixture(scope="session")
def folder(phantom):
    return open_folder(phantom / "competition")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LSDC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
