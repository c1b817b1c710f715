"""What tasks do in these tests. Each writes down its tries, so that a test sees how often it was made."""

import os
import signal
import threading
import time
from pathlib import Path

from lsdc.errors import WeightsError


def tried(notes: Path, name: str) -> int:
    """Write down a try and return its number, from 1."""
    number = len(list(notes.glob(f"{name}.*"))) + 1
    (notes / f"{name}.{number}").write_text(str(os.getpid()))
    return number


def facts(notes: Path, name: str) -> dict:
    """What this process has of the machine."""
    tried(notes, name)
    return {"name": name, "cores": len(os.sched_getaffinity(0)), "threads": os.environ.get("OMP_NUM_THREADS"),
            "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"), "folder": os.getcwd()}


def dies_once(notes: Path, name: str) -> str:
    if tried(notes, name) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return name


def answers(notes: Path, name: str, size: int) -> bytes:
    """An answer of so many bytes."""
    tried(notes, name)
    return os.urandom(size)


def raises(notes: Path, name: str) -> None:
    number = tried(notes, name)
    raise ZeroDivisionError(f"try {number} of {name} divides by nothing")


def refuses(notes: Path, name: str) -> None:
    tried(notes, name)
    raise WeightsError("these weights are damaged", where=notes / "weights", remedy="train them anew")


def sleeps(notes: Path, name: str, seconds: float = 600.0) -> str:
    tried(notes, name)
    time.sleep(seconds)
    return name


def train_and_die_once(notes: Path, name: str, data: Path, overrides: tuple[str, ...], fold: int, out: Path) -> Path:
    """`train_small`, killed in its first try when the history has an epoch."""
    history = out.with_name(f"{out.name}.training") / "history.csv"

    def kill() -> None:
        while not history.exists() or len(history.read_text().splitlines()) < 2:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGKILL)

    if tried(notes, name) == 1:
        threading.Thread(target=kill, daemon=True).start()
    return train_small(data, overrides, fold, out)


def train_small(data: Path, overrides: tuple[str, ...], fold: int, out: Path) -> Path:
    """A classifier of a few seconds, as tests/grade trains it."""
    from lsdc.competition import open_folder
    from lsdc.config import load_settings
    from lsdc.grade import train_classifier
    from lsdc.tables import LOCATION_ERRORS
    from tests.grade.conftest import PHANTOM, SMALL

    errors = LOCATION_ERRORS.frame([{"study_id": 1, "condition": "canal", "side": "midline", "level": "l1_l2",
                                     "x_mm": 1.0, "y_mm": 0.5, "slices": 0}])
    train_classifier(open_folder(data), fit_studies=[1001, 1002, 1003, 1004], tuning_studies=[1005, 1006],
                     location_errors=errors, fold=fold, seed=9, out=out,
                     settings=load_settings(PHANTOM, [*SMALL, *overrides]))
    return out
