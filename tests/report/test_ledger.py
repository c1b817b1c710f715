import pandas as pd
import pytest

from lsdc.errors import TableError
from lsdc.files import write_json
from lsdc.report.ledger import FIELDS, read_ledger, text_of_ledger, write_ledger

OF_RUN = {"made": "2024-10-02T10:00:00+00:00", "run": "mine", "folds": [0, 2], "rows": 50, "fallback_rows": 1,
          "out_of_fold": {"total": 0.4, "interval": [0.3, 0.5]}, "config_sha256": "c" * 64, "commit": "0123456789ab"}
OF_BLEND = {"made": "2024-10-01T10:00:00+00:00", "rows": 50, "fallback_rows": 0, "out_of_fold": None, "commit": None,
            "blend": {"sha256": "b" * 64, "runs": [{"run": "mine", "folds": [0]}, {"run": "other", "folds": [0, 1]}]}}


@pytest.fixture
def root(tmp_path):
    write_json(tmp_path / "first" / "manifest.json", OF_RUN)
    write_json(tmp_path / "both" / "manifest.json", OF_BLEND)
    (tmp_path / "README.md").touch()
    return tmp_path


def test_a_line_for_each_submission_the_oldest_first(root):
    rows, notes = read_ledger(root)
    assert notes == []
    blend, run = rows
    assert set(run) == set(FIELDS)
    assert (run["name"], run["models"], run["score"], run["low"], run["high"]) == (
        "first", "mine (folds 0, 2)", 0.4, 0.3, 0.5)
    assert (run["fallback_share"], run["config"], run["commit"], run["fault"]) == (0.02, "c" * 12, "0123456789ab", None)
    assert (blend["name"], blend["models"], blend["score"], blend["config"]) == (
        "both", "mine (fold 0) + other (folds 0, 1)", None, "b" * 12)
    text = text_of_ledger(rows, notes)
    assert "2024-10-02  first" in text
    assert "0.3000 to 0.5000" in text
    assert "2.0 %" in text


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda file: file.write_text("{"), "its manifest cannot be read"),
    (lambda file: file.unlink(), "it has no manifest.json"),
    (lambda file: write_json(file, {"made": "today"}), "its manifest is damaged: KeyError"),
    (lambda file: write_json(file, [1]), "its manifest cannot be read"),
    (lambda file: write_json(file, OF_RUN | {"rows": 0}), "its manifest is damaged: ZeroDivision"),
])
def test_a_damaged_manifest_is_a_line_that_says_so(root, spoil, message):
    spoil(root / "first" / "manifest.json")
    rows, notes = read_ledger(root)
    assert [row["name"] for row in rows] == ["both", "first"]
    assert message in rows[1]["fault"]
    assert f"first: {rows[1]['fault']}" in text_of_ledger(rows, notes)
    assert "damaged" in text_of_ledger(rows, notes)


def test_leaderboard_scores_are_typed_by_hand_and_kept(root):
    board = root / "leaderboard.csv"
    board.write_text("name,public,private\nfirst,0.42,\ngone,0.5,0.5\n")
    rows, notes = read_ledger(root)
    assert (rows[1]["public"], rows[1]["private"], rows[0]["public"]) == (0.42, None, None)
    assert notes == ["leaderboard.csv names gone, which is no submission here"]
    write_ledger(root, rows)
    assert board.read_text() == "name,public,private\nfirst,0.42,\ngone,0.5,0.5\n"
    table = pd.read_csv(root / "ledger.csv")
    assert table.columns.tolist() == list(FIELDS)
    assert table["public"].tolist()[1] == 0.42
    board.write_text("name,public\nfirst,good\n")
    with pytest.raises(TableError, match=r"leaderboard(.|\n)*columns missing: private(.|\n)*public: 1 values"):
        read_ledger(root)


def test_no_submissions(tmp_path):
    assert read_ledger(tmp_path / "nowhere") == ([], [])
