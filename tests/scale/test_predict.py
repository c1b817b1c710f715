"""`lsdc predict` in shards on real workers: the file is the one of a single process, whatever is killed meanwhile."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from lsdc.competition.asked import read_asked
from lsdc.submit.writer import check_submission
from tests.conftest import fill, mounted
from tests.scale.conftest import alive, until, workers
from tests.submit.tiny import tiny_run, toy_test_part

pytestmark = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="looks for processes in /proc")
STUDIES = tuple(range(5001, 5013))
IN_SHARDS = ("--shards", "3", "--launch", "local", "--at-once", "2")


class Predicting:
    """A folder with data and a tiny run, and `lsdc predict` in it."""

    def __init__(self, folder: Path):
        self.folder = folder
        tiny_run(folder / "runs" / "tiny", (0,))
        toy_test_part(folder / "data", STUDIES)
        self.sample = list(read_asked(folder / "data").rows)

    def start(self, name: str, *words: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "lsdc", "predict", "--runs", "runs", "--run", "tiny", "--data", "data", "--out",
             f"{name}.csv", "--work", name, "--fallback-limit", "1", *words], cwd=self.folder,
            stdout=subprocess.PIPE, stderr=(self.folder / f"{name}.err").open("a"), text=True, start_new_session=True)

    def run(self, name: str, *words: str) -> tuple[int, str, str]:
        """Exit code, stdout, and all of stderr so far."""
        asked = self.start(name, *words)
        told = asked.communicate()[0]
        return asked.returncode, told, self.said(name)

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.err").read_text()

    def kill_a_worker(self, name: str) -> None:
        """`kill -9` for a worker in the middle: after the first study of all."""
        until(lambda: list(self.folder.glob(f"{name}/*/*.json")))
        os.kill(workers(self.folder)[0], signal.SIGKILL)

    def bytes_of(self, name: str) -> bytes:
        check_submission(self.folder / f"{name}.csv", self.sample)
        return (self.folder / f"{name}.csv").read_bytes()


@pytest.fixture(scope="module")
def predicting(tmp_path_factory):
    """With the answer of one process that was not disturbed, in `one.csv`, on one core as each task has here."""
    before = {name: os.environ.get(name) for name in ("PYTHONPATH", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")}
    os.environ.update(PYTHONPATH=str(Path(__file__).parents[2]), CUDA_VISIBLE_DEVICES="")
    os.environ.pop("OMP_NUM_THREADS", None)
    granted = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(granted)[:2]))  # so that it is one core for each of two tasks
    made = Predicting(tmp_path_factory.mktemp("shards"))
    code, _, said = made.run("one")
    assert code == 0, said
    yield made
    os.sched_setaffinity(0, granted)
    for name, value in before.items():
        os.environ.pop(name, None)
        os.environ.update({} if value is None else {name: value})


def test_three_shards_with_a_worker_killed_and_restarted_end_in_the_same_bytes(predicting):
    asked = predicting.start("three", *IN_SHARDS)
    predicting.kill_a_worker("three")
    told = asked.communicate()[0]
    assert asked.returncode == 0, predicting.said("three")
    assert predicting.said("three").count("try 1 of 3 failed and is made again: its process was ended") == 1
    assert predicting.bytes_of("three") == predicting.bytes_of("one")
    assert "3 shards (local) on cpu" in told
    figures = json.loads((predicting.folder / "three" / "summary.json").read_text())
    assert (figures["studies"], figures["graded_now"], figures["failed_studies"]) == (len(STUDIES), len(STUDIES), {})
    rows = pd.read_csv(predicting.folder / "three.csv")
    assert rows.row_id.tolist() == predicting.sample
    assert rows.row_id.is_unique


def lost_studies(predicting, name: str) -> tuple[list[int], str]:
    """Predict with a worker killed that is not restarted: the studies that this cost, and stdout."""
    asked = predicting.start(name, *IN_SHARDS, "--launch-option", "tries=1")
    predicting.kill_a_worker(name)
    told = asked.communicate()[0]
    assert asked.returncode == 2, predicting.said(name)
    figures = json.loads((predicting.folder / name / "summary.json").read_text())
    (failed,) = figures["failed_studies"].values()
    assert 0 < len(failed) <= 4
    return failed, told


def test_a_shard_that_fails_for_good_leaves_priors_and_is_told(predicting):
    failed, told = lost_studies(predicting, "lost")
    assert "failed: its shard failed: its process was ended from outside" in told
    assert f"{len(failed)} studies failed: its shard failed" in predicting.said("lost")
    predicting.bytes_of("lost")  # whole and valid, with priors in these rows and in no other
    rows = pd.read_csv(predicting.folder / "lost.csv")
    assert rows.normal_mild.eq(1 / 3).tolist() == [int(row.split("_")[0]) in failed for row in rows.row_id]


@pytest.fixture
def filling(predicting, tmp_path, monkeypatch):
    """`start(name, *words)` with its work on a disk of 4 MB that is full as soon as the first study is kept."""
    with mounted(tmp_path / "disk", "size=4m") as disk:
        def start(name: str, *words: str, full_at_once: bool = False) -> subprocess.Popen:
            if full_at_once:
                fill(disk / "filler")
            asked = predicting.start(name, *IN_SHARDS, "--work", str(disk / name), *words)
            if not full_at_once:
                until(lambda: list(disk.glob(f"{name}/*/*.json")))
                fill(disk / "filler")
            return asked
        yield start


def test_a_disk_that_fills_up_ends_a_strict_launch_in_words_and_it_goes_on_later(predicting, filling, tmp_path):
    asked = filling("full")
    asked.communicate(timeout=120)
    said = predicting.said("full")
    assert asked.returncode == 2, said
    assert "the disk is full" in said
    assert "free some space" in said
    assert "is made again" not in said
    assert "memory" not in said
    assert not workers(predicting.folder)
    (tmp_path / "disk" / "filler").unlink()
    code, told, said = predicting.run("full", *IN_SHARDS, "--work", str(tmp_path / "disk" / "full"))
    assert code == 0, said
    assert "0 kept from before" not in told
    assert predicting.bytes_of("full") == predicting.bytes_of("one")


@pytest.mark.parametrize("full_at_once", [True, False])
def test_a_full_disk_costs_a_lenient_launch_its_tasks_and_no_study(predicting, filling, full_at_once):
    name = f"lenient{full_at_once}"
    asked = filling(name, "--lenient", full_at_once=full_at_once)
    told = asked.communicate(timeout=240)[0]
    said = predicting.said(name)
    assert asked.returncode == 0, said
    assert "the studies that are left are graded without --launch" in said
    assert "studies could not be kept" in told
    assert predicting.bytes_of(name) == predicting.bytes_of("one")


@pytest.mark.soak
def test_the_same_command_does_what_a_lost_shard_left(predicting):
    failed, _ = lost_studies(predicting, "again")
    code, told, said = predicting.run("again", *IN_SHARDS)
    assert code == 0, said
    assert f"{len(failed)} studies graded in" in told
    assert f"{len(STUDIES) - len(failed)} kept from before" in told
    assert predicting.bytes_of("again") == predicting.bytes_of("one")


@pytest.mark.soak
def test_killed_as_a_whole_it_leaves_no_process_and_goes_on(predicting):
    asked = predicting.start("whole", *IN_SHARDS)
    until(lambda: list(predicting.folder.glob("whole/*/*.json")))
    there = workers(predicting.folder)
    asked.kill()
    asked.communicate()
    until(lambda: not any(map(alive, there)), 30)
    predicting.bytes_of("whole")
    kept = len(list(predicting.folder.glob("whole/*/*.json")))
    code, told, said = predicting.run("whole", *IN_SHARDS)
    assert code == 0, said
    assert f"{kept} kept from before" in told
    assert predicting.bytes_of("whole") == predicting.bytes_of("one")
