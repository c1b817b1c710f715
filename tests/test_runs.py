from pathlib import Path

import pytest

from lsdc.errors import DataError, StorageError
from lsdc.files import write_json
from lsdc.runs import RESULTS, FoldFolder, RunFolder


@pytest.fixture
def whole(tmp_path) -> FoldFolder:
    """A fold with the results of every stage, priors, a begun classifier beside the finished one, and stages.json."""
    here = FoldFolder(tmp_path / "fold3")
    for path in (here.detector, here.classifier, here.path / "classifier.training"):
        path.mkdir(parents=True)
        (path / "weights").touch()
    for path in (*(getattr(here, name) for name in RESULTS["locate"]), here.predictions, here.priors, here.stages):
        path.touch()
    return here


def names(here: FoldFolder) -> set[str]:
    return {path.name for path in here.path.iterdir()}


def test_a_fold_knows_its_number():
    assert RunFolder(Path("run")).fold(12) == FoldFolder(Path("run/fold12"))
    assert FoldFolder(Path("run/fold12")).number == 12


def test_a_stage_is_done_when_all_its_results_are_there(whole):
    assert all(whole.done(stage) for stage in RESULTS)
    whole.tuning_locations.unlink()
    assert [stage for stage in RESULTS if not whole.done(stage)] == ["locate"]


@pytest.mark.parametrize(("stage", "gone"), [
    ("train the detector", {f"{name}.csv" for name in RESULTS["locate"]} | {"classifier", "classifier.training",
                                                                            "predictions.csv"}),
    ("locate", {"classifier", "classifier.training", "predictions.csv"}),
    ("train the classifier", {"predictions.csv"}),
    ("predict", set()),
])
def test_results_of_later_stages_are_discarded(whole, stage, gone):
    before = names(whole)
    whole.discard_after(stage)
    assert before - names(whole) == gone
    whole.discard_after(stage)  # nothing left to discard is no error
    assert whole.done(stage)


def test_finished_folds_are_those_with_predictions_in_order_of_number(tmp_path):
    run = RunFolder(tmp_path)
    with pytest.raises(DataError, match=r"no finished fold(.|\n)*make train-fold"):
        run.finished_folds()
    for name in ("fold10", "fold2", "fold3", "fold4 (copy)", "folds"):
        (tmp_path / name).mkdir()
        if name != "fold3":
            (tmp_path / name / "predictions.csv").touch()
    assert [fold.number for fold in run.finished_folds()] == [2, 10]
    assert run.finished_folds()[0] == run.fold(2)


def test_a_fold_is_located_before_it_is_finished(tmp_path):
    run = RunFolder(tmp_path)
    with pytest.raises(DataError, match=r"no located fold(.|\n)*fold\*/locations.csv"):
        run.located_folds()
    for name in ("fold1", "fold0"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "locations.csv").touch()
    assert run.located_folds() == [run.fold(0), run.fold(1)]
    with pytest.raises(DataError, match="no finished fold"):
        run.finished_folds()


def test_what_a_run_was_made_with(tmp_path):
    run = RunFolder(tmp_path)
    with pytest.raises(DataError, match=r"missing or damaged(.|\n)*data: folder, fingerprint(.|\n)*RUN=name"):
        run.data()
    for damaged in ("{", "[]", '{"data": null}', '{"data": {"folder": "x"}}'):
        run.environment.write_text(damaged)
        with pytest.raises(DataError, match="missing or damaged"):
            run.data()


def test_records_of_stages(tmp_path):
    fold = RunFolder(tmp_path).fold(0)
    assert fold.stage_records() == {}
    write_json(fold.stages, {"locate": {"seconds": 3, "commit": None}, "predict": {"taken_from": "another"}})
    assert set(fold.stage_records()) == {"locate", "predict"}
    for damaged in ("x", {"seconds": "3"}, {"seconds": -1}, {"seconds": float("nan")}, {"seconds": 10**40}):
        write_json(fold.stages, {"locate": damaged, "predict": {}})
        with pytest.raises(StorageError, match=r"no record of a fold's stages(.|\n)*got:    locate\n(.|\n)*remove it"):
            fold.stage_records()


def test_what_a_whole_run_was_made_with(tmp_path):
    run = RunFolder(tmp_path)
    write_json(run.environment, {"data": {"folder": "x", "fingerprint": "y"}})
    assert run.data() == {"folder": "x", "fingerprint": "y"}
    write_json(run.environment, {"data": {"folder": ["x"], "fingerprint": "y"}})
    with pytest.raises(DataError, match="is missing or damaged"):
        run.data()
