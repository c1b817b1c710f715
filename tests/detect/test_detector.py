import json
import shutil
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lsdc.competition import read_study
from lsdc.detect import Detector, locate, measure_errors
from lsdc.detect.classes import CLASSES
from lsdc.detect.decode import decode_boxes, select_boxes
from lsdc.errors import WeightsError
from lsdc.taxonomy import TARGETS
from tests.detect.conftest import ROOT
from tests.detect.toy import toy_candidates, toy_points, toy_positions, toy_study


@pytest.fixture(scope="module")
def detector(trained):
    return Detector.load(trained.out)


def test_candidates_lie_where_their_pixels_are_and_show_their_planes_classes(detector, toy_folder):
    study = read_study(toy_folder.folder, 104)
    found = detector.candidates(study)
    assert len(found) > 20
    for row in found.sample(20, random_state=0).itertuples():
        one = study.by_id(row.series_id)
        assert row.detector_class in CLASSES.of(one.plane)
        place = one.series.planes[row.slice_index].to_patient(np.array([row.x_px, row.y_px]))
        np.testing.assert_allclose(place, [row.x_mm, row.y_mm, row.z_mm], atol=1e-6)
    again = replace(detector, batch=3).candidates(study)
    assert len(again) == pytest.approx(len(found), rel=0.01)  # a score may cross the threshold by rounding
    strongest = [frame.confidence.nlargest(20).to_numpy() for frame in (found, again)]
    np.testing.assert_allclose(*strongest, atol=1e-5)


def test_a_study_without_series_has_no_candidates_and_25_prior_rows(detector):
    study = toy_study({}, planes=())
    assert detector.candidates(study).empty
    rows = locate(study, detector, fold=2).locations
    assert len(rows) == 25
    assert set(rows.found_by) == {"prior"}
    assert rows.confidence.eq(0).all()
    assert rows[["series_id", "slice_index", "x_px", "x_mm"]].isna().all(axis=None)
    assert set(rows.fold) == {2}


class Seeing:
    """A detector that sees what it is told."""

    def __init__(self, shape, found):
        self.shape, self.found = shape, found
        self.settings = SimpleNamespace(classes="image")

    def candidates(self, study):
        return self.found


def test_locations_and_their_errors(detector, toy_folder):
    truth = toy_folder.truth[101]
    study = toy_study(truth, study_id=101)
    rows = locate(study, Seeing(detector.shape, toy_candidates(study, truth)), fold=0).locations
    assert [tuple(row) for row in rows[["condition", "side", "level"]].to_numpy()] == [tuple(t) for t in TARGETS]
    errors = measure_errors(study, rows, toy_points(study, truth))
    assert len(errors) == 25
    assert errors[["x_mm", "y_mm"]].abs().max(axis=None) < 1e-6
    assert errors.slices.abs().max() <= 1
    moved = rows.assign(y_mm=rows.y_mm + 3, z_mm=rows.z_mm - 2, slice_index=rows.slice_index + 1)
    shifted = measure_errors(study, moved, toy_points(study, truth)).merge(
        errors, on=["condition", "side", "level"], suffixes=("", "_0"))
    sagittal = shifted.condition != "subarticular"
    np.testing.assert_allclose(shifted[sagittal].x_mm - shifted[sagittal].x_mm_0, 3)  # to the back is right
    np.testing.assert_allclose(shifted[sagittal].y_mm - shifted[sagittal].y_mm_0, 2)  # to the feet is down
    np.testing.assert_allclose(shifted[~sagittal].y_mm - shifted[~sagittal].y_mm_0, 3)  # to the back is down
    assert (shifted.slices - shifted.slices_0).eq(1).all()


def test_errors_count_only_what_was_located_and_annotated(detector):
    truth = toy_positions(np.random.default_rng(0))
    study = toy_study(truth)
    rows = locate(toy_study({}, planes=()), detector, fold=0).locations
    assert measure_errors(study, rows, toy_points(study, truth)).empty


REFERENCE = """
import sys, json, numpy as np, torch
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.nms import non_max_suppression
folder = sys.argv[1]
traced = torch.jit.load(folder + "/net")
model = DetectionModel("yolov8n.yaml", ch=1, nc=12, verbose=False).eval().fuse(verbose=False)
state, own = traced.state_dict(), {}
for name in model.state_dict():
    _, layer, *parts = name.split(".")
    head = {"cv2": "distances", "cv3": "classes"}.get(parts[0], "dfl")
    own[name] = ".".join([head, *parts[1:]] if layer == "22" else ["layers", layer, *parts])
assert set(state) <= set(own.values()), "a weight that YOLOv8 does not have"
model.load_state_dict({name: state.get(key, model.state_dict()[name]) for name, key in own.items()})
with np.load(folder + "/in.npz") as given, torch.no_grad():
    decoded = model(torch.from_numpy(given["canvases"])[:, None].float() / 255)[0]
    stand = non_max_suppression(torch.from_numpy(given["drawn"]), 0.1, 0.5, classes=[1, 2], multi_label=True)[0]
np.savez(folder + "/out.npz", decoded=decoded.numpy(), stand=stand.numpy())
"""


