import threading
import time

import pytest

from lsdc.ranks import rank, started_by, wait_until
from lsdc.runs import FoldFolder
from lsdc.train.stages import stage

NONE = dict.fromkeys(("TORCHELASTIC_RUN_ID", "RANK", "SLURM_STEP_ID", "SLURM_PROCID", "SLURM_NTASKS"))


@pytest.fixture
def environment(monkeypatch):
    def of(**values):
        for name, value in (NONE | values).items():
            monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)

    return of


@pytest.mark.parametrize(("values", "expected"), [
    ({}, (0, None)),
    ({"RANK": "3"}, (0, None)),  # somebody else's
    ({"TORCHELASTIC_RUN_ID": "x", "RANK": "3"}, (3, "torchrun")),
    ({"SLURM_STEP_ID": "0", "SLURM_PROCID": "5", "SLURM_NTASKS": "8"}, (5, "slurm")),
    ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}, (0, None)),  # a batch script
    ({"SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "SLURM_NTASKS": "1"}, (0, None)),
])
def test_who_started_this_process(environment, values, expected):
    environment(**values)
    assert (rank(), started_by()) == expected


def test_waiting():
    done = threading.Event()
    threading.Timer(0.2, done.set).start()
    start = time.perf_counter()
    wait_until(done.is_set)
    assert done.is_set()
    assert time.perf_counter() - start >= 0.2


def test_only_the_first_process_does_a_stage_that_is_not_shared(environment, tmp_path):
    environment(TORCHELASTIC_RUN_ID="x", RANK="1")
    here = FoldFolder(tmp_path / "fold0")
    threading.Timer(0.2, here.detector.mkdir, kwargs={"parents": True}).start()
    with stage(here, "train the detector") as missing:
        assert not missing  # it waited
    with stage(here, "train the classifier") as missing:
        assert missing
    assert not here.stages.exists()
    here.classifier.mkdir()
    with stage(here, "train the classifier") as missing:
        assert not missing
