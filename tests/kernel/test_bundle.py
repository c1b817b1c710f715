import hashlib
import json
import os
import re
import tomllib
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pytest

from lsdc.blend import Blend, Member, write_blend
from lsdc.blend.chain import Chain, Fitted
from lsdc.config import dump_settings, load_settings
from lsdc.errors import ConfigError, DataError, LsdcError, WeightsError
from lsdc.files import file_hash, read_json, write_json
from lsdc.kernel import make_bundle, unfold
from lsdc.kernel.image import IMAGES, NEEDED, check_wheels, wheel_faults
from lsdc.kernel.layout import FOLD_FILES, MANIFEST
from lsdc.kernel.manifest import faults_of, file_entry, read_manifest, write_manifest
from lsdc.kernel.metadata import Names
from lsdc.runs import RunFolder
from tests.kernel.conftest import IMAGE, order
from tests.kernel.tiny_run import ROOT, write_fold, write_run


def without_building(monkeypatch):
    """Everything but the wheel, which takes seconds and is built in other tests."""
    def build(out: Path) -> Path:
        (out / "lsdc-0-py3-none-any.whl").write_text("a wheel")
        return out / "lsdc-0-py3-none-any.whl"
    monkeypatch.setattr("lsdc.kernel.bundle.build_wheel", build)


def blend_of(path: Path, *runs: RunFolder, **changed) -> Path:
    members = tuple(Member(run.path.name, run.path.name, (0,), {"fold0": file_hash(run.fold(0).predictions)})
                    for run in runs)
    pool = Fitted("pool", {"logits": np.zeros((3, 2, len(runs))), "priors": np.full((25, 3), 1 / 3)})
    write_blend(Blend(changed.get("members", members), Chain((pool,)),
                      {"chosen": "mean", "out_of_fold": {"total": 0.4, "interval": [0.3, 0.5]}}), path)
    return path


