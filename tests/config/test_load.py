import os
from pathlib import Path

import pydantic
import pytest
import yaml

from lsdc.config import differences, dump_settings, load_settings
from lsdc.config.sections import Settings
from lsdc.errors import ConfigError

CONFIGS = sorted(set(Path("configs").glob("*.yaml")) - {Path("configs/ablation.yaml")})  # that one holds variants
DEFAULT = Path("configs/phantom.yaml")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_is_complete_and_opens_with_its_lab_record(path, tmp_path):
    settings = load_settings(path)
    assert path.read_text().startswith("# Lab record")
    (tmp_path / "again.yaml").write_text(dump_settings(settings))
    assert load_settings(tmp_path / "again.yaml") == settings


def test_no_setting_has_a_default():
    def walk(model, place=""):
        for name, field in model.model_fields.items():
            assert field.is_required(), f"{place}{name}"
            if isinstance(field.annotation, type) and issubclass(field.annotation, pydantic.BaseModel):
                walk(field.annotation, f"{place}{name}.")

    walk(Settings)


def test_overrides_and_differences():
    settings = load_settings(DEFAULT, ["detector.epochs=3", "crops.size_mm=null", "classifier.network=deepscorenet"])
    assert settings.detector.epochs == 3
    assert settings.crops.size_mm is None
    changed = differences(load_settings(DEFAULT), settings)
    assert any(line.startswith("detector.epochs: ") and line.endswith(" -> 3") for line in changed)
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        settings.seed = 3


def test_all_faults_at_once_with_file_and_key(tmp_path):
    values = yaml.safe_load(DEFAULT.read_text())
    values["detector"]["epoch"] = values["detector"].pop("epochs")
    values["crops"]["slices"] = 4
    del values["evaluation"]
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError) as caught:
        load_settings(path, ["training.loss=hinge", "folds"])
    text = str(caught.value)
    for line in ("6 settings", "detector.epoch: unknown key (did you mean epochs?)", "detector.epochs: missing",
                 "crops.slices: must be odd", "evaluation: missing", "training.loss: Input should be",
                 "--set folds: wanted key=value", str(path)):
        assert line in text


@pytest.mark.parametrize(("text", "message"), [
    ("a: [", "not valid yaml"),
    ("seed: 1\nseed: 2\n", "key given twice: seed"),
    ("- 1\n", "holds no settings"),
    ("", "holds no settings"),
    ("a: &a [1]\nb: *a\n", "line 2: an alias"),
    ("seed: 2001-99-99\n", "not valid yaml"),
    ("seed: !!int x\n", "not valid yaml"),
    ("seed: !!bool x\n", "not valid yaml"),
    ("seed: !!timestamp z\n", "not valid yaml"),
    ("seed: " + "9" * 5000 + "\n", "not valid yaml"),
    ("seed: " + "[" * 3000, "it goes very deep"),
    ("seed: 0x" + "f" * 5000, "line 1: a number of more than 64 bits"),
    ("a: 1\n? [b]\n: 2\n", "not valid yaml"),
])
def test_files_that_are_no_config(tmp_path, text, message):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_settings(tmp_path / "c.yaml")


@pytest.mark.parametrize("value", ["2001-99-99", "!!int x", "[" * 3000, "&a [*a]", "0x" + "f" * 5000])
def test_values_on_the_command_line_that_are_no_yaml(value):
    with pytest.raises(ConfigError, match=r"--set seed=.*: value is not yaml"):
        load_settings(Path("configs/smoke.yaml"), [f"seed={value}"])


def test_a_pipe_is_no_config(tmp_path):
    os.mkfifo(tmp_path / "c.yaml")
    with pytest.raises(ConfigError, match="no file, but a pipe or a device"):
        load_settings(tmp_path / "c.yaml")


def test_a_missing_file_names_what_to_do():
    with pytest.raises(ConfigError, match=r"cannot be read(.|\n)*configs/\*\.yaml"):
        load_settings(Path("configs/none.yaml"))
