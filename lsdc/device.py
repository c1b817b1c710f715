"""The device that settings ask for, proven by a real operation."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lsdc.config import ComputeSettings
from lsdc.errors import DeviceError

if TYPE_CHECKING:
    import torch

NO_MEMORY = "out of memory|can't allocate|alloc_failed"  # how torch and its libraries say so

log = logging.getLogger(__name__)


def choose_device(compute: ComputeSettings) -> "torch.device":
    """The torch device for `compute.accelerator`: auto takes a GPU that works, else the CPU.

    A GPU counts when a small operation on it gives the right number: `is_available()` alone is true on cards that
    the installed torch has no kernels for. DeviceError when a GPU is asked for and none works.
    """
    import torch

    if compute.accelerator == "cpu":
        return torch.device("cpu")
    fault = gpu_fault()
    if fault is None:
        return torch.device("cuda")
    if compute.accelerator == "gpu":
        raise DeviceError("a GPU was asked for and none can be used", wanted="a working CUDA device", got=fault,
                          where="compute.accelerator", remedy="use --set compute.accelerator=cpu (make SET=...), or "
                          "mend the driver; `lsdc doctor` shows what torch sees")
    if torch.cuda.is_available():
        log.warning("the GPU is not used: %s", fault)
    return torch.device("cpu")


def usable_gpus() -> tuple[list[str], list[str]]:
    """Every CUDA device that computes correctly, as cuda:0, and for each other one why not."""
    import torch

    if not torch.cuda.is_available():
        return [], []
    faults = {name: gpu_fault(name) for name in (f"cuda:{number}" for number in range(torch.cuda.device_count()))}
    return ([name for name, fault in faults.items() if fault is None],
            [f"{name}: {fault}" for name, fault in faults.items() if fault is not None])


def gpu_fault(device: str = "cuda") -> str | None:
    """Why a CUDA device (the first by default) cannot be used; None when it computes correctly."""
    import torch

    if not torch.cuda.is_available():
        return "torch sees no CUDA device"
    try:
        ones = torch.ones(8, 8, device=device)
        total = float((ones @ ones).sum())
    except RuntimeError as error:
        return str(error).splitlines()[0]
    return None if total == 512 else f"a matrix product gave {total} instead of 512"


def lacks_memory(error: BaseException) -> bool:
    """Whether an error says that a GPU or this machine has no memory left."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and re.search(NO_MEMORY, str(error), flags=re.I) is not None)


def out_of_memory(text: str, where: object, *, lower: str) -> DeviceError:
    """What to say of it. text: of the error; where: the device; lower: the settings that need less."""
    whose = "the GPU" if str(where).startswith("cuda") else "this machine"
    return DeviceError(f"{whose} is out of memory", got=text.strip().partition("\n")[0] or None, where=where,
                       remedy=f"lower {lower}")


@contextmanager
def memory_of(device: object, *, lower: str) -> Iterator[None]:
    """DeviceError where the block runs out of memory, which names the settings to lower."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if lacks_memory(error):
            raise out_of_memory(str(error), device, lower=lower) from error
        raise


def sent(values: "torch.Tensor", device: "torch.device") -> "torch.Tensor":
    """Values from memory on a device; to a GPU through pinned memory, so that nobody waits for the copy."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)