def test_a_bundle_is_flat_and_its_manifest_knows_every_file(made):
    manifest = read_manifest(made)
    assert all(path.is_file() for path in made.iterdir())
    assert {path.name for path in made.iterdir()} == {*manifest["files"], MANIFEST}
    for name, told in manifest["files"].items():
        content = (made / name).read_bytes()
        assert (told["sha256"], told["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert manifest["runs"] == {"tiny": {"folds": [0], "out_of_fold": None}}
    assert {"torch", "numpy", "python"} <= set(manifest["versions"])
    assert faults_of(made, manifest) == []


def test_the_same_inputs_give_the_same_bytes(made, run, tmp_path):
    before = os.umask(0o077)  # whatever permissions new files get here
    try:
        make_bundle(order(run), tmp_path / "again")
    finally:
        os.umask(before)
    assert {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()} == {
        path.name: path.read_bytes() for path in made.iterdir()}


def test_the_wheel_is_for_any_python_and_has_the_notebooks_text(made):
    with zipfile.ZipFile(made / read_manifest(made)["wheel"]) as archive:
        names = archive.namelist()
    assert {"lsdc/submit/pipeline.py", "lsdc/kernel/templates/kernel.txt", "lsdc/__main__.py"} <= set(names)
    assert not [name for name in names if name.startswith(("tests", "configs", ".lsdc"))]


def test_unfolded_it_is_the_run_again(made, run, tmp_path):
    told = unfold(made, tmp_path)
    assert told["arguments"] == ["--runs", str(tmp_path / "bundle" / "runs"), "--run", "tiny"]
    there = RunFolder(tmp_path / "bundle" / "runs" / "tiny")
    assert there.config.read_bytes() == run.config.read_bytes()
    assert [fold.number for fold in there.trained_folds()] == [0]
    for name in FOLD_FILES:
        assert (there.fold(0).path / name).read_bytes() == (run.fold(0).path / name).read_bytes()
    unfold(made, tmp_path)  # again, over what is there


def test_changed_missing_and_extra_files_are_all_named(bundle, tmp_path):
    (weights := bundle / "tiny--fold0--classifier--classifier.safetensors").write_bytes(
        weights.read_bytes()[:-1] + b"\0")
    size = (config := bundle / "tiny--config.yaml").stat().st_size
    config.write_text("shorter")
    (bundle / "tiny--fold0--priors.csv").unlink()
    (bundle / "notes.txt").touch()
    for name in ("dataset-metadata.json", "kernel-metadata.json"):  # the client leaves these out of the upload
        (bundle / name).unlink()
    with pytest.raises(DataError) as raised:
        unfold(bundle, tmp_path / "out")
    assert [line.strip() for line in raised.value.got.splitlines()] == [
        f"changed: tiny--config.yaml (7 bytes, was {size})",
        "changed: tiny--fold0--classifier--classifier.safetensors (the same size, other bytes)",
        "missing: tiny--fold0--priors.csv", "extra: notes.txt"]
    assert not (tmp_path / "out" / "bundle").exists()


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda path: path.unlink(), "this is no bundle"),
    (lambda path: path.write_text("{"), "the manifest of a bundle cannot be read"),
    (lambda path: path.write_text(path.read_text().replace('"version": 1', '"version": 9')), "another kit or version"),
    (lambda path: path.write_text(path.read_text().replace('"size": ', '"size": 1')), "the manifest was changed"),
])
def test_a_manifest_that_is_not_as_it_was_written(bundle, spoil, message):
    spoil(bundle / MANIFEST)
    with pytest.raises(DataError, match=message):
        read_manifest(bundle)


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda told: told["files"]["tiny--config.yaml"].update(place="/elsewhere/config.yaml"), "/elsewhere"),
    (lambda told: told["files"]["tiny--config.yaml"].update(place="runs/../../config.yaml"), "the place 'runs/../"),
    (lambda told: told["files"].update({"../notes": {"sha256": "0", "size": 1}}), "the file '../notes'"),
    (lambda told: told.update(runs={"../tiny": {"folds": [0]}}), "the run '../tiny'"),
    (lambda told: told.update(wheel="other.whl"), "'other.whl' is not among its files"),
    (lambda told: told.update(files=[]), "it names no files"),
    (lambda told: told.pop("runs"), "or no runs"),
    (lambda told: told["files"]["tiny--config.yaml"].pop("sha256"), "no hash or size of 'tiny--config.yaml'"),
])
def test_a_manifest_that_leads_elsewhere_is_refused_though_its_hash_is_right(bundle, tmp_path, spoil, message):
    told = read_json(bundle / MANIFEST)
    del told["sha256"]
    spoil(told)
    write_manifest(bundle, told)
    with pytest.raises(DataError, match="not one that `lsdc bundle` writes") as raised:
        unfold(bundle, tmp_path / "out")
    assert message in raised.value.got
    assert not (tmp_path / "out").exists()


def test_nothing_but_an_earlier_unfolding_is_replaced(bundle):
    before = sorted(bundle.iterdir())
    with pytest.raises(DataError, match="something else lies where the bundle is to be unfolded"):
        unfold(bundle, bundle.parent)  # its own place
    assert sorted(bundle.iterdir()) == before


def test_weights_of_another_config_are_refused(tmp_path, monkeypatch):
    without_building(monkeypatch)
    run = write_run(tmp_path / "runs" / "mixed")
    run.config.write_text(dump_settings(load_settings(run.config, ["crops.slices=5", "detector.confidence=0.1"])))
    with pytest.raises(WeightsError) as raised:
        make_bundle(order(run), tmp_path / "out")
    assert "fold0/detector: settings.confidence: 0.005, the config says 0.1" in raised.value.got
    assert "fold0/classifier: crops.slices: 3, the config says 5" in raised.value.got
    assert not (tmp_path / "out").exists()


