"""The options of `lsdc predict`, and on what terms they make it work."""

import shutil
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from lsdc.cli.commands import lsdc
from lsdc.cli.on_predict import RERUN
from lsdc.config import load_settings
from lsdc.errors import ConfigError, DataError, FoldError, LsdcError, StorageError
from lsdc.submit.salvage import PLAIN_COMPUTE
from tests.submit.bare import bare_run

IN_SHARDS = ("--launch", "local", "--shards", "2")


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """asked(*words) -> what predict_test_part is given: data, recipe, compute, terms."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(RERUN, raising=False)
    bare_run(tmp_path / "runs" / "mine", (0, 2))
    given = []

    def predict(*arguments):
        given.append(SimpleNamespace(**dict(zip(("data", "recipe", "compute", "terms"), arguments, strict=True))))
        return SimpleNamespace(text="done", demand=lambda: None)

    monkeypatch.setattr("lsdc.submit.pipeline.predict_test_part", predict)

    def ask(*words):
        told = CliRunner().invoke(lsdc, ["predict", "--data", "d", "--runs", "runs", *map(str, words)])
        if told.exception is not None and not isinstance(told.exception, SystemExit):
            raise told.exception
        assert told.exit_code == 0, told.output
        return given[-1]

    return ask


def test_what_is_asked_for_by_default(asked):
    given = asked("--run", "mine")
    assert {name: [fold.number for fold in folds] for name, folds in given.recipe.folds.items()} == {"mine": [0, 2]}
    assert given.compute == load_settings("runs/mine/config.yaml").compute
    terms = given.terms
    assert (str(terms.out), str(terms.work), terms.deadline_s) == ("submission.csv", ".lsdc/cache/predict", None)
    assert (terms.strict, terms.fallback_limit) == (True, 0.1)


@pytest.mark.parametrize(("rerun", "words", "strict"), [
    (None, (), True), ("1", (), False), ("1", ("--strict",), True), (None, ("--lenient",), False), ("", (), True)])
def test_strict_when_saved_lenient_when_scored(asked, monkeypatch, rerun, words, strict):
    if rerun:
        monkeypatch.setenv(RERUN, rerun)
    assert asked("--run", "mine", *words).terms.strict is strict


def test_options(asked):
    given = asked("--run", "mine", "--folds", "2", "--deadline-hours", 0.5, "--fallback-limit", 0.3, "--work", "w",
                  "--out", "o/s.csv", "--set", "compute.workers=3")
    assert [fold.number for fold in given.recipe.folds["mine"]] == [2]
    assert (given.terms.deadline_s, given.terms.fallback_limit, given.compute.workers) == (1800, 0.3, 3)
    assert given.terms.deadline == given.terms.began + 1800
    assert asked("--run", "mine", "--deadline-seconds", 9).terms.deadline_s == 9


def test_a_lenient_run_takes_folds_whose_priors_are_lost(asked, tmp_path):
    (tmp_path / "runs" / "mine" / "fold0" / "priors.csv").unlink()
    assert [fold.number for fold in asked("--run", "mine").recipe.folds["mine"]] == [2]
    recipe = asked("--run", "mine", "--lenient").recipe
    assert [fold.number for fold in recipe.folds["mine"]] == [0, 2]
    assert "mine, fold 0: other priors stand in for its own: a csv file is missing" in recipe.notes


@pytest.mark.parametrize("damage", ["compute: [", "seed: 1\n", "\xff", "seed: 2001-99-99", "a: " + "[" * 3000,
                                    "a: &a [1]\nb: [*a, *a]"])
def test_a_lenient_run_does_without_settings_that_cannot_be_read(asked, tmp_path, damage):
    (tmp_path / "runs" / "mine" / "config.yaml").write_text(damage, encoding="latin-1")
    with pytest.raises(ConfigError):
        asked("--run", "mine")
    given = asked("--run", "mine", "--lenient", "--set", "compute.workers=3")
    assert given.compute == PLAIN_COMPUTE.model_copy(update={"workers": 3})
    assert "computed with plain settings" in given.recipe.notes[-1]
    with pytest.raises(ConfigError, match=r"1 settings cannot be used\n  got:    compute.workers: .*got -1"):
        asked("--run", "mine", "--lenient", "--set", "compute.workers=-1")


@pytest.mark.parametrize("damage", ["{", "{}", '{"format": "lsdc blend", "version": 1}'])
def test_a_lenient_run_does_without_a_blend_that_cannot_be_read(asked, tmp_path, damage):
    bare_run(tmp_path / "runs" / "second")
    (tmp_path / "b.json").write_text(damage)
    with pytest.raises(StorageError):
        asked("--blend", "b.json")
    recipe = asked("--blend", "b.json", "--lenient").recipe
    assert (list(recipe.folds), recipe.blend) == (["mine"], None)
    assert recipe.notes[0].startswith("the blend is left out, mine answers alone: ")
    for name in ("mine", "second"):
        shutil.rmtree(tmp_path / "runs" / name)
    with pytest.raises(StorageError):
        asked("--blend", "b.json", "--lenient")


@pytest.mark.parametrize(("words", "error", "message"), [
    (("--run", "other"), DataError, "this run has no trained fold"),
    (("--run", "mine", "--folds", "0,1"), FoldError, r"not trained\n  wanted: 0, 2\n  got:    1"),
    (("--run", "mine", "--set", "detector.epochs=3"), ConfigError, "keeps the settings it was made with"),
    (("--run", "../mine",), ConfigError, "this is not a name"),
    ((), AssertionError, "give --run NAME"),
    (("--run", "mine", "--blend", "b.json"), AssertionError, "give --run NAME"),
    (("--run", "mine", "--deadline-seconds", "0"), AssertionError, "x>0"),
    (("--run", "mine", "--deadline-seconds", "nan"), AssertionError, "not a finite number"),
    (("--run", "mine", "--deadline-hours", "inf"), AssertionError, "not a finite number"),
    (("--run", "mine", "--fallback-limit", "nan"), AssertionError, "not a finite number"),
    (("--run", "mine", "--deadline-seconds", "9", "--deadline-hours", "1"), AssertionError, "give one of"),
    (("--run", "mine", "--shards", "2"), AssertionError, "--launch and --shards go together"),
    (("--run", "mine", "--launch", "local"), AssertionError, "--launch and --shards go together"),
    (("--run", "mine", "--shards", "2", "--at-once", "2"), AssertionError, "go with --launch"),
    (("--run", "mine", *IN_SHARDS, "--deadline-hours", "1"), AssertionError, "a deadline is for one machine"),
    (("--run", "mine", *IN_SHARDS, "--launch-option", "partition=x"), ConfigError, "no such option of local tasks"),
    (("--run", "mine", *IN_SHARDS, "--at-once", "0"), ConfigError, "--at-once 0: wanted 1 or more"),
    (("--run", "mine", "--shards", "2", "--launch", "slurm"), LsdcError,
     "cannot submit to Slurm\n  wanted: sbatch, srun and sacct\n  got:    no sbatch, srun, sacct"),
])
def test_what_cannot_be_asked_for(asked, monkeypatch, words, error, message):
    monkeypatch.setenv("PATH", "")  # no Slurm, wherever this is tried
    with pytest.raises(error, match=message):
        asked(*words)
