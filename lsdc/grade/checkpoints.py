"""Checkpoints that are whole or not there, and read without running code: Lightning's own are copied into place where
the temporary folder is on another disk than the run, and a kill in the middle of that leaves half of one."""

import io
from pathlib import Path

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from lsdc.files import written_aside
from lsdc.tensors import read_tensors

ANEW = "remove this folder, and the classifier is trained anew"


class WrittenAside(TorchCheckpointIO):
    """Writes as `written_aside` does; StorageError where there is no room. Reads as `read_tensors` does."""

    def save_checkpoint(self, checkpoint: dict, path: str | Path, storage_options: object = None) -> None:
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        with written_aside(Path(path)) as aside:
            aside.write_bytes(buffer.getbuffer())

    def load_checkpoint(self, path: str | Path, *asked, **more) -> dict:
        return read_tensors(Path(path), remedy=ANEW)