def test_weights_of_another_fold_or_file_are_refused(tmp_path, monkeypatch):
    without_building(monkeypatch)
    run = write_run(tmp_path / "runs" / "mixed", folds=(0, 1))
    run.fold(1).detector.rename(tmp_path / "aside")
    run.fold(0).detector.rename(run.fold(1).detector)
    (tmp_path / "aside").rename(run.fold(0).detector)
    (run.fold(1).classifier / "classifier.safetensors").write_bytes(b"other")
    with pytest.raises(WeightsError) as raised:
        make_bundle(order(run), tmp_path / "out")
    assert re.findall("fold[01]/[a-z]+: of fold [01]", raised.value.got) == ["fold0/detector: of fold 1",
                                                                            "fold1/detector: of fold 0"]
    assert "fold1/classifier: classifier.safetensors is not the file" in raised.value.got


def test_a_bundle_whose_config_was_exchanged_is_refused_where_it_arrives(bundle, tmp_path):
    manifest, config = read_manifest(bundle), bundle / "tiny--config.yaml"
    config.write_text(dump_settings(load_settings(config, ["crops.size_px=48"])))
    manifest["files"][config.name] = file_entry(config, manifest["files"][config.name]["place"])
    write_manifest(bundle, {key: value for key, value in manifest.items() if key != "sha256"})
    with pytest.raises(WeightsError, match=r"crops\.size_px: 32, the config says 48"):
        unfold(bundle, tmp_path / "out")


def test_a_run_that_is_not_whole(tmp_path, monkeypatch):
    without_building(monkeypatch)
    run = write_run(tmp_path / "runs" / "half", folds=(0, 1))
    (run.fold(1).priors).unlink()
    assert make_bundle(order(run), tmp_path / "out")["runs"]["half"]["folds"] == [0]
    with pytest.raises(DataError, match=r"not whole(.|\n)*no .*fold1/priors\.csv"):
        make_bundle(order(run, folds=(0, 1)), tmp_path / "other")
    with pytest.raises(DataError, match="no trained fold"):
        make_bundle(order(RunFolder(tmp_path / "nothing")), tmp_path / "other")


def test_the_place_is_not_overwritten_unasked(tmp_path, run, monkeypatch):
    without_building(monkeypatch)
    make_bundle(order(run), tmp_path / "out")
    with pytest.raises(DataError, match="in the place of the bundle"):
        make_bundle(order(run), tmp_path / "out")
    make_bundle(order(run), tmp_path / "out", replace=True)
    (tmp_path / "mine").mkdir()
    with pytest.raises(DataError, match="in the place of the bundle"):
        make_bundle(order(run), tmp_path / "mine", replace=True)  # no bundle: it is not removed
    (tmp_path / "out" / "wheels").mkdir()
    with pytest.raises(DataError, match=r"not its own\n +got: +wheels\n"):
        make_bundle(order(run), tmp_path / "out", replace=True)
    assert (tmp_path / "out" / "wheels").exists()


def test_a_blend_and_its_runs(tmp_path, monkeypatch):
    without_building(monkeypatch)
    runs = [write_run(tmp_path / "runs" / name) for name in ("one", "two")]
    file = blend_of(tmp_path / "mine.json", *runs)
    with pytest.raises(ConfigError, match="several runs need a blend file"):
        make_bundle(order(*runs), tmp_path / "out")
    manifest = make_bundle(order(*runs, blend=file), tmp_path / "out")
    assert manifest["blend"]["out_of_fold"] == {"total": 0.4, "interval": [0.3, 0.5]}
    told = unfold(tmp_path / "out", tmp_path / "unfolded")
    assert told["arguments"][2:] == ["--blend", str(tmp_path / "unfolded" / "bundle" / "blend.json")]
    with pytest.raises(DataError, match="the blend needs the run two"):
        make_bundle(order(runs[0], blend=file), tmp_path / "other")
    runs[1].fold(0).predictions.write_text("anew")
    with pytest.raises(DataError, match="two has other predictions"):
        make_bundle(order(*runs, blend=file), tmp_path / "other")


