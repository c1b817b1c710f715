import shutil

import pytest

from lsdc.config import load_settings
from lsdc.errors import ConfigError, DataError, StorageError
from lsdc.files import read_json, write_json
from lsdc.runs import RESULTS, FoldFolder, RunFolder
from lsdc.tables import FOLDS
from lsdc.train.run import open_run
from lsdc.train.share import SHARED, share_locations
from tests.builders import write_competition

STUDIES = (1001, 1002)


@pytest.fixture
def data(tmp_path):
    return write_competition(tmp_path / "data", studies=STUDIES)


def open_it(tmp_path, data, name, *overrides) -> RunFolder:
    return open_run(tmp_path / name, load_settings("configs/smoke.yaml", overrides), data)


def write_located(run: RunFolder, fold: int = 0) -> FoldFolder:
    """A located and graded fold of which each file holds its own name."""
    FOLDS.write(FOLDS.frame([{"study_id": study, "fold": study % 2} for study in STUDIES]), run.folds)
    here = run.fold(fold)
    for folder in (here.detector, here.classifier):
        folder.mkdir(parents=True)
        (folder / "model").write_text(folder.name)
    for name in SHARED:
        if (path := getattr(here, name)) != here.detector:
            path.write_text(name)
    here.predictions.write_text("own")
    write_json(here.stages, {stage: {"seconds": 7.5, "commit": "abc"} for stage in RESULTS})
    return here


@pytest.fixture
def source(tmp_path, data):
    run = open_it(tmp_path, data, "source")
    write_located(run)
    return run


def test_the_places_are_copied_and_nothing_of_the_classifier(tmp_path, data, source):
    run = open_it(tmp_path, data, "other", "training.epochs=9", "classifier.head=softmax", "compute.batch_size=3")
    here = share_locations(source, run, 0)
    assert here == run.fold(0)
    assert {path.name for path in here.path.iterdir()} == {
        "detector", "stages.json", *(f"{name}.csv" for name in SHARED if name != "detector")}
    assert [stage for stage in RESULTS if here.done(stage)] == ["train the detector", "locate"]
    for name in SHARED[2:]:
        assert getattr(here, name).read_text() == name
    assert (here.detector / "model").read_text() == "detector"
    assert run.folds.read_bytes() == source.folds.read_bytes()
    assert read_json(here.stages) == {stage: {"seconds": 7.5, "commit": "abc", "taken_from": "source"}
                                      for stage in ("train the detector", "locate")}


def test_what_was_copied_is_left_alone_and_what_differs_is_refused(tmp_path, data, source):
    run = open_it(tmp_path, data, "other")
    here = share_locations(source, run, 0)
    here.predictions.write_text("its own")
    before = {path: path.stat().st_mtime_ns for path in here.path.rglob("*")}
    share_locations(source, run, 0)
    assert {path: path.stat().st_mtime_ns for path in here.path.rglob("*")} == before
    (source.fold(0).detector / "model").write_text("trained anew")
    here.levels.unlink()
    with pytest.raises(ConfigError, match=r"other places(.|\n)*not there: detector, levels(.|\n)*remove this"):
        share_locations(source, run, 0)
    shutil.rmtree(here.path)
    assert (share_locations(source, run, 0).detector / "model").read_text() == "trained anew"


@pytest.mark.parametrize(("override", "said"), [
    ("detector.epochs=3", "detector.epochs: 24 -> 3"),
    ("folds.tuning_share=0.3", "folds.tuning_share: 0.2 -> 0.3"),
    ("seed=8", "seed: 2024 -> 8"),
])
def test_other_settings_of_the_detector_are_refused(tmp_path, data, source, override, said):
    run = open_it(tmp_path, data, "other", override)
    with pytest.raises(ConfigError, match=said):
        share_locations(source, run, 0)
    assert not run.fold(0).path.exists()
    assert not run.folds.exists()


def test_other_data_and_other_folds_are_refused(tmp_path, data, source):
    other = open_it(tmp_path, write_competition(tmp_path / "more", studies=(*STUDIES, 1003)), "other")
    with pytest.raises(ConfigError, match=r"data: .*data -> .*more \(other csv files\)"):
        share_locations(source, other, 0)
    run = open_it(tmp_path, data, "own_folds")
    FOLDS.write(FOLDS.frame([{"study_id": study, "fold": 1 - study % 2} for study in STUDIES]), run.folds)
    with pytest.raises(ConfigError, match=r"folds.csv: other folds"):
        share_locations(source, run, 0)
    assert not run.fold(0).path.exists()


def test_a_fold_that_is_not_located_whole_gives_nothing(tmp_path, data, source):
    run = open_it(tmp_path, data, "other")
    source.fold(0).box_matches.unlink()
    with pytest.raises(DataError, match=r"not located\n  wanted: box_matches(.|\n)*train-detector FOLD=0"):
        share_locations(source, run, 0)
    assert not run.fold(0).path.exists()


def test_a_copy_that_fails_leaves_no_fold_behind(tmp_path, data, source, monkeypatch):
    run = open_it(tmp_path, data, "other")

    def full(path, to):
        if path.name == "locations.csv":
            raise OSError(28, "No space left on device")
        to.mkdir() if path.is_dir() else to.touch()

    monkeypatch.setattr("lsdc.train.share._copy", full)
    with pytest.raises(StorageError, match="the disk is full"):
        share_locations(source, run, 0)
    assert {path.name for path in run.path.iterdir()} == {"config.yaml", "environment.json", "folds.csv"}
