"""`lsdc runs`, `lsdc summary` and `lsdc report`, and the summary that `lsdc evaluate` leaves."""

import json
import sys

import pytest
from click.testing import CliRunner

from lsdc.cli.commands import lsdc
from lsdc.competition import open_folder
from lsdc.competition.priors import prior_predictions, prior_table, write_priors
from lsdc.config import load_settings
from lsdc.runs import RunFolder
from lsdc.tables import FOLDS, LOCATIONS, PREDICTIONS
from lsdc.taxonomy import TARGETS
from lsdc.train import open_run
from tests.builders import write_competition
from tests.report.runs import write_run

STUDIES = (11, 12)


def command(*words):
    return CliRunner().invoke(lsdc, list(map(str, words)))


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("LSDC_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def predicted(root, tmp_path) -> RunFolder:
    """A run `mine` whose two folds of one study are answered by priors, not evaluated yet."""
    folder = open_folder(write_competition(tmp_path / "data", studies=STUDIES))
    run = open_run(root / "mine", load_settings("configs/phantom.yaml", ["evaluation.bootstrap=50"]), folder.root)
    FOLDS.write(FOLDS.frame([{"study_id": study, "fold": study % 2} for study in STUDIES]), run.folds)
    for study in STUDIES:
        here, priors = run.fold(study % 2), prior_table(folder.grades[folder.grades["study_id"] != study])
        write_priors(priors, here.priors)
        rows = [{"study_id": study, "condition": t.condition, "side": t.side, "level": t.level, "confidence": 0.0,
                 "found_by": "prior", "fold": study % 2} for t in TARGETS]
        LOCATIONS.write(LOCATIONS.frame([dict.fromkeys(LOCATIONS.columns) | row for row in rows]), here.locations)
        PREDICTIONS.write(prior_predictions(priors, [study]).assign(fold=study % 2, model="m", fallback="not located"),
                          here.predictions)
    return run


def test_runs_are_compared_as_text_and_json(root):
    write_run(root, "one")
    write_run(root, "two", total=0.45)
    told = command("runs")
    assert told.exit_code == 0, told.output
    assert [line.split()[0] for line in told.output.splitlines()[2:4]] == ["two", "one"]
    figures = json.loads(command("runs", "--json", "--runs", root).output)
    assert [row["score"]["total"] for row in figures["runs"]] == [0.45, 0.5]
    assert (figures["root"], figures["warnings"]) == (str(root), [])
    assert [row["run"] for row in json.loads(command("runs", "one", "--json").output)["runs"]] == ["one"]


def test_no_run_at_all_is_said(root):
    assert "no run in " in command("runs").output
    assert json.loads(command("runs", "--json").output)["runs"] == []


def test_evaluate_leaves_a_score_and_a_summary(predicted, root):
    assert "not evaluated" in command("runs").output
    told = command("evaluate", "--run", "mine")
    assert told.exit_code == 0, told.output
    assert f"summary: {predicted.summary}" in told.output
    (row,) = json.loads(command("runs", "--json").output)["runs"]
    assert (row["state"], row["studies"], row["score"]["folds"]) == ("scored", 2, [0, 1])
    assert f"{row['score']['total']:.4f}" in predicted.summary.read_text()
    assert "not located" in predicted.summary.read_text()


def test_the_summary_is_made_again_by_a_command(predicted):
    told = command("summary", "--run", "mine")
    assert told.exit_code == 0, told.output
    assert "not evaluated: make evaluate" in predicted.summary.read_text()


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_without_the_training_packages_a_score_is_given_all_the_same(predicted, monkeypatch, package):
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    told = command("evaluate", "--run", "mine")
    assert told.exit_code == 0, told.output
    assert f"no summary.html: {package} is not installed (make setup)" in told.output
    assert predicted.evaluation.exists()
    assert not predicted.summary.exists()
    assert f"{package} is not installed" in str(command("summary", "--run", "mine").exception)


def test_a_report_is_written_into_the_run_or_elsewhere(predicted, tmp_path):
    told = command("report", "--run", "mine", "--set", "compute.workers=1")
    assert told.exit_code == 0, told.output
    assert f"report: {predicted.report / 'index.html'}" in told.output
    page = (predicted.report / "studies" / "11.html").read_text()
    assert "its place was not found" in page  # the reason of every fallback of this run
    assert "No slice of this study can be shown." in page
    again = command("report", "--run", "mine", "--out", tmp_path / "pages", "--set", "compute.workers=1")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "pages" / "worklist.html").exists()
    assert not predicted.evaluation.exists()


def test_a_report_needs_predictions_and_the_data_of_the_run(predicted, tmp_path):
    (tmp_path / "data").rename(tmp_path / "moved")
    told = command("report", "--run", "mine")
    assert "the data that this run was made with is not there" in str(told.exception)
    assert "--data" in str(told.exception)
    moved = command("report", "--run", "mine", "--data", tmp_path / "moved", "--set", "compute.workers=1")
    assert moved.exit_code == 0, moved.output
    other = command("report", "--run", "mine", "--data", write_competition(tmp_path / "other", studies=(11, 12, 13)))
    assert "these are not the tables that the run was made with" in str(other.exception)
    for fold in predicted.finished_folds():
        fold.predictions.unlink()
    assert "this run has no finished fold" in str(command("report", "--run", "mine").exception)


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_without_the_training_packages_there_are_no_pages(predicted, monkeypatch, package):
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    told = command("report", "--run", "mine", "--set", "compute.workers=1")
    assert f"{package} is not installed" in str(told.exception)
    assert not predicted.report.exists()