@pytest.mark.parametrize(("name", "place", "kept"), [
    ("two--fold0--classifier--classifier.safetensors", "fold0/classifier", ["fold0/priors.csv"]),
    ("two--fold0--detector--detector.json", "fold0/detector", ["fold0/priors.csv"]),
    ("two--fold0--priors.csv", "fold0/priors.csv", ["fold0/classifier/classifier.json"]),
])
def test_a_scoring_run_unfolds_what_is_whole(tmp_path, monkeypatch, caplog, name, place, kept):
    without_building(monkeypatch)
    make_bundle(order(write_run(tmp_path / "two", folds=(0, 1))), bundle := tmp_path / "bundle")
    (bundle / name).write_bytes((bundle / name).read_bytes()[:-3])
    with pytest.raises(DataError, match=f"changed: {name}"):
        unfold(bundle, tmp_path / "strict")
    told = unfold(bundle, tmp_path / "lenient", lenient=True)
    assert told["arguments"][2:] == ["--run", "two"]
    run = tmp_path / "lenient" / "bundle" / "runs" / "two"
    assert not (run / place).exists()
    assert all((run / one).exists() for one in [*kept, "fold1/classifier/classifier.json", "fold1/priors.csv"])
    assert f"the bundle goes on without: changed: {name}" in caplog.text
    assert ("left out: two, fold 0" in caplog.text) == (not name.endswith("priors.csv"))
    (bundle / "two--config.yaml").unlink()
    with pytest.raises(DataError, match=r"nothing of this bundle can predict(.|\n)*missing: two--config\.yaml"):
        unfold(bundle, tmp_path / "lenient", lenient=True)


def test_a_damaged_blend_leaves_its_first_run_to_predict_in_a_scoring_run(tmp_path, monkeypatch):
    without_building(monkeypatch)
    runs = [write_run(tmp_path / name) for name in ("one", "two")]
    make_bundle(order(*runs, blend=blend_of(tmp_path / "mine.json", *runs)), bundle := tmp_path / "bundle")
    assert unfold(bundle, tmp_path / "whole", lenient=True)["arguments"][2] == "--blend"
    (bundle / "blend.json").write_text("{}")
    assert unfold(bundle, tmp_path / "lenient", lenient=True)["arguments"][2:] == ["--run", "one"]


def test_expected_scores_are_of_these_folds(tmp_path, monkeypatch):
    without_building(monkeypatch)
    run = write_run(tmp_path / "runs" / "scored")
    figures = {"scores": [{"name": "model", "total": 0.4, "intervals": {"total": [0.3, 0.5]}}], "folds": [0],
               "studies": 9, "phantom": True, "predictions": {"fold0": file_hash(run.fold(0).predictions)}}
    write_json(run.evaluation, figures)
    told = make_bundle(order(run), tmp_path / "out")["runs"]["scored"]["out_of_fold"]
    assert told == {"total": 0.4, "interval": [0.3, 0.5], "folds": [0], "studies": 9, "phantom": True}
    run.fold(0).predictions.write_text("anew")
    assert make_bundle(order(run), tmp_path / "out", replace=True)["runs"]["scored"]["out_of_fold"] is None
    write_fold(run.fold(1), load_settings(run.config))
    write_json(run.evaluation, {})
    with pytest.raises(LsdcError, match="no evaluation of a run"):
        make_bundle(order(run), tmp_path / "out", replace=True)


@pytest.mark.parametrize(("names", "faults"), [
    (Names("someone", "tiny", "lsdc submit tiny"), ["its title 'tiny' has 4 characters", "its slug 'tiny' has 4"]),
    (Names("someone", "x" * 51, "lsdc submit tiny"), ["has 51 characters, wanted 6 to 50"]),
    (Names("Some One", "lsdc bundle tiny", "lsdc submit tiny"), ["'Some One/lsdc-bundle-tiny' is not owner/slug"]),
])
def test_names_that_the_site_would_refuse(tmp_path, run, names, faults):
    with pytest.raises(ConfigError) as raised:
        make_bundle(order(run, names=names), tmp_path / "out")
    for fault in faults:
        assert fault in raised.value.got


