"""Starting the processes of a training on several devices, and what they say when they fail."""

import logging
import os
import re
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy
from torch.multiprocessing import ProcessRaisedException

from lsdc.device import NO_MEMORY, out_of_memory
from lsdc.errors import DeviceError, LsdcError
from lsdc.progress import log_to_stderr

ADDRESS = "127.0.0.1"
MEMORY = ("training.batch_size or crops.size_px (compute.batch_size where tuning studies are graded), or use "
          "compute.precision=bf16-mixed")
NOISE = (
    "does not have many workers", "Checkpoint directory", "The number of training batches", "isinstance.*LeafSpec",
    "Trying to infer the `batch_size`", "Starting from v1.9.0", "You defined a `validation_step`",
    "find_unused_parameters=True was specified",
)


class Spawned(DDPStrategy):
    """A process for each device, started inside `fit`; only the one that called it goes on after.

    Lightning's default runs the whole command again for each device. Heads of conditions that a batch lacks get no
    gradient, hence find_unused_parameters.
    """

    def __init__(self):
        super().__init__(cluster_environment=LightningEnvironment(), start_method="spawn", find_unused_parameters=True)
        self.level = logging.getLogger("lsdc").getEffectiveLevel()

    def setup_environment(self) -> None:
        log_to_stderr(self.level)
        quiet()
        super().setup_environment()


def quiet() -> None:
    """What Lightning says of itself at each start is not about this training."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for text in NOISE:
        warnings.filterwarnings("ignore", message=f".*{text}")


def check_loopback() -> None:
    """DeviceError when this machine cannot reach itself: the processes would wait for each other for ever."""
    try:
        with socket.create_server((ADDRESS, 0)) as server, socket.create_connection(server.getsockname(), timeout=5):
            pass
    except OSError as error:
        raise DeviceError("the processes of a training cannot reach each other", wanted=f"a network interface at "
                          f"{ADDRESS}", got=error, where="compute.devices", remedy="use --set compute.devices=1, or "
                          "bring it up (ip link set lo up)") from error


@contextmanager
def port_forgotten() -> Iterator[None]:
    """Lightning leaves the port of a training in the environment, and the next would take it again."""
    before = os.environ.get("MASTER_PORT")
    try:
        yield
    finally:
        os.environ.pop("MASTER_PORT", None)
        if before is not None:
            os.environ["MASTER_PORT"] = before


def told(error: Exception, where: object) -> Exception:
    """What a failure of one of the processes, torch's ProcessException, was: our own error again where it was one."""
    if not isinstance(error, ProcessRaisedException):
        return LsdcError("a process of the training was ended from outside (out of memory?)", got=error, where=where,
                         remedy="run again, it goes on from its last epoch")
    text = str(error).strip()  # a traceback
    if ours := list(re.finditer(r"^(lsdc(?:\.\w+)+)\.(\w+): ", text, flags=re.M)):
        return getattr(sys.modules[ours[-1][1]], ours[-1][2])(text[ours[-1].end():])
    if found := re.search(rf"^[\w.]*Error: (.*(?:{NO_MEMORY}).*)", text, flags=re.M | re.I):
        return out_of_memory(found[1], where, lower=MEMORY)
    return error
