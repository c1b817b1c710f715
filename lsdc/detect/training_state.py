"""A training between two epochs, whole, so that one that was killed goes on as if it had never stopped.

ultralytics' own last.pt holds the averaged weights alone, in 16 bits, and nothing of chance: a training that goes on
from it is another one. Here an epoch depends on the state before it, the seed and its number only (on a CPU; on a GPU
the processes that read images draw by themselves). Plain tensors and numbers, read without running code.
"""

import io
import random
import sys
from pathlib import Path

import numpy as np
import torch

from lsdc.errors import printable
from lsdc.files import written_aside
from lsdc.tensors import CodeRefusedError, read_tensors

STATE_FILE = "state.pt"


def begin_epoch(trainer) -> None:
    """Chance of this epoch: its order and its augmentations, whatever was drawn before."""
    seed = (trainer.args.seed + 1 + trainer.epoch) % 2**31
    random.seed(seed)
    np.random.seed(seed)  # what ultralytics draws from
    torch.manual_seed(seed)
    loader = trainer.train_loader
    loader.generator.manual_seed(seed)
    if loader.num_workers == 0:
        loader.reset()  # its iterator draws when it is made: always in this place


def write_state(trainer, path: Path) -> None:
    """What the next epoch starts from, aside and renamed."""
    buffer = io.BytesIO()  # torch says of a full disk that a position is unexpected
    torch.save({
        "epoch": trainer.epoch, "model": trainer.model.state_dict(), "ema": trainer.ema.ema.state_dict(),
        "updates": trainer.ema.updates, "optimizer": trainer.optimizer.state_dict(),
        "scaler": trainer.scaler.state_dict(),
        "mosaic": list(trainer.train_loader.dataset.buffer),  # images that others are joined with
    }, buffer)
    with written_aside(path) as aside:
        aside.write_bytes(buffer.getbuffer())


def read_state(path: Path) -> dict | None:
    """The state of the last finished epoch; None where there is none, or it is damaged: training starts anew.

    CodeRefusedError for a file that none of our trainings wrote and that could run code.
    """
    if not path.exists():
        return None
    try:
        state = read_tensors(path, remedy="remove this file if you do not know who wrote it, and run again")
        return state if state["epoch"] >= 0 else None
    except CodeRefusedError:
        raise
    except Exception as error:  # what damaged bytes lead to
        print(printable(f"{path} cannot be read, training starts anew: {error}"), file=sys.stderr)
        return None


def go_on(trainer, state: dict) -> None:
    """Put a trainer that is about to begin where the state was."""
    _restore(trainer, state, state["model"])
    dataset = trainer.train_loader.dataset
    for image in state["mosaic"]:
        dataset.load_image(image, rect_mode=dataset.rect)
    trainer.start_epoch = state["epoch"] + 1


def averaged_network(state: dict, architecture: str, classes: int) -> torch.nn.Module:
    """The network with the averaged weights of a state: what is kept of a training.

    architecture: the name of ultralytics' yaml. It comes from the settings and never from the file: ultralytics
    evaluates a word of a network's description.
    """
    from ultralytics.nn.tasks import DetectionModel

    network = DetectionModel(architecture, ch=1, nc=classes, verbose=False)
    network.load_state_dict(state["ema"])
    return network


def go_back(trainer, state: dict) -> None:
    """After an epoch whose loss is no number: begin it again from the averaged weights, as ultralytics does."""
    _restore(trainer, state, state["ema"])
    trainer.scheduler.last_epoch = trainer.epoch - 1


def _restore(trainer, state: dict, weights: dict) -> None:
    trainer.model.load_state_dict(weights)
    trainer.ema.ema.load_state_dict(state["ema"])
    trainer.ema.updates = state["updates"]
    trainer.optimizer.load_state_dict(state["optimizer"])
    trainer.scaler.load_state_dict(state["scaler"])
