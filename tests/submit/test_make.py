"""Submissions from made-up folds: a network that answers by the fold's number stands in for the trained ones."""

from types import SimpleNamespace

import numpy as np
import pytest

from lsdc.competition import open_folder
from lsdc.errors import DataError, TableError
from lsdc.files import file_hash, read_json, write_json
from lsdc.runs import RunFolder
from lsdc.submit import FoldModel, make_submission
from lsdc.tables import PREDICTIONS, SUBMISSION
from lsdc.taxonomy import TARGETS, row_id
from tests.builders import write_competition
from tests.submit.bare import COMPUTE, bare_run, here


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return open_folder(write_competition(tmp_path_factory.mktemp("data") / "competition", test_studies=(2001, 2002)))


@pytest.fixture
def run(tmp_path, monkeypatch) -> RunFolder:
    """Folds 0 and 2 are finished. Fold f says (.5 + f/10, .5 - f/10, 0); neither knows the first target of 2002."""
    monkeypatch.setenv("LSDC_CACHE", str(tmp_path / "cache"))
    run = bare_run(tmp_path / "mine", (0, 1, 2))
    run.fold(0).predictions.touch()
    run.fold(2).predictions.touch()

    def load(here, device, *_):
        def rows(study, **_):
            return PREDICTIONS.frame([
                {"row_id": row_id(study.study_id, target), "normal_mild": 0.5 + here.number / 10,
                 "moderate": 0.5 - here.number / 10, "severe": 0.0, "fold": here.number, "model": "made up",
                 "fallback": "no place" if (study.study_id, target) == (2002, TARGETS[0]) else None}
                for target in TARGETS])
        return SimpleNamespace(rows=rows)

    monkeypatch.setattr(FoldModel, "load", load)
    return run


def inside(out) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_the_mean_of_the_finished_folds_in_the_order_of_the_sample(folder, run, tmp_path):
    make_submission(folder, run, COMPUTE, tmp_path / "out" / "first", hire=here)
    table = SUBMISSION.read(tmp_path / "out" / "first" / "submission.csv")
    assert table.row_id.tolist() == folder.sample
    # plain: (2/3, 1/3, 0) and (14/17, 3/17, 0); their mean times (1, 2, 4)
    assert table[["normal_mild", "moderate", "severe"]].to_numpy() == pytest.approx(
        np.tile([0.59375, 0.40625, 0], (50, 1)))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["first"]


def test_the_manifest_traces_a_submission(folder, run, tmp_path, monkeypatch):
    monkeypatch.setattr("lsdc.submit.make.commit", lambda: "0123456789ab+changes")
    out = tmp_path / "first"
    told = make_submission(folder, run, COMPUTE, out, hire=here)
    assert told == read_json(out / "manifest.json")
    wanted = {"run": "mine", "folds": [0, 2], "data": "competition", "studies": 2, "rows": 50, "fallback_rows": 1,
              "fallbacks": {"no place": 1}, "fallback_studies": {"no place": ["2002"]}, "out_of_fold": None,
              "commit": "0123456789ab+changes", "config_sha256": file_hash(run.config),
              "submission_sha256": file_hash(out / "submission.csv")}
    assert {key: told[key] for key in wanted} == wanted


def test_the_manifest_names_the_last_score(folder, run, tmp_path):
    scores = [{"name": "model", "total": 0.4, "intervals": {"total": [0.3, 0.5]}}, {"name": "priors", "total": 0.8}]
    write_json(run.evaluation, {"scores": scores, "share_of_way": None, "folds": [0, 2], "studies": 9,
                                "phantom": False})
    assert make_submission(folder, run, COMPUTE, tmp_path / "first", hire=here)["out_of_fold"] == {
        "total": 0.4, "interval": [0.3, 0.5], "priors": 0.8, "floor": None, "share_of_way": None, "folds": [0, 2],
        "studies": 9, "phantom": False}


def test_a_name_is_not_used_twice_unasked(folder, run, tmp_path, monkeypatch):
    out = tmp_path / "first"
    make_submission(folder, run, COMPUTE, out, hire=here)
    (out / "notes.txt").touch()
    before = inside(out)
    with monkeypatch.context() as patch:
        patch.setattr(FoldModel, "load", None)  # refused before anything is loaded
        with pytest.raises(DataError, match=r"of this name(.|\n)*REPLACE=1"):
            make_submission(folder, run, COMPUTE, out, hire=here)
    assert inside(out) == before
    run.fold(2).predictions.unlink()
    assert make_submission(folder, run, COMPUTE, out, replace=True, hire=here)["folds"] == [0]
    assert set(inside(out)) == {"submission.csv", "manifest.json"}
    assert SUBMISSION.read(out / "submission.csv").normal_mild.unique() == pytest.approx([0.5])


@pytest.mark.parametrize("writer", ["write_submission", "write_manifest"])
def test_nothing_is_half_written_when_a_writer_fails(folder, run, tmp_path, monkeypatch, writer):
    def fail(*_, **__):
        raise TableError("this is not a valid submission")

    make_submission(folder, run, COMPUTE, tmp_path / "out" / "first", hire=here)
    before = inside(tmp_path / "out" / "first")
    monkeypatch.setattr(f"lsdc.submit.make.{writer}", fail)
    for name, replace in (("first", True), ("second", False)):
        with pytest.raises(TableError, match="not a valid submission"):
            make_submission(folder, run, COMPUTE, tmp_path / "out" / name, replace=replace, hire=here)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["first"]
    assert inside(tmp_path / "out" / "first") == before


def test_a_run_without_a_finished_fold(folder, run, tmp_path):
    for fold in run.finished_folds():
        fold.predictions.unlink()
    with pytest.raises(DataError, match="no finished fold"):
        make_submission(folder, run, COMPUTE, tmp_path / "first", hire=here)
    assert not (tmp_path / "first").exists()


@pytest.mark.parametrize("spoil", ["predicted anew", "a fold more"])
def test_a_score_of_other_predictions_is_not_named(folder, run, tmp_path, caplog, spoil):
    scores = [{"name": "model", "total": 0.4, "intervals": {"total": [0.3, 0.5]}}, {"name": "priors", "total": 0.8}]
    write_json(run.evaluation, {
        "scores": scores, "share_of_way": None, "folds": [0, 2], "studies": 9, "phantom": False,
        "predictions": {f"fold{fold}": file_hash(run.fold(fold).predictions) for fold in (0, 2)}})
    assert make_submission(folder, run, COMPUTE, tmp_path / "first", hire=here)["out_of_fold"]["total"] == 0.4
    run.fold(2 if spoil == "predicted anew" else 1).predictions.write_text("others\n")
    assert make_submission(folder, run, COMPUTE, tmp_path / "second", hire=here)["out_of_fold"] is None
    assert "it is of other predictions than those that are there (make evaluate)" in caplog.text
