"""Folds trained as tasks, one of them killed, beside the same folds trained one after the other."""

import os
import signal
import subprocess
import sys

import pandas as pd
import pytest
import torch

from lsdc.grade.artefact import load_classifier
from lsdc.scale.launcher import run_tasks
from lsdc.scale.tasks import Task
from lsdc.scale.terms import Launch
from tests.grade.conftest import folder  # noqa: F401 (the fixture)
from tests.scale import works
from tests.scale.conftest import until, workers

FOLDS, LONG = (0, 1), ("training.epochs=5",)


def history(out):
    return pd.read_csv(out / "history.csv").drop(columns="seconds")


@pytest.fixture
def one_thread():
    """As many as a task has on a machine of two cores: sums of other parts differ in their last digits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_folds_trained_at_once_with_one_killed_end_as_those_in_turn(here, folder, one_thread, monkeypatch):  # noqa: F811
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("LSDC_CACHE", str(here / "cache"))
    asked = [(folder.root, LONG, fold, here / f"fold{fold}") for fold in FOLDS]
    run_tasks([Task("fold0", works.train_small, asked[0], here),
               Task("fold1", works.train_and_die_once, (here / "notes", "fold1", *asked[1]), here)],
              Launch.of("local", 2), "folds")
    assert {path.name for path in (here / "notes").iterdir()} == {"fold1.1", "fold1.2"}
    monkeypatch.setenv("LSDC_CACHE", str(here / "another cache"))
    for fold in FOLDS:
        alone = works.train_small(folder.root, LONG, fold, here / f"alone{fold}")
        pd.testing.assert_frame_equal(history(here / f"fold{fold}"), history(alone), check_exact=False, atol=1e-6,
                                      rtol=0)
        first, second = (load_classifier(out).model.state_dict() for out in (here / f"fold{fold}", alone))
        assert all(torch.allclose(first[name], second[name], atol=1e-6, rtol=0) for name in first)


@pytest.mark.soak
@pytest.mark.timeout(2400)
def test_lsdc_train_in_tasks_scores_what_lsdc_train_does_in_turn(make_place, monkeypatch):
    """The smoke config's folds 0 and 1 whole, the worker of one killed while its detector trains."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as many threads in both, however many cores there are
    words = ("--config", "configs/smoke.yaml", "--folds", "0,1", "--set", "compute.workers=1")
    place = make_place("in_tasks")
    asked = subprocess.Popen([sys.executable, "-m", "lsdc", "train", *words, "--launch", "local", "--at-once", "2"],
                             cwd=place.folder, env=place.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True)
    logs = place.folder / ".lsdc" / "runs" / "smoke" / "fold1" / "detector.training" / "training.log"
    until(lambda: logs.exists() and '"epoch": 2' in logs.read_text(), 900)
    os.kill(workers(place.folder)[-1], signal.SIGKILL)
    told, said = asked.communicate()
    assert asked.returncode == 0, said[-4000:]
    assert "try 1 of 3 failed and is made again: its process was ended from outside" in said
    in_turn = make_place("in_turn")
    alone = in_turn.lsdc("train", *words)
    assert alone.returncode == 0, alone.stderr[-4000:]
    for fold in (0, 1):
        here, there = (one.folder / ".lsdc" / "runs" / "smoke" / f"fold{fold}" for one in (place, in_turn))
        pd.testing.assert_frame_equal(history(here / "classifier"), history(there / "classifier"), check_exact=False,
                                      atol=1e-6, rtol=0)
        pd.testing.assert_frame_equal(pd.read_csv(here / "predictions.csv"), pd.read_csv(there / "predictions.csv"),
                                      check_exact=False, atol=1e-6, rtol=0)
    assert told == alone.stdout
