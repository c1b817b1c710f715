"""The weights a detector may start from: a YOLO file of ultralytics, or safetensors. None of its code is run."""

from pathlib import Path

import torch

from lsdc.errors import WeightsError
from lsdc.tensors import read_safetensors, read_tensors, tensors_of

REMEDY = "name a YOLOv8 .pt file or its .safetensors in detector.weights, or set it to null"


def starting_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of the network in a file, by name, on the CPU.

    WeightsError when it is missing, cannot be read, holds no detector, or names anything but networks and tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError("the detector's starting weights are missing", wanted="a local YOLOv8 .pt file", where=path,
                           remedy=REMEDY)
    if path.suffix == ".safetensors":
        found = read_safetensors(path, remedy=REMEDY)
    else:
        found = tensors_of(read_tensors(path, remedy=REMEDY, networks=True))
    if not any(name.startswith("model.0.") for name in found):
        raise WeightsError("these are no starting weights of a detector", where=path, remedy=REMEDY,
                           wanted="a YOLOv8 .pt file as ultralytics writes it", got="a file of another kind")
    return found
