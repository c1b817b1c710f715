"""Every door through which a file comes in that a pickle could stand behind: it is refused, and nothing of it runs."""

import json
import os
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lsdc.config import load_settings
from lsdc.crops import open_store
from lsdc.detect import Detector
from lsdc.detect.launch import overrides, run_worker
from lsdc.detect.starting_weights import starting_weights
from lsdc.detect.train import check_weights
from lsdc.detect.training_state import read_state
from lsdc.dicom import SeriesStore
from lsdc.errors import ConfigError, LsdcError, WeightsError
from lsdc.files import file_hash
from lsdc.grade import train_classifier
from lsdc.grade.artefact import load_classifier
from lsdc.grade.timm_network import timm_trunk
from lsdc.report.reading import FileReader, _mapping
from lsdc.tensors import CodeRefusedError, read_tensors, tensors_of
from tests.builders import write_series
from tests.conftest import ROOT
from tests.detect.conftest import toy_folder, toy_settings  # noqa: F401 (fixtures)
from tests.grade.conftest import errors, folder, settings  # noqa: F401 (fixtures)
from tests.hostile.pickles import FORMS, Executes, calling
from tests.kernel.tiny_run import write_run


@pytest.fixture
def marker(tmp_path):
    """A folder that must not be there in the end; first it is seen that the files of FORMS do make one."""
    control = tmp_path / "made by the control"
    pickle.loads(pickle.dumps(Executes(control)))  # noqa: S301
    assert control.is_dir()
    yield (path := tmp_path / "executed")
    assert not path.exists()


@pytest.fixture(params=FORMS)
def hostile(request, marker):
    return lambda path: FORMS[request.param](path, marker)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors", "weights.npz"])
def test_weights_of_the_classifier(hostile, tmp_path, name):
    hostile(tmp_path / name)
    with pytest.raises(WeightsError, match=r"(?s)weights file cannot be read.*to do: .*source that you trust"):
        timm_trunk("test_resnet", in_chans=3, weights=tmp_path / name)


@pytest.mark.parametrize("name", ["yolov8n.pt", "yolov8n.safetensors"])
def test_starting_weights_of_the_detector(hostile, tmp_path, name, toy_settings):  # noqa: F811
    hostile(tmp_path / name)
    with pytest.raises(WeightsError, match=r"(?s)weights file cannot be read.*to do: .*detector\.weights"):
        check_weights(toy_settings.detector.model_copy(update={"weights": tmp_path / name}))


@pytest.mark.parametrize("named", ["os.system", "posix.system", "builtins.eval", "builtins.exec", "builtins.getattr",
                                   "subprocess.check_output", "torch.load", "torch.jit.load", "torch.hub.load",
                                   "torch.utils.cpp_extension.load_inline", "operator.attrgetter", "runpy.run_path"])
def test_nothing_is_called_by_its_name(tmp_path, named):
    calling(tmp_path / "net.pt", named, "1")
    for networks in (False, True):
        with pytest.raises(CodeRefusedError, match="(?s)without running code.*" + named.split(".")[-1]):
            read_tensors(tmp_path / "net.pt", networks=networks)


def test_classes_of_networks_are_inert_whatever_they_are_called_with(tmp_path, marker):
    """ultralytics evaluates the activation of a description; torch.nn.modules and numpy reach modules that call."""
    word = f"__import__('os').mkdir({str(marker)!r})"
    described = {"nc": 1, "scales": {"n": [0.3, 0.2, 64]}, "scale": "n", "activation": word, "backbone": [], "head": []}
    calling(tmp_path / "net.pt", "ultralytics.nn.tasks.DetectionModel", described)
    with pytest.raises(WeightsError, match="no starting weights of a detector"):
        starting_weights(tmp_path / "net.pt")
    calling(tmp_path / "net.pt", "numpy.testing._private.utils.runstring", word, {})
    with pytest.raises(WeightsError, match="no starting weights of a detector"):
        starting_weights(tmp_path / "net.pt")
    with pytest.raises(CodeRefusedError):
        read_tensors(tmp_path / "net.pt")


def test_a_file_that_contains_itself(tmp_path):
    loop: dict = {}
    loop["model"] = loop
    torch.save(loop, tmp_path / "loop.pt")
    with pytest.raises(WeightsError, match="contains itself"):
        tensors_of(read_tensors(tmp_path / "loop.pt"))


def test_a_training_of_the_classifier_that_goes_on(
    hostile, tmp_path, monkeypatch, folder, settings, errors,  # noqa: F811
):
    monkeypatch.setenv("LSDC_CACHE", str(tmp_path / "cache"))
    asked = {"fit_studies": (1001, 1002), "tuning_studies": (), "location_errors": errors, "settings": settings(),
             "fold": 0, "seed": 1, "out": tmp_path / "out"}
    (tmp_path / "out.training").mkdir()
    hostile(tmp_path / "out.training" / "last.ckpt")
    with pytest.raises(WeightsError, match=r"(?s)without running code.*last\.ckpt.*to do:  remove this folder"):
        train_classifier(folder, **asked)


