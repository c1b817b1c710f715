import json

import pytest
import torch
from safetensors.torch import save_file

from lsdc.errors import WeightsError
from lsdc.grade.artefact import Classifier, load_classifier, save_classifier
from lsdc.grade.model import build_model


@pytest.fixture
def saved(settings, tmp_path):
    chosen = settings()
    model = build_model(chosen.classifier, chosen.crops)
    save_classifier(Classifier(model, chosen.classifier, chosen.crops, 1), tmp_path / "classifier", note="hello")
    return tmp_path / "classifier"


def rewrite(folder, **changes):
    path = folder / "classifier.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_the_description_tells_what_the_reader_needs(saved):
    told = json.loads((saved / "classifier.json").read_text())
    assert told["note"] == "hello"
    assert told["classifier"]["metric_weights"] == "in_loss"
    assert len(told["targets"]) == 25


@pytest.mark.parametrize("name", ["classifier.json", "classifier.safetensors"])
def test_a_missing_file(saved, name):
    (saved / name).unlink()
    with pytest.raises(WeightsError, match=f"(?s)not there, or not whole.*{name}"):
        load_classifier(saved)


def test_other_weights_than_described(saved):
    save_file({"a": torch.zeros(3)}, saved / "classifier.safetensors")
    with pytest.raises(WeightsError, match="not those that the description was written for"):
        load_classifier(saved)


def test_weights_of_another_network(saved):
    told = json.loads((saved / "classifier.json").read_text())["classifier"]
    rewrite(saved, classifier=told | {"network": "test_efficientnet"})
    with pytest.raises(WeightsError, match=r"(?s)of another network\n  wanted: test_efficientnet"):
        load_classifier(saved)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"classifier": {"network": 3}}'])
def test_a_description_that_cannot_be_read(saved, text):
    (saved / "classifier.json").write_text(text)
    with pytest.raises(WeightsError, match="description cannot be read"):
        load_classifier(saved)


@pytest.mark.parametrize("changes", [
    {"fold": float("inf")}, {"fold": None}, {"crops": {"size_px": 10**9}}, {"targets": 3}])
def test_a_description_with_values_that_nothing_can_have(saved, changes):
    rewrite(saved, **changes)
    with pytest.raises(WeightsError, match=r"description cannot be read|of another version"):
        load_classifier(saved)


def test_another_format(saved):
    rewrite(saved, format=99)
    with pytest.raises(WeightsError, match="of another version"):
        load_classifier(saved)
