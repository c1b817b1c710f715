"""What may be asked of a launch, and the share of this machine that each task gets."""

import os

import pytest

from lsdc.errors import ConfigError, DeviceError
from lsdc.scale.shares import shares
from lsdc.scale.terms import Launch


def test_options_become_terms():
    launch = Launch.of("slurm", 4, ["gpus=2", "cpus=8", "memory_gb=32", "minutes=90", "tries=5", "partition=gpu",
                                    "exclusive=true", "setup=module load cuda", "setup=ulimit -n 4096",
                                    "sbatch.reservation=mine"])
    assert (launch.at_once, launch.gpus, launch.cpus, launch.memory_gb) == (4, 2, 8, 32)
    assert (launch.limit, launch.tries) == (90, 5)
    assert launch.slurm == {"partition": "gpu", "exclusive": True, "setup": ["module load cuda", "ulimit -n 4096"],
                            "additional_parameters": {"reservation": "mine"}}


def test_without_options_a_failed_task_is_restarted_twice_and_one_on_this_machine_may_take_long():
    assert Launch.of("local").tries == 3
    assert Launch.of("local").limit > 365 * 24 * 60
    assert Launch.of("slurm").limit == 24 * 60


@pytest.mark.parametrize(("cluster", "at_once", "words", "message"), [
    ("local", 0, [], "--at-once 0: wanted 1 or more"),
    ("local", None, ["partition=gpu"], "partition: there is no such option of local tasks"),
    ("slurm", None, ["partiton=gpu"], "partiton: there is no such option of slurm tasks"),
    ("slurm", None, ["gpus"], "gpus: wanted key=value"),
    ("slurm", None, ["minutes=an hour"], "minutes=an hour: wanted a whole number, 1 or more"),
    ("local", None, ["tries=0"], "tries=0: wanted a whole number, 1 or more"),
    ("slurm", None, ["sbatch.=1"], "sbatch.: there is no such option"),
    ("ray", None, [], "--launch ray: wanted local or slurm"),
])
def test_what_cannot_be_asked_for(cluster, at_once, words, message):
    with pytest.raises(ConfigError, match=message):
        Launch.of(cluster, at_once, words)


def test_all_faults_are_told_at_once():
    with pytest.raises(ConfigError, match=r"(?s)--at-once -1.*cpus=0.*colour: there is no such option"):
        Launch.of("local", -1, ["cpus=0", "colour=blue"])


@pytest.mark.parametrize(("visible", "at_once", "options", "dealt"), [
    ("", 2, [], ["", ""]),
    ("0,1,2,3", 2, [], ["0,1", "2,3"]),
    ("2,3", 2, ["gpus=1"], ["2", "3"]),
    ("5", 3, [], ["5", "5", "5"]),
    ("0,1", 2, ["gpus=0"], ["", ""]),
    ("GPU-a,GPU-b,GPU-c", None, [], ["GPU-a", "GPU-b", "GPU-c"]),
    ("", None, [], ["", ""]),
])
def test_gpus_are_dealt_out(monkeypatch, visible, at_once, options, dealt):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [one.environment["CUDA_VISIBLE_DEVICES"] for one in shares(Launch.of("local", at_once, options))] == dealt


def test_too_few_gpus_are_told(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with pytest.raises(DeviceError, match=r"(?s)fewer GPUs than the tasks ask for.*2 for each of 2 tasks.*got:    2"):
        shares(Launch.of("local", 2, ["gpus=2"]))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system gives no cores to a process")
def test_cores_are_dealt_out(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 4, 5, 6, 9})
    assert [(one.cores, one.environment["OMP_NUM_THREADS"]) for one in shares(Launch.of("local", 2))] == [
        ((3, 4), "2"), ((5, 6), "2")]
    assert [one.cores for one in shares(Launch.of("local", 2, ["cpus=3"]))] == [(3, 4, 5), (3, 6, 9)]
    assert len({one.cores for one in shares(Launch.of("local", 7))}) == 5  # at least one each, some share
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    assert all("OMP_NUM_THREADS" not in one.environment for one in shares(Launch.of("local", 2)))
