"""Training a fold's detector: write its data, let ultralytics train in a subprocess, keep the exported network."""

import importlib.util
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import yaml

import lsdc
from lsdc.competition import CompetitionFolder
from lsdc.config import ComputeSettings, DetectorSettings
from lsdc.detect.classes import classes_for
from lsdc.detect.dataset import WrittenStudy, write_dataset
from lsdc.detect.detector import FORMAT, MODEL_FILE, RECORD_FILE
from lsdc.detect.launch import LOG_FILE, overrides, run_worker
from lsdc.detect.shape import fit_shape
from lsdc.detect.starting_weights import starting_weights
from lsdc.device import choose_device
from lsdc.errors import DataError, LsdcError
from lsdc.files import file_hash, read_json, write_json, write_text, written_aside
from lsdc.taxonomy import Condition
from lsdc.threads import cores

log = logging.getLogger(__name__)


def train_detector(
    folder: CompetitionFolder, studies: list[int], settings: DetectorSettings,
    *, seed: int, fold: int, compute: ComputeSettings, out: Path,
) -> None:
    """Train a detector on these studies and write the folder `out`: detector.torchscript, detector.json, training.log.

    A finished detector of the same settings and studies is kept; an interrupted training goes on from its last epoch.
    Everything else is written to `<out>.training`, which is removed at the end; `out` is renamed into place whole.
    """
    _check(settings, studies)
    device, out = choose_device(compute), Path(out)
    identity = {"settings": settings.model_dump(mode="json"), "seed": seed, "fold": fold, "studies": sorted(studies),
                "starting_weights": file_hash(settings.weights) if settings.weights else None}
    if _finished(out, identity):
        log.info("the detector of fold %s is there already: %s", fold, out)
        return
    scratch = out.with_name(f"{out.name}.training").absolute()
    _clear_unless_same(scratch, identity)
    written = _dataset(folder, settings, compute, identity, scratch / "data")
    shape = fit_shape([np.array(one["positions_mm"], dtype=float) for one in written["studies"]])
    run_worker({
        "overrides": overrides(settings, compute, seed=seed, device="0" if device.type == "cuda" else "cpu",
                               data=_data_yaml(scratch, settings), scratch=scratch),
        "weights": str(settings.weights.absolute()) if settings.weights else None, "brightness": settings.brightness,
        "box_px": _box_px(scratch / "data" / "labels", settings),
        "threads": compute.workers or cores(), "classes": len(classes_for(settings).names),
        "export": str(scratch / MODEL_FILE), "parent": os.getpid(),
    }, scratch)
    with written_aside(out) as aside:
        aside.mkdir()
        for name in (MODEL_FILE, LOG_FILE):
            shutil.copyfile(scratch / name, aside / name)
        write_json(aside / RECORD_FILE, {
            "format": FORMAT, "kit": lsdc.__version__, "classes": list(classes_for(settings).names), **identity,
            "images": sum(one["images"] for one in written["studies"]), "sha256": file_hash(aside / MODEL_FILE),
            "shape": shape.to_json(),
        })
    shutil.rmtree(scratch, ignore_errors=True)


def _check(settings: DetectorSettings, studies: list[int]) -> None:
    if not studies:
        raise DataError("no study to train a detector on", remedy="use more studies or fewer folds")
    if importlib.util.find_spec("ultralytics") is None:
        raise LsdcError("ultralytics is not installed", wanted="it, to train a detector (inference does without)",
                        remedy="pip install 'lsdc[train]'")
    check_weights(settings)


def check_weights(settings: DetectorSettings) -> None:
    """WeightsError when the starting weights that the settings name are missing, unsafe, or no YOLO detector.

    Whether they fit the architecture is seen when training starts.
    """
    if settings.weights is not None:
        starting_weights(settings.weights)


def _finished(out: Path, identity: dict) -> bool:
    try:
        record = read_json(out / RECORD_FILE)
        same = all(record.get(key) == value for key, value in identity.items())
        return same and record.get("format") == FORMAT and file_hash(out / MODEL_FILE) == record["sha256"]
    except (LsdcError, OSError):
        return False


def _clear_unless_same(scratch: Path, identity: dict) -> None:
    """Keep an interrupted training of the same detector, remove any other."""
    started = scratch / "started.json"
    if not (started.exists() and all(read_json(started).get(key) == value for key, value in identity.items())):
        shutil.rmtree(scratch, ignore_errors=True)
        write_json(started, identity)


def _dataset(folder, settings, compute, identity, root: Path) -> dict:
    """What was written (written.json in `root`); the folder is renamed into place when it is whole."""
    if not root.exists():
        with written_aside(root) as aside:
            aside.mkdir()
            written = write_dataset(folder, identity["studies"], settings, compute, seed=identity["seed"], root=aside)
            write_json(aside / "written.json", {"studies": [_plain(one) for one in written]})
    return read_json(root / "written.json")


def _box_px(labels: Path, settings: DetectorSettings) -> float:
    """About how large a box is on a canvas, px: by the settings, or the mean of those written."""
    if settings.box_mm is not None and settings.mm_per_px is not None:
        return sum(settings.box_mm.of(condition) for condition in Condition) / len(Condition) / settings.mm_per_px
    sides = [float(side) for path in labels.glob("*.txt") for line in path.read_text(encoding="utf-8").splitlines()
             for side in line.split()[3:]]
    return float(np.mean(sides)) * settings.image_px


def _plain(one: WrittenStudy) -> dict:
    positions = np.where(np.isnan(one.positions_mm), None, one.positions_mm.round(3))
    return {"study_id": one.study_id, "images": one.images, "boxes": one.boxes.tolist(),
            "positions_mm": positions.tolist()}


def _data_yaml(scratch: Path, settings: DetectorSettings) -> Path:
    """Where the images are, as ultralytics wants to be told; absolute, so it is written anew if the run has moved."""
    path = scratch / "data.yaml"
    write_text(path, yaml.safe_dump({
        "path": str(scratch / "data"), "train": "images", "val": "images", "channels": 1,
        "names": dict(enumerate(classes_for(settings).names)),
    }))
    return path
