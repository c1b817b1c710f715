"""What a command left, as values that can be compared: bytes, but for weights, losses and times."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.numpy import load_file

TOLERANCE = 1e-6  # of losses and weights
NOT_RESULTS = {  # of a machine, a moment, or a training that is not over
    "environment.json", "stages.json", "summary.html", "summary.json", "last.ckpt", "inputs.json", "tensorboard",
    "ledger.csv"}


def results(folder: Path, made: tuple[str, ...]) -> dict[str, object]:
    """By name, the results among the files of these files and folders. Hidden ones and those in the making are none."""
    found = {}
    for top in (folder / name for name in made):
        for path in sorted(top.rglob("*") if top.is_dir() else [top]):
            parts = path.relative_to(folder).parts[len(Path(top).relative_to(folder).parts) - 1:]
            hidden = any(part.startswith(".") for part in parts[1:])
            if path.is_file() and not hidden and not NOT_RESULTS.intersection(parts) and not any(
                    part.endswith(".training") for part in parts):
                found[path.relative_to(folder).as_posix()] = _value(path)
    return found


def differences(wanted: dict[str, object], got: dict[str, object]) -> list[str]:
    """What is not as wanted, a line each."""
    told = [f"{name} is not there" for name in sorted(wanted.keys() - got.keys())]
    told += [f"{name} is too much" for name in sorted(got.keys() - wanted.keys())]
    return told + [f"{name} differs" for name in sorted(wanted.keys() & got.keys())
                   if not _same(wanted[name], got[name])]


def _same(one: object, other: object) -> bool:
    if not isinstance(one, dict):
        return one == other
    return one.keys() == other.keys() and all(
        np.allclose(one[name], other[name], rtol=0, atol=TOLERANCE, equal_nan=True) if isinstance(one[name], np.ndarray)
        else one[name] == other[name] for name in one)


def _value(path: Path) -> object:
    special = READERS.get(path.name) or READERS.get(path.suffix)
    return special(path) if special else path.read_bytes()


def _scripted(path: Path) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in torch.jit.load(path, map_location="cpu").state_dict().items()}


def _history(path: Path) -> dict[str, np.ndarray]:
    return {name: column.to_numpy(float) for name, column in pd.read_csv(path).drop(columns="seconds").items()}


def _epochs(path: Path) -> dict[str, np.ndarray]:
    """The losses of every epoch in a detector's log; of an epoch that was said twice, the last."""
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.startswith('{"epoch"')]
    return {str(one["epoch"]): np.array([one["loss"][name] for name in sorted(one["loss"])])
            for one in lines if "loss" in one}


def _without(*names: str) -> Callable[[Path], dict]:
    def read(path: Path) -> dict:
        return {name: value for name, value in json.loads(path.read_text()).items() if name not in names}

    return read


READERS = {
    ".torchscript": _scripted, ".safetensors": load_file, "history.csv": _history, "training.log": _epochs,
    "detector.json": _without("sha256"), "classifier.json": _without("sha256", "seconds"),
    "manifest.json": _without("made"),
}