def test_a_training_of_the_detector_that_goes_on(hostile, tmp_path):
    hostile(tmp_path / "state.pt")
    with pytest.raises(WeightsError, match=r"(?s)without running code.*state\.pt.*to do:  remove this file"):
        read_state(tmp_path / "state.pt")


def test_what_ultralytics_would_unpickle(tmp_path, marker, toy_settings):  # noqa: F811
    """A list of labels and a checkpoint of its own, both as it would find them, in a real worker."""
    (tmp_path / "run" / "weights").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    FORMS["zipped"](tmp_path / "run" / "weights" / "last.pt", marker)
    np.save(tmp_path / "data" / "labels", np.array({"hash": Executes(marker)}, dtype=object), allow_pickle=True)
    (tmp_path / "data" / "labels.npy").rename(tmp_path / "data" / "labels.cache")
    job = {"overrides": overrides(toy_settings.detector, toy_settings.compute, seed=1, device="cpu",
                                  data=tmp_path / "data.yaml", scratch=tmp_path),
           "weights": None, "brightness": 0, "threads": 1, "box_px": 8, "classes": 12, "export": str(tmp_path / "x"),
           "parent": os.getpid()}
    with pytest.raises(LsdcError, match=r"(?s)detector training failed.*data\.yaml"):
        run_worker(job, tmp_path)
    assert not (tmp_path / "data" / "labels.cache").exists()


def test_files_of_a_run_whose_hashes_fit(hostile, tmp_path):
    run = write_run(tmp_path / "run").fold(0)
    for place, weights, told in ((run.classifier, "classifier.safetensors", "classifier.json"),
                                 (run.detector, "detector.torchscript", "detector.json")):
        hostile(place / weights)
        record = json.loads((place / told).read_text())
        (place / told).write_text(json.dumps(record | {"sha256": file_hash(place / weights)}))
    with pytest.raises(WeightsError, match=r"(?s)weights are of another network.*to do: "):
        load_classifier(run.classifier)
    with pytest.raises(WeightsError, match=r"(?s)network cannot be read.*to do: |.*more than a network"):
        Detector.load(run.detector)


def test_a_stored_crop(tmp_path, marker, folder, settings):  # noqa: F811
    kept = open_store(folder, folder.points, settings().crops, tmp_path / "crops")
    image = kept.image(kept.rows.file[0], kept.rows.offset[0])
    np.save(kept.folder / kept.rows.file[0], np.array([Executes(marker)] * 5, dtype=object), allow_pickle=True)
    again = open_store(folder, folder.points, settings().crops, tmp_path / "crops")
    assert np.array_equal(again.image(again.rows.file[0], again.rows.offset[0]), image)


def test_a_stored_series(tmp_path, hostile):
    series = write_series(tmp_path / "series")
    store = SeriesStore(tmp_path / "store", 0.1)
    store.read(series)
    (entry,) = (tmp_path / "store").glob("*/*.safetensors")
    hostile(entry)
    assert len(store.read(series).images) == 5


def test_a_yaml_that_calls(tmp_path, marker):
    text = (ROOT / "configs" / "smoke.yaml").read_text()
    call = f"!!python/object/apply:os.mkdir ['{marker}']"
    (tmp_path / "a.yaml").write_text(f"{text}\nseed: {call}\n")
    with pytest.raises(ConfigError):
        load_settings(tmp_path / "a.yaml")
    with pytest.raises(ConfigError):
        load_settings(ROOT / "configs" / "smoke.yaml", [f"seed={call}"])
    run = write_run(tmp_path / "run")
    run.config.write_text(f"detector: {call}\n")
    reader = FileReader(run.path)
    assert reader.read(run.config, _mapping) is None
    assert "config.yaml cannot be read" in reader.problems[0]


def test_a_state_dict_of_safetensors_starts_a_detector(tmp_path):
    save_file({"model.0.conv.weight": torch.ones(2, 3, 3, 3)}, tmp_path / "a.safetensors")
    assert starting_weights(tmp_path / "a.safetensors")["model.0.conv.weight"].shape == (2, 3, 3, 3)


def test_a_network_as_ultralytics_writes_it(tmp_path):
    """A stand-in with the same names of classes; the real one is read in tests/detect."""
    made = torch.nn.Sequential()
    made.add_module("model", torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.BatchNorm2d(2)))
    torch.save({"epoch": -1, "model": made.half(), "ema": None}, tmp_path / "net.pt")
    found = starting_weights(tmp_path / "net.pt")
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        name: tuple(value.shape) for name, value in made.state_dict().items()}
