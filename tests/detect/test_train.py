import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lsdc.competition import read_study
from lsdc.detect import train_detector
from lsdc.detect.dataset import write_dataset
from lsdc.detect.landmarks import landmarks
from lsdc.detect.launch import quiet_environment, run_worker
from lsdc.detect.worker import start_from
from lsdc.errors import DataError, LsdcError, WeightsError


def test_a_training_leaves_three_files_and_nothing_else_anywhere(trained):
    assert sorted(path.name for path in trained.out.iterdir()) == [
        "detector.json", "detector.torchscript", "training.log"]
    assert [path.name for path in trained.out.parent.iterdir()] == ["detector"]
    assert list(trained.home.iterdir()) == []


def test_a_training_makes_no_network_attempt(trained):
    assert trained.attempts == ""


def test_the_guard_itself_sees_an_attempt(tmp_path):
    from tests.detect.conftest import GUARD

    (tmp_path / "sitecustomize.py").write_text(GUARD)
    attempt = "import socket\ntry: socket.create_connection(('127.0.0.1', 9))\nexcept OSError as e: print(e)"
    run = subprocess.run([sys.executable, "-c", attempt], capture_output=True, text=True, check=True, env=os.environ | {
        "PYTHONPATH": str(tmp_path), "NETWORK_ATTEMPTS": str(tmp_path / "attempts")})
    assert "no network in tests" in run.stdout
    assert "127.0.0.1" in (tmp_path / "attempts").read_text()


def test_the_parent_stays_free_of_ultralytics(trained):
    assert not {name for name in trained.modules if name.split(".")[0] == "ultralytics"}


def test_the_record_says_what_was_trained_on_what(trained, toy_settings):
    record = json.loads((trained.out / "detector.json").read_text())
    assert record["studies"] == [101, 102, 103]
    assert (record["fold"], record["seed"]) == (1, 3)
    assert record["settings"] == toy_settings.detector.model_dump(mode="json")
    assert record["images"] == 36  # three series of three studies, four slices each


def test_a_finished_detector_is_kept_and_another_one_is_trained(
    trained, toy_folder, toy_settings, tmp_path, monkeypatch
):
    runs = []
    monkeypatch.setattr("lsdc.detect.train.run_worker", lambda job, scratch: runs.append(job["overrides"]["epochs"]))
    again = {"seed": 3, "fold": 1, "compute": toy_settings.compute, "out": trained.out}
    train_detector(toy_folder.folder, [103, 101, 102], toy_settings.detector, **again)
    assert runs == []
    copy = tmp_path / "detector"
    shutil.copytree(trained.out, copy)
    with pytest.raises(FileNotFoundError):  # the worker that stands in exports nothing
        train_detector(toy_folder.folder, [101, 102], toy_settings.detector, **(again | {"out": copy}))
    assert runs == [2]
    assert (copy / "detector.json").exists()  # the old one stays until the new one is whole


def test_an_interrupted_training_goes_on_and_leaves_no_orphan(toy_folder, toy_settings, tmp_path, monkeypatch):
    settings = toy_settings.detector.model_copy(update={"epochs": 20})
    rest = {"seed": 1, "fold": 0, "compute": toy_settings.compute, "out": tmp_path / "out"}
    jobs = []
    with monkeypatch.context() as patch:
        patch.setattr("lsdc.detect.train.run_worker", lambda job, scratch: jobs.append(job))
        with pytest.raises(FileNotFoundError):  # nothing exported
            train_detector(toy_folder.folder, [101, 102], settings, **rest)
    scratch = tmp_path / "out.training"
    (tmp_path / "job.json").write_text(json.dumps(jobs[0]))
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "job.json"), str(scratch)],
                              stderr=subprocess.DEVNULL)
    wait_until((scratch / "run" / "state.pt").exists)
    (worker,) = (int(word) for word in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not alive(worker))
    assert not (tmp_path / "out").exists()
    train_detector(toy_folder.folder, [101, 102], settings, **rest)
    said = [json.loads(line) for line in (tmp_path / "out" / "training.log").read_text().splitlines()
            if line.startswith('{"epoch"')]
    starts = [one["epoch"] for one in said if "loss" not in one]
    assert starts[0] == 0
    assert len(starts) == 1 or starts[1] >= 1  # not from the beginning; or the worker was just done
    assert said[-1]["epoch"] == 20
    assert not scratch.exists()


PARENT = """
import json, os, sys
from pathlib import Path
from lsdc.detect.launch import run_worker
run_worker(json.loads(Path(sys.argv[1]).read_text()) | {"parent": os.getpid()}, Path(sys.argv[2]))
"""


