"""Tasks on real processes of this machine: restarted when killed, told when they fail, ended with whoever asked."""

import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest

from lsdc.errors import LsdcError, TaskError
from lsdc.scale.launcher import Launcher, run_tasks
from lsdc.scale.tasks import Task
from lsdc.scale.terms import Launch
from tests.conftest import ROOT, mounted
from tests.scale import works
from tests.scale.conftest import alive, process_of, until


@pytest.fixture
def task(here):
    return lambda name, work, *more: Task(name, work, (here / "notes", name, *more), here / "run")


def test_tasks_share_the_machine_and_answer_in_their_order(here, task):
    told = run_tasks([task("one", works.facts), task("two", works.facts)], Launch.of("local", 2), "tasks")
    assert [one["name"] for one in told] == ["one", "two"]
    cores = max(1, len(os.sched_getaffinity(0)) // 2)
    assert [(one["cores"], one["threads"], one["gpus"], one["folder"]) for one in told] == [
        (cores, str(cores), "", str(here))] * 2
    assert not list(here.rglob("*.pkl"))  # a later process of the same number finds no answer


def test_an_answer_that_does_not_fit_on_the_disk_is_told_and_leaves_nothing_there(here, task, tmp_path):
    with mounted(tmp_path / "disk", "size=4m") as disk:
        tasks = [Task(name, works.answers, (here / "notes", name, size), disk) for name, size in (
            ("large", 8 * 2**20), ("small", 10))]
        with pytest.raises(TaskError, match=r"1 of 2 tasks failed\n  got:    large: the disk is full") as caught:
            run_tasks(tasks, Launch.of("local", 1), "tasks")
        assert "tries)" not in str(caught.value)
        assert not [path for path in disk.rglob("*") if ".pkl" in path.name]
    assert {path.name for path in (here / "notes").iterdir()} == {"large.1", "small.1"}


def test_a_killed_task_is_made_again_one_that_fails_always_is_told_and_the_others_are_kept(here, task, caplog):
    caplog.set_level(logging.INFO, "lsdc")
    tasks = [task("good", works.facts), task("dies", works.dies_once), task("raises", works.raises),
             task("refuses", works.refuses)]
    with pytest.raises(TaskError) as caught:
        run_tasks(tasks, Launch.of("local", 2, ["tries=2"]), "tasks")
    assert {path.name for path in (here / "notes").iterdir()} == {
        "good.1", "dies.1", "dies.2", "raises.1", "raises.2", "refuses.1", "refuses.2"}
    told = str(caught.value)
    assert caught.value.exit_code == 1
    assert told.startswith("2 of 4 tasks failed\n")
    assert "raises: ZeroDivisionError: try 2 of raises divides by nothing (2 tries)" in told
    assert "| ZeroDivisionError: try 2 of raises divides by nothing" in told  # the log's own last line
    assert "refuses: these weights are damaged (2 tries)" in told
    assert "train them anew" in told
    assert "dies: try 1 of 2 failed and is made again: its process was ended from outside" in caplog.text
    assert "dies: done" in caplog.text
    logs = list((here / "run").glob("launch/*/raises/*_log.err"))
    assert len(logs) == 2
    assert all(str(log) in told + caplog.text for log in logs)


def test_no_more_run_at_once_than_asked_and_closing_ends_them(here, task):
    with closing(Launcher(Launch.of("local", 2))) as launcher:
        for name in ("one", "two", "three"):
            launcher.add(task(name, works.sleeps))
        launcher.step()
        running = [process_of(here / "notes" / f"{name}.1") for name in ("one", "two")]
        assert launcher.step() == []
        assert len(launcher.processes()) == 2
        assert not (here / "notes" / "three.1").exists()
        assert all(map(alive, running))
    until(lambda: not any(map(alive, running)))


LAUNCH = """
import sys
from pathlib import Path
from lsdc.cli.errors import reported
from lsdc.scale.launcher import run_tasks
from lsdc.scale.tasks import Task
from lsdc.scale.terms import Launch
from tests.scale import works

with reported():
    run_tasks([Task("one", works.sleeps, (Path("notes").absolute(), "one"), Path("run"))],
              Launch.of("local", 1), "tasks")
"""


@pytest.mark.parametrize(("sent", "to_all", "code"), [
    (signal.SIGKILL, False, -9), (signal.SIGINT, True, 130), (signal.SIGTERM, False, -15)])
def test_tasks_end_with_whoever_launched_them(here, sent, to_all, code):
    """Ctrl-C comes to all processes of a terminal's group; the others come to the launcher alone."""
    asked = subprocess.Popen([sys.executable, "-c", LAUNCH], cwd=here, stderr=subprocess.PIPE, text=True,
                             start_new_session=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
                             # a shell that runs the tests in its background has them ignore Ctrl-C
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    worker = process_of(here / "notes" / "one.1")
    os.killpg(asked.pid, sent) if to_all else os.kill(asked.pid, sent)
    assert asked.wait(30) == code
    until(lambda: not alive(worker), 30)
    if sent == signal.SIGINT:
        said = asked.stderr.read()
        assert "stopped. Finished stages are kept" in said
        assert "Traceback" not in said


def test_a_task_whose_time_is_over_goes_on_in_a_new_process(here, task):
    with closing(Launcher(Launch.of("local", 1))) as launcher:
        launcher.add(task("one", works.sleeps, 4.0))
        launcher.step()
        first = process_of(here / "notes" / "one.1")
        time.sleep(0.5)
        os.kill(first, signal.SIGUSR2)  # what submitit and Slurm send shortly before the end
        assert process_of(here / "notes" / "one.2") != first
        ended = list(launcher.results())
    assert [(one.value, one.failure) for one in ended] == [("one", None)]


def test_without_submitit_the_way_to_it_is_named(here, task, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(LsdcError, match=r"(?s)submitit, which is not installed.*pip install 'submitit>=1.5'"):
        run_tasks([task("one", works.facts)], Launch.of("local"), "tasks")


def test_a_command_that_was_started_several_times_launches_nothing(here, task, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "one")
    with pytest.raises(LsdcError, match=r"(?s)a launch is started once.*by torchrun"):
        run_tasks([task("one", works.facts)], Launch.of("local"), "tasks")
    assert not (here / "run").exists()