@pytest.fixture(scope="module")
def reference(trained, tmp_path_factory):
    """ultralytics' own decoding on the exported weights, and its own suppression on drawn boxes."""
    place, generator = tmp_path_factory.mktemp("reference"), np.random.default_rng(0)
    canvases = generator.integers(0, 256, (3, 96, 128), dtype=np.uint8)  # not square: sizes are free
    centres, sizes = generator.uniform(20, 80, (200, 2)), generator.uniform(10, 20, (200, 2))
    scores = generator.uniform(0, 0.6, (200, 3))
    drawn = np.concatenate([centres, sizes, scores], axis=1).T[None].astype(np.float32)  # (1, 4 + classes, boxes)
    np.savez(place / "in.npz", canvases=canvases, drawn=drawn)
    shutil.copy(trained.out / "detector.torchscript", place / "net")
    subprocess.run([sys.executable, "-c", REFERENCE, str(place)], check=True, env={
        "YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0", "YOLO_CONFIG_DIR": str(place), "PATH": "/usr/bin:/bin",
        "HOME": str(place), "CUDA_VISIBLE_DEVICES": ""})
    with np.load(place / "out.npz") as found:
        return canvases, drawn, found["decoded"], found["stand"]


def test_decoded_boxes_and_scores_equal_ultralytics_own(detector, reference):
    canvases, _, decoded, _ = reference
    with torch.inference_mode():
        raw = detector.network(torch.from_numpy(canvases)[:, None].float() / 255)
        boxes, scores = decode_boxes(raw, (96, 128))
    centres, sizes = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
    np.testing.assert_allclose(torch.cat([centres, sizes], dim=2).transpose(1, 2), decoded[:, :4], atol=1e-3)
    np.testing.assert_allclose(scores.transpose(1, 2), decoded[:, 4:], atol=1e-5)


def test_suppression_equals_ultralytics_own(reference):
    _, drawn, _, stand = reference
    centres, sizes, scores = torch.from_numpy(drawn[0].T).split([2, 2, 3], dim=1)
    boxes = torch.cat([centres - sizes / 2, centres + sizes / 2], dim=1)
    kept = select_boxes(boxes, scores, (1, 2), confidence=0.1, overlap=0.5)
    assert 20 < len(stand) < 300
    np.testing.assert_allclose(kept[0], stand[:, :4], atol=1e-4)
    np.testing.assert_allclose(kept[1], stand[:, 4])
    np.testing.assert_array_equal(kept[2], stand[:, 5])


def test_decoding_by_hand():
    raw = torch.full((1, 64 + 2, 64 + 16 + 4), -20.0)  # 64 x 64 px: 8x8, 4x4 and 2x2 cells
    cell = 64 + 2 * 4 + 1  # stride 16, row 2, column 1: centre (24, 40)
    for side, cells in enumerate((1, 2, 0, 1)):  # left, top, right, bottom in cells of 16 px
        raw[0, side * 16 + cells, cell] = 20.0
    raw[0, 64, cell] = 0.0
    boxes, scores = decode_boxes(raw, (64, 64))
    np.testing.assert_allclose(boxes[0, cell], [24 - 16, 40 - 32, 24, 40 + 16], atol=1e-4)
    found = select_boxes(boxes[0], scores[0], (0, 1), confidence=0.1, overlap=0.5)
    assert found[1].tolist() == [0.5]
    assert found[2].tolist() == [0]


def test_doubles_are_dropped_within_a_class_only():
    boxes = torch.tensor([[0, 0, 10, 10], [0, 0, 10, 11], [20, 20, 30, 30.0]])
    scores = torch.tensor([[0.9, 0.0], [0.8, 0.7], [0.3, 0.0]])
    kept = select_boxes(boxes, scores, (0, 1), confidence=0.2, overlap=0.5)
    assert [(round(float(score), 1), int(kind)) for score, kind in zip(kept[1], kept[2], strict=True)] == [
        (0.9, 0), (0.7, 1), (0.3, 0)]
    only = select_boxes(boxes, scores, (1,), confidence=0.2, overlap=0.5)
    assert only[2].tolist() == [1]


def test_a_changed_missing_or_foreign_detector_is_refused(trained, tmp_path):
    with pytest.raises(WeightsError, match=r"(?s)no trained detector here.*detector.json.*make train-fold"):
        Detector.load(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(trained.out, copy)
    with (copy / "detector.torchscript").open("ab") as file:
        file.write(b"x")
    with pytest.raises(WeightsError, match=r"(?s)not the one its record describes.*sha256"):
        Detector.load(copy)
    (copy / "detector.torchscript").unlink()
    with pytest.raises(WeightsError, match="network is missing"):
        Detector.load(copy)
    record = json.loads((copy / "detector.json").read_text())
    for broken in (record | {"classes": ["disc"]}, record | {"format": 99}, {}):
        (copy / "detector.json").write_text(json.dumps(broken))
        with pytest.raises(WeightsError, match="another kit or version"):
            Detector.load(copy)
    shape = record["shape"]
    for text in ("{", "[]", *(json.dumps(record | changes) for changes in (
            {"shape": {}}, {"shape": shape | {"mean_mm": shape["mean_mm"][:9]}},
            {"shape": shape | {"rest_mm": [[0] * 3] * 25}},
            {"shape": shape | {"modes_mm": [["x"]]}}, {"fold": 1e999}, {"settings": {"epochs": "many"}}))):
        (copy / "detector.json").write_text(text)
        with pytest.raises(WeightsError, match="record cannot be read"):
            Detector.load(copy)


def test_inference_needs_no_ultralytics(trained):
    blocked = ("import sys\nfor name in ('ultralytics', 'lightning', 'albumentations', 'scipy', 'sklearn', "
               "'matplotlib'): sys.modules[name] = None\nfrom pathlib import Path\nfrom lsdc.detect import Detector, "
               f"locate\nfrom tests.detect.toy import toy_study\ndetector = Detector.load(Path({str(trained.out)!r}))\n"
               "assert len(locate(toy_study({}), detector, fold=1).locations) == 25")
    subprocess.run([sys.executable, "-c", blocked], check=True, cwd=ROOT)