def wait_until(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_failing_worker_shows_the_end_of_its_log_and_what_to_do(tmp_path):
    job = {"overrides": {"epochs": 1, "imgsz": 96, "save_dir": str(tmp_path / "run"), "data": "absent.yaml",
                         "model": "yolov8n.yaml", "device": "cpu"},
           "weights": None, "brightness": 0, "threads": 1, "box_px": 8, "classes": 12, "export": str(tmp_path / "x"),
           "parent": os.getpid()}
    with pytest.raises(LsdcError, match=r"(?s)detector training failed \(exit 1\).*absent.yaml.*to do:.*resumes"):
        run_worker(job, tmp_path)


def test_wrong_starts_are_refused_before_anything_is_written(toy_folder, toy_settings, tmp_path):
    rest = {"seed": 0, "fold": 0, "compute": toy_settings.compute, "out": tmp_path / "out"}
    with pytest.raises(DataError, match="no study to train a detector on"):
        train_detector(toy_folder.folder, [], toy_settings.detector, **rest)
    absent = toy_settings.detector.model_copy(update={"weights": tmp_path / "yolov8n.pt"})
    with pytest.raises(WeightsError, match=r"(?s)starting weights are missing.*yolov8n.pt.*to do: "):
        train_detector(toy_folder.folder, [101], absent, **rest)
    assert list(tmp_path.iterdir()) == []


def test_the_worker_lives_in_its_scratch_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "3")
    environment = quiet_environment(tmp_path, 1)
    assert "LOCAL_RANK" not in environment
    assert environment["YOLO_OFFLINE"] == "1"
    assert environment["YOLO_AUTOINSTALL"] == "0"
    assert (tmp_path / "home" / "Ultralytics" / "Arial.ttf").stat().st_size > 100_000


def test_dataset_boxes_are_mm_squares_around_points_in_png_of_one_channel(toy_folder, toy_settings, tmp_path):
    written = write_dataset(toy_folder.folder, [101], toy_settings.detector, toy_settings.compute, seed=0,
                            root=tmp_path)
    images = sorted((tmp_path / "images").iterdir())
    assert written[0].images == len(images) == 12
    assert len(list((tmp_path / "labels").iterdir())) == 12
    assert all(cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape == (96, 96) for path in images)
    study = read_study(toy_folder.folder, 101)
    point = next(one for one in landmarks(study, toy_folder.folder.points) if one.target.condition == "canal")
    lines = (tmp_path / "labels" / f"101_1012_{point.slice_index:03d}.txt").read_text().splitlines()
    x, y, width, height = map(float, next(line for line in lines if line.startswith("0 ")).split()[1:])
    side = toy_settings.detector.box_mm.canal / 2.5 / 96
    assert (width, height) == pytest.approx((side, side), abs=1e-6)
    # canvas and toy image have the same centre and spacing; the canvas is 16 pixels larger
    stored, _ = study.by_id(point.series_id).series.planes[point.slice_index].to_pixel(point.position_mm)
    assert ((x * 96, y * 96)) == pytest.approx(tuple(stored + 8 + 0.5), abs=1e-3)
    image = cv2.imread(str(tmp_path / "images" / f"101_1012_{point.slice_index:03d}.png"), cv2.IMREAD_UNCHANGED)
    assert image[int(y * 96), int(x * 96)] > 100  # the blob
    assert np.median(image) < 60


def test_the_number_of_processes_changes_no_byte(toy_folder, toy_settings, tmp_path):
    for name, workers in (("one", 1), ("two", 2)):
        write_dataset(toy_folder.folder, [101, 102], toy_settings.detector,
                      toy_settings.compute.model_copy(update={"workers": workers}), seed=0, root=tmp_path / name)
    first = {path.relative_to(tmp_path / "one"): path.read_bytes() for path in (tmp_path / "one").rglob("*.*")}
    second = {path.relative_to(tmp_path / "two"): path.read_bytes() for path in (tmp_path / "two").rglob("*.*")}
    assert first == second
    assert len(first) == 48


def test_studies_without_points_teach_nothing_and_say_so(toy_folder, toy_settings, tmp_path):
    folder = replace(toy_folder.folder, points=toy_folder.folder.points.iloc[:0])
    with pytest.raises(DataError, match="no annotated slice in any training study"):
        write_dataset(folder, [101], toy_settings.detector, toy_settings.compute, seed=0, root=tmp_path)


def test_weights_of_another_model_are_refused():
    """Most tensors must fit; a different class head may not stop a start from pretrained weights."""
    def network(width, classes):
        middle = [torch.nn.Linear(width, width) for _ in range(5)]
        return torch.nn.Sequential(torch.nn.Linear(4, width), *middle, torch.nn.Linear(width, classes))

    ours, theirs = network(8, 12), network(8, 80)
    start_from(ours, theirs.state_dict(), "w.pt")
    assert torch.equal(ours[3].weight, theirs[3].weight)
    assert ours[-1].weight.shape == (12, 8)
    with pytest.raises(WeightsError, match=r"of another model(.|\n)*1 of 14 tensors fit(.|\n)*w\.pt"):
        start_from(network(8, 12), network(16, 12).state_dict(), "w.pt")
    with pytest.raises(WeightsError, match="0 of 14 tensors fit"):
        start_from(network(8, 12), {}, "w.pt")


def test_a_colour_network_starts_a_grey_one():
    def network(channels):
        return torch.nn.Sequential(torch.nn.Conv2d(channels, 2, 3), *[torch.nn.Linear(2, 2) for _ in range(4)])

    grey, colour = network(1), network(3)
    start_from(grey, colour.state_dict(), "w.pt")
    assert torch.equal(grey[0].weight, colour[0].weight.sum(1, keepdim=True))
    assert torch.equal(grey[4].bias, colour[4].bias)
