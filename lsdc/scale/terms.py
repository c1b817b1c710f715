"""Where tasks run and with how much: what --launch, --at-once and --launch-option say, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lsdc.errors import ConfigError

CLUSTERS = ("local", "slurm")
COMMON = {"tries": 1, "gpus": 0, "cpus": 1, "minutes": 1}  # whole numbers, and the least of each
SLURM = {"memory_gb": 1, "nodes": 1, "tasks_per_node": 1}
SLURM_WORDS = (  # of submitit's Slurm executor, handed on as they are
    "partition", "account", "qos", "constraint", "gres", "exclude", "nodelist", "dependency", "exclusive", "comment",
    "mail_type", "mail_user", "mem_per_cpu", "mem_per_gpu", "cpus_per_gpu", "gpus_per_task", "signal_delay_s", "wckey")
SLURM_LISTS = ("setup", "srun_args")  # may be given several times
OTHER = "sbatch."  # sbatch.reservation=abc becomes #SBATCH --reservation=abc
TRIES = 3
NO_LIMIT, DAY = 10**6, 24 * 60  # minutes that a task may take on this machine, and on a cluster


@dataclass(frozen=True)
class Launch:
    """cluster: local or slurm. at_once: tasks that run or queue at the same time, None: on Slurm all, on this machine
    one for each GPU, or two. tries: of each task. gpus, cpus, memory_gb, minutes: for each task, None where nothing was
    said. slurm: what else submitit's Slurm executor is told.
    """

    cluster: str
    at_once: int | None = None
    tries: int = TRIES
    gpus: int | None = None
    cpus: int | None = None
    memory_gb: int | None = None
    minutes: int | None = None
    nodes: int | None = None
    tasks_per_node: int | None = None
    slurm: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, cluster: str, at_once: int | None = None, options: Sequence[str] = ()) -> "Launch":
        """From options of the form key=value; ConfigError with everything that is wrong with them."""
        faults = []
        if cluster not in CLUSTERS:
            faults.append(f"--launch {cluster}: wanted {' or '.join(CLUSTERS)}")
        if at_once is not None and at_once < 1:
            faults.append(f"--at-once {at_once}: wanted 1 or more")
        numbers = COMMON | SLURM if cluster == "slurm" else COMMON
        given: dict[str, int] = {}
        slurm: dict[str, object] = {}
        for text in options:
            key, sign, value = text.partition("=")
            if not sign or not value:
                faults.append(f"{text}: wanted key=value")
            elif key in numbers:
                if not value.isdecimal() or int(value) < numbers[key]:
                    faults.append(f"{text}: wanted a whole number, {numbers[key]} or more")
                else:
                    given[key] = int(value)
            elif cluster == "slurm" and key in SLURM_WORDS:
                slurm[key] = _plain(value)
            elif cluster == "slurm" and key in SLURM_LISTS:
                slurm[key] = [*slurm.get(key, ()), value]
            elif cluster == "slurm" and key.startswith(OTHER) and key != OTHER:
                slurm.setdefault("additional_parameters", {})[key.removeprefix(OTHER)] = _plain(value)
            else:
                faults.append(f"{key}: there is no such option of {cluster} tasks")
        if faults:
            known = [*numbers, *((*SLURM_WORDS, *SLURM_LISTS, f"{OTHER}NAME") if cluster == "slurm" else ())]
            raise ConfigError("tasks cannot be launched like this", got="\n          ".join(faults),
                              wanted=f"--launch-option with one of: {', '.join(known)}",
                              remedy="see `lsdc train --help`")
        return cls(cluster, at_once, slurm=slurm, **given)

    @property
    def limit(self) -> int:
        """Minutes that a task may take before it is stopped and goes on in a new one."""
        return self.minutes or (DAY if self.cluster == "slurm" else NO_LIMIT)


def _plain(value: str) -> object:
    """A number or a truth value where the text is one."""
    if value in ("true", "false"):
        return value == "true"
    return int(value) if value.isdecimal() else value
