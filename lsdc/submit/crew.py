"""Which processes grade on this machine: one or several for each GPU that computes, else a few on the CPU."""

import logging
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lsdc.competition import CompetitionFolder
from lsdc.config import ComputeSettings
from lsdc.device import usable_gpus
from lsdc.errors import DeviceError
from lsdc.processes import in_own_process
from lsdc.submit.precision import FULL, decide_precision
from lsdc.submit.recipe import Recipe
from lsdc.submit.worker import Work, open_models
from lsdc.threads import cores

MOST_LANES = 4  # processes on the CPU, or on one GPU
GIGABYTES_EACH, GIGABYTES_ON_GPU = 1.2, 4.0  # memory of the machine for each, that of one on a GPU with its reader
CORES_ON_GPU = 2  # of each process on a GPU: one grades, one reads ahead

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Crew:
    """What will work, the classifier's arithmetic in words, and notes: what could not be used, and why.

    elsewhere: who grades instead of processes of this machine, in words.
    """

    works: tuple[Work, ...]
    precision: str
    notes: tuple[str, ...]
    elsewhere: str = ""

    @property
    def lanes(self) -> str:
        return self.elsewhere or f"{len(self.works)} process{'es' if len(self.works) > 1 else ''}"


def choose_crew(recipe: Recipe, folder: CompetitionFolder, compute: ComputeSettings, studies: int) -> Crew:
    """Processes for each GPU, one for every two cores and up to four, since most of a study's time is the CPU's.

    Without a GPU one for each core up to four (measured: two processes of one thread grade more studies on two cores
    than one of two threads). `compute.workers` bounds them, and so does the free memory.

    DeviceError when a GPU is asked for and none computes.
    """
    gpus, notes = _gpus(compute)
    if not gpus:
        lanes = _lanes(compute, studies)
        threads = max(1, cores() // lanes)
        work = Work(folder, partial(open_models, recipe, compute, None, threads), "cpu", threads, ahead=False)
        return Crew((work,) * lanes, FULL, tuple(notes))
    half, precision, said = decide_precision(recipe, folder, compute, gpus[0])
    lanes = [gpu for _ in range(_lanes_on_each(len(gpus), compute)) for gpu in gpus][:max(studies, 1)]
    threads = max(1, cores() // len(lanes))
    load = partial(open_models, recipe, compute, half, threads)
    return Crew(tuple(Work(folder, load, gpu, threads, ahead=True) for gpu in lanes), precision, (*notes, *said))


def _gpus(compute: ComputeSettings) -> tuple[list[str], list[str]]:
    if compute.accelerator == "cpu" or (compute.accelerator == "auto" and not _may_have_gpu()):
        return [], []
    try:
        gpus, faults = in_own_process(usable_gpus)
    except BrokenProcessPool as error:
        gpus, faults = [], [f"the process that asked for GPUs was ended: {error}"]
    if not gpus and compute.accelerator == "gpu":
        raise DeviceError("a GPU was asked for and none can be used", wanted="a working CUDA device",
                          got="; ".join(faults) or "torch sees no CUDA device", where="compute.accelerator",
                          remedy="use --set compute.accelerator=cpu, or mend the driver (`lsdc doctor` asks torch)")
    notes = [f"not used: {fault}" for fault in faults]
    for note in notes:
        log.warning("%s", note)
    return gpus, notes


def _may_have_gpu() -> bool:
    """Whether it is worth while to load torch in order to ask; anything but Linux always is."""
    return not Path("/dev").is_dir() or any(map(Path.exists, map(Path, (
        "/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/kfd"))))


def _lanes(compute: ComputeSettings, studies: int) -> int:
    wanted = min(compute.workers or cores(), cores(), MOST_LANES, max(studies, 1))
    return max(1, min(wanted, int(_free_gb() / GIGABYTES_EACH)))


def _lanes_on_each(gpus: int, compute: ComputeSettings) -> int:
    wanted = min(compute.workers or cores(), cores()) // (CORES_ON_GPU * gpus)
    return max(1, min(wanted, MOST_LANES, int(_free_gb() / (GIGABYTES_ON_GPU * gpus))))


def _free_gb() -> float:
    """Memory of the machine; much where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) / 1e6 for line in lines if line.startswith("MemAvailable"))
    except (OSError, ValueError, StopIteration):
        return 1e6
