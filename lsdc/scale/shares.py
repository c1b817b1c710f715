"""What a task on this machine may use of it: its share of the cores and GPUs, so that tasks do not crowd each other."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lsdc.errors import DeviceError
from lsdc.scale.terms import Launch

VISIBLE = "CUDA_VISIBLE_DEVICES"
WITHOUT_GPU = 2  # tasks at once where nobody says how many


@dataclass(frozen=True)
class Share:
    """cores: those that the task is kept to, none: any. environment: variables that it starts with."""

    cores: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def shares(launch: Launch) -> list[Share]:
    """A share for each of the tasks that run on this machine at once.

    Cores are dealt out evenly (or launch.cpus to each), at least one to a task, and OMP_NUM_THREADS is their number
    unless it is set. GPUs too, and where there are fewer than tasks, tasks share one. DeviceError where each is to have
    some of its own and there are not enough.
    """
    gpus = visible_gpus()
    count = launch.at_once or len(gpus) or WITHOUT_GPU
    if (launch.gpus or 0) * count > len(gpus):
        raise DeviceError("there are fewer GPUs than the tasks ask for", got=len(gpus), where=VISIBLE,
                          wanted=f"{launch.gpus} for each of {count} tasks",
                          remedy="lower --at-once or --launch-option gpus=")
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    each = launch.cpus or max(1, (len(cores) or os.cpu_count() or 1) // count)
    return [Share(_dealt(cores, number, each), _threads(each) | {VISIBLE: ",".join(_gpus(gpus, number, count, launch))})
            for number in range(count)]


def visible_gpus() -> list[str]:
    """The GPUs that a program started here would see, by the names that CUDA_VISIBLE_DEVICES has for them."""
    if (said := os.environ.get(VISIBLE)) is not None:
        return [name.strip() for name in said.split(",") if name.strip() not in ("", "-1", "NoDevFiles")]
    there = [path for path in Path("/dev").glob("nvidia*") if path.name.removeprefix("nvidia").isdecimal()]
    return [str(number) for number in range(len(there))]


def _dealt(cores: Sequence[int], number: int, each: int) -> tuple[int, ...]:
    first = number * each
    return tuple(sorted({cores[(first + i) % len(cores)] for i in range(each)})) if cores else ()


def _threads(each: int) -> dict[str, str]:
    return {} if "OMP_NUM_THREADS" in os.environ else {"OMP_NUM_THREADS": str(each)}


def _gpus(gpus: Sequence[str], number: int, count: int, launch: Launch) -> Sequence[str]:
    if launch.gpus == 0 or not gpus:
        return []
    each = launch.gpus or len(gpus) // count
    return gpus[number * each:(number + 1) * each] if each else [gpus[number % len(gpus)]]
