"""Tasks as jobs of Slurm, whose commands are played by scripts that run the batch files here."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from lsdc.errors import LsdcError
from lsdc.scale import executors, launcher
from lsdc.scale.launcher import Launcher, run_tasks
from lsdc.scale.tasks import Task
from lsdc.scale.terms import Launch
from tests.scale import slurm, works
from tests.scale.conftest import alive, process_of, until

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the stand-ins look at /proc")
OPTIONS = ("gpus=2", "cpus=6", "memory_gb=48", "minutes=90", "partition=gpu", "account=spine", "nodes=2",
           "tasks_per_node=2", "setup=module load cuda", "sbatch.reservation=mine")


@pytest.fixture
def books(here, monkeypatch):
    monkeypatch.setenv("PATH", f"{slurm.install(here / 'bin')}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_STANDIN", str(here / "books"))
    monkeypatch.setattr(launcher, "ASK_S", 1.0)
    monkeypatch.setattr("submitit.slurm.slurm.SlurmJob._results_timeout_s", 1)  # how long a slow disk is waited for
    (here / "books").mkdir()
    return here / "books"


@pytest.fixture
def task(here):
    return lambda name, work, *more: Task(name, work, (here / "notes", name, *more), here / "run")


def test_a_job_asks_for_what_was_asked_for(here, books):
    made = executors.executor(Launch.of("slurm", None, OPTIONS), here / "logs", "fold0")
    text = made._executor._make_submission_file_text("command", "1")
    lines = {line.removeprefix("#SBATCH ") for line in text.splitlines() if line.startswith("#SBATCH ")}
    assert lines >= {"--job-name=lsdc-fold0", "--gpus-per-node=2", "--cpus-per-task=6", "--mem=48GB", "--time=90",
                     "--partition=gpu", "--account=spine", "--nodes=2", "--ntasks-per-node=2", "--reservation=mine"}
    assert text.index("module load cuda") < text.index("srun")


def test_jobs_answer_and_a_killed_one_is_submitted_again(here, books, task):
    told = run_tasks([task("good", works.facts), task("dies", works.dies_once)],
                     Launch.of("slurm", None, ["minutes=7", "partition=gpu"]), "tasks")
    assert (told[0]["name"], told[0]["folder"], told[1]) == ("good", str(here), "dies")
    assert told[0]["cores"] == len(os.sched_getaffinity(0))  # a job has what Slurm gave it
    submitted = [path.read_text() for path in books.glob("*.sh")]
    assert len(submitted) == 3
    assert all("#SBATCH --time=7\n" in text and "#SBATCH --partition=gpu\n" in text for text in submitted)
    assert len(list((here / "run").glob("launch/*/dies/*_log.err"))) == 2


def test_closing_cancels_jobs(here, books, task):
    with closing(Launcher(Launch.of("slurm"))) as launched:
        launched.add(task("one", works.sleeps))
        launched.step()
        worker = process_of(here / "notes" / "one.1")
    until(lambda: not alive(worker))


def test_what_slurm_refuses_is_told(here, books, task):
    with pytest.raises(LsdcError, match=r"(?s)the cluster refused a task.*invalid partition specified: full"):
        run_tasks([task("one", works.facts)], Launch.of("slurm", None, ["partition=full"]), "tasks")
