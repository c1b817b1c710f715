"""`lsdc evaluate --truth --predictions`: files of any origin, without a run."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from lsdc.cli.commands import lsdc
from lsdc.errors import LsdcError
from lsdc.evaluate.metric import score
from lsdc.evaluate.plain import plain
from tests.evaluate.phantoms import normal, phantom_grades, submission, train_csv, weighted

FEW = ("--set", "evaluation.bootstrap=100")


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """Grades of 30 studies; a.csv: the floor, with folds; plain.csv: without weights; flat.csv; parts of a.csv."""
    place = tmp_path_factory.mktemp("files")
    grades, truth = phantom_grades(30)
    train_csv(grades).to_csv(place / "train.csv", index=False)
    best = submission(grades, weighted(truth))
    best.assign(fold=np.repeat(np.arange(30) % 3, 25), model="m").to_csv(place / "a.csv", index=False)
    submission(grades, truth).to_csv(place / "plain.csv", index=False)
    submission(grades, normal(weighted(truth) ** 0.3)).to_csv(place / "flat.csv", index=False)
    canal = best["row_id"].str.contains("canal")
    best[canal].to_csv(place / "canal.csv", index=False)
    best[~canal].to_csv(place / "rest.csv", index=False)
    best.assign(severe=best["severe"] + 1).to_csv(place / "sums.csv", index=False)
    (place / "other.csv").write_text("row_id,normal_mild,moderate,severe\n1.2.826.0.1_epidural,1,0,0\n")
    best.head(25).replace(r"^1_", "77_", regex=True).to_csv(place / "strange.csv", index=False)
    (place / "empty").mkdir()
    return place, grades, best


def command(place, *words):
    paths = [str(place / word) if word.endswith((".csv", "empty")) and "=" not in word else
             word.replace("@", f"{place}/") for word in words]
    return CliRunner().invoke(lsdc, ["evaluate", *paths, *FEW])


def test_scores_equal_the_metric_and_every_table_is_there(case):
    place, grades, best = case
    told = command(place, "--truth", "train.csv", "--predictions", "a.csv", "flat.csv")
    assert told.exit_code == 0, told.output
    ours = score(grades, best)
    line = next(line for line in told.output.splitlines() if line.startswith("a "))
    assert line.split()[3:8] == [f"{value:.4f}" for value in (ours.canal, ours.foraminal, ours.subarticular,
                                                              ours.any_severe, ours.total)]
    for words in ("a minus flat", "P(first better)", "== a ==", "Between folds", "Gwet's AC1", "AUROC, severe",
                  "Label (rows) by predicted grade", "Agreement by level and side", "Calibration (ECE",
                  "The predictions carry the metric's weights", "Published on other data"):
        assert words in told.output, words
    assert " nan" not in told.output


def test_json_has_every_table(case):
    place, grades, best = case
    told = command(place, "--truth", "train.csv", "--predictions", "a.csv", "flat.csv", "plain.csv", "--json")
    figures = json.loads(told.stdout)
    assert plain(figures) == figures
    first = figures["models"][0]
    assert first["scores"]["total"]["value"] == pytest.approx(score(grades, best).total, abs=1e-12)
    assert {"cells", "agreement", "calibration", "metric_weights", "folds", "missing_rows"} <= set(first)
    assert len(figures["comparison"]["pairs"]) == 3
    assert {one["name"] for one in figures["comparison"]["best"]} == {"a", "flat", "plain"}
    assert [model["metric_weights"][0]["verdict"] for model in figures["models"]][2] == "missing"
    assert figures["models"][2]["reweighted"]["total"] == pytest.approx(first["scores"]["total"]["value"])
    assert figures["published"][0]["system"] == "DeepSpine"


def test_files_of_one_model_are_joined(case):
    place, grades, best = case
    told = command(place, "--truth", "train.csv", "--predictions", "both=@canal.csv,@rest.csv", "--json", "--complete")
    (model,) = json.loads(told.stdout)["models"]
    assert model["scores"]["total"]["value"] == pytest.approx(score(grades, best).total, abs=1e-12)
    assert len(model["files"]) == 2


def test_partial_predictions_say_what_is_missing(case):
    place, *_ = case
    told = command(place, "--truth", "train.csv", "--predictions", "canal.csv")
    assert told.exit_code == 0, told.output
    assert "canal, foraminal*: none of 300 labelled rows answered" in told.output
    assert "no total, because it is only given where all four terms are whole" in told.output
    assert "foraminal L1/L2 60 of 60" in told.output


def test_sums_are_corrected_when_asked_for(case):
    place, *_ = case
    told = command(place, "--truth", "train.csv", "--predictions", "sums.csv", "--normalise")
    assert "750 rows did not sum to 1 and were divided by their sums" in told.output


def test_the_decision_is_said(case):
    place, *_ = case
    told = command(place, "--truth", "train.csv", "--predictions", "a.csv", "--decision", "plain")
    assert "divided by the metric's weights 1, 2, 4" in told.output


@pytest.mark.parametrize(("words", "message"), [
    (("--truth", "a.csv", "--predictions", "a.csv"), "this is no table of true grades"),
    (("--truth", "none.csv", "--predictions", "a.csv"), "a csv file is missing"),
    (("--truth", "train.csv", "--predictions", "none.csv"), "none.csv: a csv file is missing"),
    (("--truth", "train.csv", "--predictions", "train.csv"), "columns missing: row_id, normal_mild"),
    (("--truth", "train.csv", "--predictions", "other.csv"), "1 row_ids are not <study_id>_<condition>_<level> of"),
    (("--truth", "train.csv", "--predictions", "strange.csv"), "1 studies are unknown to the truth: 77"),
    (("--truth", "train.csv", "--predictions", "empty"), "a folder without predictions"),
    (("--truth", "train.csv", "--predictions", "sums.csv"), "750 rows do not sum to 1"),
    (("--truth", "train.csv", "--predictions", "canal.csv", "--complete"), "canal: 600 rows are missing"),
])
def test_bad_input_gets_one_clear_error(case, words, message):
    told = command(case[0], *words)
    assert isinstance(told.exception, LsdcError)
    assert message in str(told.exception)
    assert "to do:" in str(told.exception)


@pytest.mark.parametrize(("words", "message"), [
    (("--truth", "train.csv"), "--truth needs --predictions FILE"),
    (("--predictions", "a.csv"), "--predictions needs --truth"), (("--normalise",), "--normalise needs --truth"),
    (("a.csv",), "--predictions needs --truth"),
    (("--truth", "train.csv", "--predictions", "a.csv", "--run", "mine", "--locations"), "--run, --locations is of a"),
])
def test_options_that_do_not_go_together(case, words, message):
    told = command(case[0], *words)
    assert told.exit_code == 2
    assert message in told.output
