"""Whether the score that an evaluation left is still of the predictions that are there."""

import pytest

from lsdc.errors import StorageError
from lsdc.evaluate.last_score import read_last_score
from lsdc.files import file_hash, write_json, write_text
from lsdc.runs import RunFolder

FIGURES = {"scores": [{"name": "model", "total": 0.4, "intervals": {"total": [0.3, 0.5]}}], "folds": [1],
           "studies": 9, "phantom": True}


def test_fresh_while_the_predictions_are_the_same(tmp_path):
    run = RunFolder(tmp_path)
    assert read_last_score(run) is None
    write_text(run.fold(1).predictions, "first")
    write_json(run.evaluation, FIGURES | {"predictions": {"fold1": file_hash(run.fold(1).predictions)}})
    told = read_last_score(run)
    assert told.fresh
    assert (told.score["total"], told.score["interval"], told.score["priors"]) == (0.4, [0.3, 0.5], None)
    write_text(run.fold(1).predictions, "anew")
    assert not read_last_score(run).fresh


def test_an_older_evaluation_names_its_folds_only(tmp_path):
    run = RunFolder(tmp_path)
    write_text(run.fold(1).predictions, "first")
    write_json(run.evaluation, FIGURES)
    assert read_last_score(run).fresh
    write_text(run.fold(3).predictions, "another")
    assert not read_last_score(run).fresh


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"scores": []}'])
def test_a_damaged_evaluation(tmp_path, content):
    run = RunFolder(tmp_path)
    write_text(run.evaluation, content)
    with pytest.raises(StorageError):
        read_last_score(run)
