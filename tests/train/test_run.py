from datetime import UTC, datetime
from pathlib import Path

import pytest

from lsdc.config import load_settings
from lsdc.errors import ConfigError, DataError, StorageError
from lsdc.files import read_json, write_json
from lsdc.runs import RESULTS, FoldFolder
from lsdc.train.run import open_run
from lsdc.train.stages import stage
from tests.builders import write_competition


def settings(*overrides):
    return load_settings("configs/phantom.yaml", overrides)


def test_a_run_is_met_again_and_never_mixed(tmp_path):
    data = write_competition(tmp_path / "data")
    run = open_run(tmp_path / "run", settings(), data, config=Path("configs/phantom.yaml"), overrides=("seed=2024",))
    assert load_settings(run.config) == settings()
    known = read_json(run.environment)
    assert known["packages"]["torch"]
    assert known["data"]["folder"] == str(data)
    assert known["config"] == {"file": "configs/phantom.yaml", "set": ["seed=2024"]}
    assert datetime.fromisoformat(known["begun"]).tzinfo is UTC
    open_run(tmp_path / "run", settings("compute.batch_size=3", "evaluation.bootstrap=9"), data)
    with pytest.raises(ConfigError, match=r"made with other settings(.|\n)*detector.epochs: \d+ -> 77(.|\n)*RUN="):
        open_run(tmp_path / "run", settings("detector.epochs=77"), data)
    with pytest.raises(ConfigError, match="other csv files"):
        open_run(tmp_path / "run", settings(), write_competition(tmp_path / "other", studies=(1, 2, 3)))


def test_other_weights_under_the_same_name_are_another_run(tmp_path):
    data, start = write_competition(tmp_path / "data"), tmp_path / "start.safetensors"
    start.write_bytes(b"one")
    words = (f"classifier.weights={start}", "classifier.network=resnet18")
    run = open_run(tmp_path / "run", settings(*words), data)
    open_run(tmp_path / "run", settings(*words), data)
    start.write_bytes(b"two")
    with pytest.raises(ConfigError, match=r"classifier\.weights: another file of that name"):
        open_run(tmp_path / "run", settings(*words), data)
    told = read_json(run.environment)
    del told["data"]["starting_weights"]  # a run from before they were recorded
    write_json(run.environment, told)
    open_run(tmp_path / "run", settings(*words), data)


def test_no_room_is_said_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr("lsdc.train.run.RUN_GIGABYTES", 10.0**9)
    with pytest.raises(StorageError, match=r"not enough free disk for a run(.|\n)*LSDC_RUNS"):
        open_run(tmp_path / "run", settings(), write_competition(tmp_path / "data"))
    assert not (tmp_path / "run").exists()


def test_a_stage_done_anew_takes_later_results_with_it(tmp_path):
    here = FoldFolder(tmp_path / "fold0")
    files = [*(getattr(here, name) for name in RESULTS["locate"]), here.predictions, here.priors]
    folders = [here.detector, here.classifier, here.path / "classifier.training"]
    for path in files + folders:
        path.parent.mkdir(exist_ok=True)
        path.mkdir() if path in folders else path.touch()
    with stage(here, "locate") as missing:
        assert not missing
    here.locations.unlink()
    with pytest.raises(DataError):
        _fail(here, "locate")
    assert not here.stages.exists()
    others = {f"{name}.csv" for name in RESULTS["locate"]} - {"locations.csv"}
    assert {path.name for path in here.path.iterdir()} == {"detector", "priors.csv", *others}
    with stage(here, "locate") as missing:
        here.locations.touch()
    assert list(read_json(here.stages)) == ["locate"]


def test_a_damaged_record_of_stages_ends_no_training(tmp_path, caplog):
    here = FoldFolder(tmp_path / "fold0")
    here.path.mkdir()
    here.stages.write_text('{"train the detector": 7}')
    with stage(here, "predict"):
        pass
    assert list(here.stage_records()) == ["predict"]
    assert "begun anew: this is no record of a fold's stages" in caplog.text


def _fail(here: FoldFolder, name: str) -> None:
    with stage(here, name) as missing:
        assert missing
        raise DataError("nothing found")
