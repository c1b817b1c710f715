"""`lsdc evaluate --locations` on a run that is located and not yet graded."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lsdc.cli.commands import lsdc
from lsdc.config import load_settings
from lsdc.files import read_json
from lsdc.runs import RunFolder
from lsdc.tables import BOX_MATCHES, FOLDS, LEVELS, LOCATION_NOTES, LOCATIONS
from lsdc.taxonomy import TARGETS
from lsdc.train import open_run
from tests.builders import write_competition

STUDIES = (1001, 1002)


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    """Runs `mine` and `other` of one folder: canals on the annotated points, and 3 mm beside them in y."""
    data = write_competition(tmp_path / "data", studies=STUDIES)
    monkeypatch.setenv("LSDC_RUNS", str(tmp_path / "runs"))
    settings = load_settings("configs/phantom.yaml", ["evaluation.bootstrap=50"])
    for name, off_mm in (("mine", 0.0), ("other", 3.0)):
        run = open_run(tmp_path / "runs" / name, settings, data)
        FOLDS.write(FOLDS.frame([{"study_id": study, "fold": study % 2} for study in STUDIES]), run.folds)
        for study in STUDIES:
            rows = [{"study_id": study, "condition": t.condition, "side": t.side, "level": t.level,
                     "series_id": study * 10 + 2, "slice_index": 1, "x_px": 3.5 + i % 5 + off_mm, "y_px": 2.25 + i % 7,
                     "x_mm": 4.0, "y_mm": 3.5 + i % 5 + off_mm, "z_mm": -2.25 - i % 7, "confidence": 0.9,
                     "found_by": "geometry", "fold": study % 2} for i, t in enumerate(TARGETS)]
            here = run.fold(study % 2)
            LOCATIONS.write(LOCATIONS.frame(rows), here.locations)
            for table, path in ((BOX_MATCHES, here.box_matches), (LEVELS, here.levels),
                                (LOCATION_NOTES, here.location_notes)):
                table.write(table.empty(), path)
    return tmp_path / "runs"


def command(*words):
    return CliRunner().invoke(lsdc, ["evaluate", *map(str, words)])


def test_tables_json_and_picture(runs, tmp_path):
    told = command("--run", "mine", "--locations", "--beside", "other", "--picture", tmp_path / "worst.png")
    assert told.exit_code == 0, told.output
    assert "mine minus other, paired, against annotated points" in told.output
    assert (tmp_path / "worst.png").stat().st_size > 10_000
    saved = read_json(RunFolder(runs / "mine").locations_evaluation)
    every = [run["rows"][0] for run in saved["against"][0]["runs"]]
    assert [row["n"] for row in every] == [10, 10]
    assert [row["median_mm"] for row in every] == [0, 3]
    as_json = command("--run", "mine", "--locations", "--json")
    figures = json.loads(as_json.stdout)
    assert figures == read_json(RunFolder(runs / "mine").locations_evaluation)
    assert figures["beside"] == []
    assert not RunFolder(runs / "mine").evaluation.exists()


@pytest.mark.parametrize(("words", "message"), [
    (("--run", "mine", "--beside", "other"), "--beside and --picture go with --locations"),
    (("--run", "mine", "--picture", "worst.png"), "--beside and --picture go with --locations"),
    (("--run", "mine", "--locations", "--picture", "worst.pdf"), "wanted the name of a .png file"),
])
def test_options_that_do_not_go_together(runs, words, message):
    told = command(*words)
    assert told.exit_code == 2
    assert message in told.output


def test_a_run_that_is_not_there_or_not_located_is_named(runs):
    assert "this run does not exist" in str(command("--run", "mine", "--locations", "--beside", "third").exception)
    for fold in RunFolder(runs / "other").located_folds():
        fold.locations.unlink()
    assert "no located fold" in str(command("--run", "other", "--locations").exception)
