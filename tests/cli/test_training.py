"""`lsdc train` with folds and configs of choice, and as tasks: what is asked of them, and what a failed one says."""

import shutil

import pytest
from click.testing import CliRunner

from lsdc.cli.commands import lsdc
from lsdc.errors import ConfigError, FoldError, LsdcError
from lsdc.folds import read_folds
from tests.builders import write_competition
from tests.conftest import ROOT

SMOKE = str(ROOT / "configs" / "smoke.yaml")


@pytest.fixture
def train(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        told = CliRunner().invoke(lsdc, ["train", *map(str, words)])
        if told.exception is not None and not isinstance(told.exception, SystemExit):
            raise told.exception
        assert told.exit_code == 0, told.output
        return told.output

    return run


@pytest.mark.parametrize(("words", "error", "message"), [
    (("--folds", "one"), AssertionError, "wanted numbers with commas between them"),
    (("--config", SMOKE, "--folds", "0,7"), FoldError, "a fold that does not exist\n  wanted: 0 to 2\n  got:    7"),
    (("--config", SMOKE, "--config", SMOKE), AssertionError, "several --config make a run each"),
    (("--config", SMOKE, "--config", "other.yaml", "--run", "one"), AssertionError, "several --config make a run each"),
    (("--at-once", "2"), AssertionError, "--at-once and --launch-option go with --launch"),
    (("--launch", "local", "--launch-option", "gpu=1"), ConfigError, "gpu: there is no such option of local tasks"),
    (("--launch", "slurm"), LsdcError, "this machine cannot submit to Slurm"),
    (("--launch", "cloud"), AssertionError, "'cloud' is not one of 'local', 'slurm'"),
])
def test_what_cannot_be_asked_for(train, monkeypatch, tmp_path, words, error, message):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(error, match=message):
        train(*words)
    assert list(tmp_path.iterdir()) == []  # nothing was begun


def test_a_fold_of_every_config_is_a_task_and_those_that_fail_are_told(make_place):
    """Without readable images no detector can be trained, as each of the tasks finds out by itself."""
    place = make_place("tasks")
    data = write_competition(place.folder / "data", studies=tuple(range(1001, 1010)))
    for path in data.glob("train_images/*/*/*.dcm"):
        path.write_bytes(b"no image")
    for name in ("one", "two"):
        shutil.copy(SMOKE, place.folder / f"{name}.yaml")
    told = place.lsdc("train", "--config", "one.yaml", "--config", "two.yaml", "--folds", "1", "--data", data,
                      "--set", "folds.count=3", "--launch", "local", "--at-once", "2", "--launch-option", "tries=1")
    assert told.returncode == 1, told.stderr[-3000:]
    assert "error: 2 of 2 tasks failed" in told.stderr
    runs = place.folder / ".lsdc" / "runs"
    for run in ("one", "two"):
        assert len(read_folds(runs / run / "folds.csv")) == 9
        (log,) = (runs / run).glob(f"launch/*/{run}-fold1/*_log.err")
        assert str(log) in told.stderr
        assert "fold 1: 5 studies to fit, 1 to tune on, 3 held out" in log.read_text()
        assert f"{run}-fold1: no annotated slice in any training study\n" in told.stderr
    assert "          |   to do:  check the points and the images" in told.stderr  # the last words of a task
    assert "completed" not in told.stderr
    assert told.stdout == ""