def test_metadata_as_it_is_uploaded(made):
    kernel, dataset = (read_json(made / f"{what}-metadata.json") for what in ("kernel", "dataset"))
    assert '"enable_internet": false' in (made / "kernel-metadata.json").read_text()
    assert (kernel["id"], kernel["title"]) == ("someone/lsdc-submit-tiny", "lsdc submit tiny")
    assert (kernel["machine_shape"], kernel["enable_gpu"]) == ("NvidiaTeslaT4", True)
    assert kernel["dataset_sources"] == [dataset["id"]] == ["someone/lsdc-bundle-tiny"]
    assert kernel["code_file"] == "submit-offline.ipynb"
    assert len(dataset["licenses"]) == 1


def test_the_notebook_is_short_and_has_fixed_ids(made):
    notebook = nbformat.read(made / "submit-offline.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert [cell.id for cell in notebook.cells] == ["about", "locate", "verify-and-install", "run", "validate", "show"]
    assert all(len(cell.source.splitlines()) <= 75 for cell in notebook.cells)
    assert not re.search(r"torch\.|nn\.|@[A-Z]+@", "".join(cell.source for cell in notebook.cells).replace(
        "torch.__version__", ""))


def test_the_image_has_what_inference_needs():
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert tuple(text.split(">=")[0] for text in needed) == NEEDED
    assert all(set(NEEDED) <= set(image.packages) for image in IMAGES.values())


@pytest.mark.parametrize(("names", "fault"), [
    (["python_gdcm-3.2.6-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl"], None),
    (["python_gdcm-3.2.6-cp311-cp311-manylinux_2_28_x86_64.whl"], "python-gdcm: no wheel of it fits Python 3.12"),
    (["python_gdcm-3.2.6-cp311-cp311-manylinux_2_28_x86_64.whl",
      "python_gdcm-3.2.6-cp312-cp312-manylinux_2_28_x86_64.whl"], None),
    (["python_gdcm-3.2.6-cp312-cp312-win_amd64.whl"], "no wheel of it fits"),
    (["numpy-2.3.0-cp312-cp312-manylinux_2_28_x86_64.whl"], "numpy is never shipped"),
    (["protobuf-6.0-py3-none-any.whl"], "protobuf is never shipped"),
    (["timm-1.0.20-py3-none-any.whl"], "the image has timm"),
    (["something.whl"], "not the name of a wheel"),
])
def test_extra_wheels(names, fault):
    faults = wheel_faults(names, IMAGE)
    assert (faults == []) if fault is None else any(fault in one for one in faults)


@pytest.mark.parametrize("name", ["lsdc-0.1.0-py3-none-any.whl", "LSDC-9-py3-none-any.whl"])
def test_a_wheel_of_the_kit_is_no_extra(name, tmp_path):
    (wheel := tmp_path / name).touch()
    with pytest.raises(DataError, match="the kit's own wheel is built from this checkout"):
        check_wheels([wheel], IMAGE)


def test_an_extra_wheel_is_carried_with_the_module_it_brings(tmp_path, run, monkeypatch):
    without_building(monkeypatch)
    wheel = tmp_path / "some_thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("thing/__init__.py", "")
        archive.writestr("some_thing-1.0.dist-info/top_level.txt", "thing\n")
    make_bundle(order(run, wheels=(wheel,)), tmp_path / "out")
    assert unfold(tmp_path / "out", tmp_path / "unfolded")["extras"] == {"some-thing": "thing"}
    with pytest.raises(DataError, match="cannot be bundled"):
        make_bundle(order(run, wheels=(tmp_path / "none-1-py3-none-any.whl",)), tmp_path / "other")


@pytest.mark.parametrize(("content", "message"), [(None, "this wheel cannot be read"), (["x/y.txt"], "no module")])
def test_a_wheel_that_is_none(tmp_path, run, monkeypatch, content, message):
    without_building(monkeypatch)
    wheel = tmp_path / "some_thing-1.0-py3-none-any.whl"
    wheel.write_text("an error page")
    if content:
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(content[0], "")
    with pytest.raises(DataError, match=message):
        make_bundle(order(run, wheels=(wheel,)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_manifest_is_plain_json_without_times_or_places(made):
    text = (made / MANIFEST).read_text()
    assert json.loads(text)["files"]
    assert not re.search(r"20\d\d-\d\d-\d\d|/home/|/tmp/|/root/", text)
