"""`lsdc blend` and `lsdc submissions` on made-up predictions."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lsdc.blend import read_blend
from lsdc.cli.commands import lsdc
from lsdc.files import write_json
from lsdc.tables import FOLDS, PREDICTIONS
from tests.blend.made_runs import STUDIES, write_graded, write_predicted


def command(*words):
    return CliRunner().invoke(lsdc, list(map(str, words)))


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    """Runs one and two."""
    monkeypatch.setenv("LSDC_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").symlink_to(__file__[:__file__.index("tests/cli")] + "configs")
    data = write_graded(tmp_path / "data")
    for name in ("one", "two"):
        write_predicted(tmp_path / "runs" / name, data)
    return tmp_path / "runs"


def test_two_runs_are_blended_and_leave_a_file(runs, tmp_path):
    told = command("blend", "one", "two", "--set", "evaluation.bootstrap=50", "--out", "b/blend.json")
    assert told.exit_code == 0, told.output
    assert "nested choice" in told.output
    blend = read_blend(tmp_path / "b" / "blend.json")
    assert [(member.run, member.folds) for member in blend.members] == [("one", (0, 1, 2)), ("two", (0, 1, 2))]
    assert len(PREDICTIONS.read(tmp_path / "b" / "blend.csv")) == 25 * len(STUDIES)
    before = (tmp_path / "b" / "blend.json").read_bytes()
    again = command("blend", "one", "two", "--set", "evaluation.bootstrap=50", "--out", "b/blend.json", "--json")
    figures = json.loads(again.stdout)
    assert figures["chosen"] == blend.record["chosen"]
    assert (tmp_path / "b" / "blend.json").read_bytes() == before


@pytest.mark.parametrize(("words", "message"), [
    (("three",), "this is no model to blend"),
    (("one", "one"), "two models have the name one"),
    (("one", "x=one/fold0/../../../runs/two/fold0/predictions.csv"), "a csv file is missing"),
    (("runs/one/fold0/predictions.csv",), "nothing says which fold held which study out"),
    (("one", "runs/two/fold0/predictions.csv"), "predictions: no prediction of fold 1, 2"),
])
def test_what_cannot_be_blended(runs, tmp_path, words, message):
    told = command("blend", *words)
    assert message in str(told.exception)
    assert not (tmp_path / ".lsdc" / "blend.json").exists()


def test_folds_that_disagree_are_refused(runs, tmp_path):
    FOLDS.write(FOLDS.frame([{"study_id": study, "fold": (study + (study == 11)) % 3} for study in STUDIES]),
                tmp_path / "other.csv")
    told = command("blend", "one", "--folds", "other.csv")
    assert "one: 1 studies are of another fold than the folds file says" in str(told.exception)


def test_run_and_blend_exclude_each_other(runs):
    told = command("submit", "--run", "one", "--blend", "b.json")
    assert told.exit_code == 2
    assert "exclude each other" in told.output


def test_a_submission_with_a_blend_that_is_none(runs):
    assert "cannot be read as json" in str(command("submit", "--blend", "b.json").exception)


def test_the_ledger_is_printed_and_left_beside_the_submissions(tmp_path):
    root = tmp_path / "submissions"
    assert "no submission in " in command("submissions", "--out", root).output
    write_json(root / "first" / "manifest.json", {
        "made": "2024-10-02T10:00:00+00:00", "run": "mine", "folds": [0], "rows": 50, "fallback_rows": 0,
        "out_of_fold": None, "config_sha256": "c" * 64, "commit": "abc"})
    (root / "broken").mkdir()
    told = command("submissions", "--out", root)
    assert told.exit_code == 0, told.output
    assert "broken: it has no manifest.json" in told.output
    assert (root / "ledger.csv").exists()
    figures = json.loads(command("submissions", "--out", root, "--json").output)
    assert [row["name"] for row in figures["submissions"]] == ["first", "broken"]
