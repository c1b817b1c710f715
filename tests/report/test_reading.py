import json
import os
import shutil

import pytest

from lsdc.files import read_json, write_json
from lsdc.report.reading import read_run
from lsdc.report.runs_rows import rows_of, warnings_of
from lsdc.report.runs_text import text_of_runs
from lsdc.report.summary import summary_of
from lsdc.runs import RunFolder
from tests.report.runs import MINUTES, evaluation, write_fold, write_run


def test_what_a_run_says(tmp_path):
    reading = read_run(write_run(tmp_path, "one", located=(0, 1, 2)))
    assert (reading.name, reading.state, reading.notes) == ("one", "scored", ())
    assert (reading.located, reading.finished, reading.scored_studies) == ((0, 1, 2), (0, 1), (11, 12, 14, 15))
    assert reading.scored.score("model").total == 0.5
    assert reading.seconds == {stage: 60 * minutes * (2 if "classifier" in stage or stage == "predict" else 3)
                               for stage, minutes in MINUTES.items()}
    assert reading.peak_memory_gb == 1.7
    assert reading.commits == ("aaaabbbbcccc", "ddddeeeeffff")


@pytest.mark.parametrize(("finished", "located", "state", "says"), [
    ((0, 1), None, "not evaluated", "make evaluate"),
    ((), (0,), "not graded", "make train-fold"),
    ((), (), "not located", "make train-fold"),
])
def test_a_run_without_an_evaluation_says_how_far_it_is(tmp_path, finished, located, state, says):
    reading = read_run(write_run(tmp_path, "one", finished=finished, located=located, evaluated=False))
    assert (reading.state, reading.scored, reading.scored_studies) == (state, None, ())
    assert len(reading.notes) == 1
    assert says in reading.notes[0]


def test_predictions_made_anew_make_the_evaluation_stale_and_a_copy_does_not(tmp_path):
    run = write_run(tmp_path, "one")
    copied = RunFolder(shutil.copytree(run.path, tmp_path / "copy", copy_function=shutil.copyfile))
    os.utime(copied.evaluation, ns=(0, 0))
    assert read_run(copied).state == "scored"
    run.fold(1).predictions.write_text("others\n")
    os.utime(run.fold(1).predictions, ns=(0, 0))
    reading = read_run(run)
    assert (reading.state, reading.scored) == ("stale", None)
    assert reading.notes == ("its evaluation is not of these predictions (predicted anew: fold 1): make evaluate",)


def test_a_fold_predicted_since_makes_the_evaluation_stale(tmp_path):
    run = write_run(tmp_path, "one")
    write_fold(run, 2)
    assert "it is of fold 0, 1; predicted: 0, 1, 2" in read_run(run).notes[0]
    for fold in (0, 1, 2):
        run.fold(fold).predictions.unlink()
    assert "it is of fold 0, 1; predicted: none" in read_run(run).notes[0]


def test_without_hashes_the_time_of_the_files_decides(tmp_path):
    run = write_run(tmp_path, "one")
    write_json(run.evaluation, evaluation(run, (0, 1)) | {"predictions": {}})
    assert read_run(run).state == "scored"
    os.utime(run.evaluation, ns=(0, 0))
    assert "predicted anew: fold 0, 1" in read_run(run).notes[0]


def test_seconds_are_unknown_where_a_fold_has_no_record(tmp_path):
    run = write_run(tmp_path, "one")
    stages = read_json(run.fold(1).stages)
    del stages["train the classifier"]
    write_json(run.fold(1).stages, stages)
    reading = read_run(run)
    assert reading.seconds["train the classifier"] is None
    assert reading.seconds["train the detector"] == 480


@pytest.mark.parametrize(("name", "content", "says"), [
    ("evaluation.json", "{", "evaluation.json cannot be read"),
    ("evaluation.json", "[]", "evaluation.json is damaged: as a whole"),
    ("evaluation.json", "{}", "evaluation.json is damaged: studies: Field required"),
    ("evaluation.json", None, "evaluation.json cannot be read"),
    ("environment.json", '{"data": {"folder": 3}}', "data.folder: Input should be a valid string"),
    ("environment.json", "", "environment.json cannot be read"),
    ("config.yaml", "a: [", "config.yaml cannot be read"),
    ("config.yaml", "- 1", "config.yaml cannot be read: it holds no settings"),
    ("folds.csv", "study_id,fold\n1,0\n1,1\n", "study 1 stands in it 2 times"),
    ("folds.csv", "study_id,fold\n1,0\n2,5\n", "evaluation.json is of fold 1, which folds.csv does not have"),
    ("folds.csv", b"\xff\xfe\x00", "folds.csv is damaged"),
])
def test_a_damaged_file_is_told_and_shows_no_score(tmp_path, name, content, says):
    run = write_run(tmp_path, "one")
    path = run.path / name
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    reading = read_run(run)
    assert (reading.state, reading.scored) == ("damaged", None)
    assert says in " ".join(reading.notes)
    all_of_it_works(run, says)


@pytest.mark.parametrize("name", ["config.yaml", "environment.json", "folds.csv"])
def test_a_missing_file_is_told(tmp_path, name):
    run = write_run(tmp_path, "one")
    (run.path / name).unlink()
    assert f"{name} is not there" in read_run(run).notes
    all_of_it_works(run, f"{name} is not there")


def test_a_number_that_is_not_finite_is_damage(tmp_path):
    run = write_run(tmp_path, "one")
    run.evaluation.write_text(run.evaluation.read_text().replace("0.875", "NaN"))
    assert "model_minus_priors.p_better" in read_run(run).notes[0]


def test_an_evaluation_without_priors_is_damage(tmp_path):
    run = write_run(tmp_path, "one")
    figures = read_json(run.evaluation)
    write_json(run.evaluation, figures | {"scores": figures["scores"][:1]})
    assert "no scores of priors" in read_run(run).notes[0]


def test_a_damaged_record_of_stages_leaves_the_score(tmp_path):
    run = write_run(tmp_path, "one")
    run.fold(1).stages.write_text('{"locate": 3}')
    reading = read_run(run)
    assert reading.state == "scored"
    assert reading.seconds == dict.fromkeys(MINUTES)
    assert "fold1/stages.json is damaged" in reading.notes[0]
    all_of_it_works(run, "fold1/stages.json is damaged")


def test_an_empty_folder_is_a_line(tmp_path):
    (tmp_path / "nothing").mkdir()
    all_of_it_works(RunFolder(tmp_path / "nothing"), "config.yaml is not there")


def all_of_it_works(run: RunFolder, says: str) -> None:
    """Rows, text, json and the page of a run tell what is wrong with it."""
    rows = rows_of([read_run(run)])
    assert says in text_of_runs(rows, warnings_of(rows))
    assert says in " ".join(json.loads(json.dumps(rows, allow_nan=False))[0]["notes"])
    assert says.split(":")[0] in summary_of(run)
