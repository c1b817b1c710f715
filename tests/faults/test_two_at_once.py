"""A second run in a place where one works: told in clear words, and left alone."""

import threading
import time
from contextlib import ExitStack

import pytest

from lsdc.config import load_settings
from lsdc.files import alone, locked
from lsdc.runs import RunFolder
from lsdc.submit import Recipe
from tests.faults.jobs import World, files, job, told

BUSY = {
    "phantom": "another process is making this phantom",
    "train-fold": "another process is training this fold",
    "predict": "another process is predicting here",
    "predict elsewhere": "another process is predicting here",
    "submit": "another process is making this submission",
    "blend": "another process is making this blend",
    "report": "another process is writing this report",
    "bundle make": "another process is packing this bundle",
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory, toy_data, graded_data, runs):
    """What each command said in a place that this process held meanwhile."""
    world, root = World(graded_data, toy_data, runs), tmp_path_factory.mktemp("two")
    run = RunFolder(runs / "one")
    recipe = Recipe.of_run(run)
    work = root / "work" / recipe.key(precision=load_settings(run.config).compute.precision)
    jobs = {name: job(world, name.removesuffix(" elsewhere"), root) for name in BUSY}
    words, environment = jobs["predict elsewhere"]
    jobs["predict elsewhere"] = [str(root / "other.csv") if word == str(root / "made.csv") else word
                                 for word in words], environment
    with ExitStack() as held:
        for folder in (root / "phantom" / "truth", root / "runs" / "new" / "fold0", work):
            held.enter_context(locked(folder))
        for name in ("made.csv", "submissions/one", "blend.json", "report", "bundle"):
            held.enter_context(alone(root / name))
        return dict(zip(BUSY, told(list(jobs.values()), root), strict=True)), files(root)


@pytest.mark.parametrize("command", BUSY)
def test_the_second_is_told_whose_place_it_is(answers, command):
    answer = answers[0][command]
    assert answer.code == 2, answer.said
    error = answer.said[answer.said.rindex("error: "):]
    assert BUSY[command] in error
    assert "where:" in error
    assert "wait until it has ended, or stop it; then run this again" in error


def test_and_writes_nothing_there(answers):
    assert not {name for name in answers[1] if not name.startswith(("cache/", "mpl/", "runs/new/"))}


def test_where_work_is_short_the_second_waits(tmp_path, caplog):
    done = []

    def second() -> None:
        with alone(tmp_path / "evaluation.json"):
            done.append("second")

    caplog.set_level("INFO")
    with alone(tmp_path / "evaluation.json"):
        waiting = threading.Thread(target=second)
        waiting.start()
        while "waiting until another process has ended its work in" not in caplog.text:
            time.sleep(0.01)
        done.append("first")
    waiting.join()
    assert done == ["first", "second"]
    assert list(tmp_path.iterdir()) == []  # no lock stays behind
