"""submitit's executors, built from our terms; the only file that imports it."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lsdc.errors import LsdcError
from lsdc.files import explained, is_full
from lsdc.ranks import started_by
from lsdc.scale.tasks import Answer
from lsdc.scale.terms import Launch
from lsdc.submit.worker import KILLED

if TYPE_CHECKING:
    from submitit import AutoExecutor

FULL = "the disk is full, and what it did could not be written"
UNFINISHED = ".save_tmp"  # how submitit calls what it has not written to its end
INSTALL = "pip install 'submitit>=1.5' (make setup has it, and so has the extra: pip install 'lsdc[cluster]')"


def need(launch: Launch) -> None:
    """LsdcError unless submitit, and for Slurm its commands, are there, and this is the only process that launches."""
    if (starter := started_by()) is not None:
        raise LsdcError("a launch is started once", got=f"started several times by {starter}", where="--launch",
                        remedy="give the command without torchrun or srun; a task of several processes is "
                               "--launch-option nodes=... and tasks_per_node=...")
    try:
        import submitit  # noqa: F401
    except ModuleNotFoundError as error:
        raise LsdcError("tasks are launched by submitit, which is not installed", got=error, remedy=INSTALL) from error
    logger = logging.getLogger("submitit")
    for handler in list(logger.handlers):  # its own would write to stdout
        logger.removeHandler(handler)
    logger.setLevel(logging.WARNING)
    lacking = [name for name in ("sbatch", "srun", "sacct") if launch.cluster == "slurm" and not shutil.which(name)]
    if lacking:
        raise LsdcError("this machine cannot submit to Slurm", wanted="sbatch, srun and sacct",
                        got=f"no {', '.join(lacking)}", where="PATH",
                        remedy="give the command on a login node of the cluster, or use --launch local")


def executor(launch: Launch, logs: Path, name: str) -> "AutoExecutor":
    """What submits a task of this name and keeps what it says in the folder `logs`."""
    from submitit import AutoExecutor

    with _placed(logs):
        made = AutoExecutor(logs, cluster=launch.cluster, slurm_max_num_timeout=launch.tries,
                            local_max_num_timeout=launch.tries)
        made.update_parameters(
            name=f"lsdc-{name}", timeout_min=launch.limit, gpus_per_node=launch.gpus, cpus_per_task=launch.cpus,
            mem_gb=launch.memory_gb, nodes=launch.nodes, tasks_per_node=launch.tasks_per_node,
            **{f"slurm_{key}": value for key, value in launch.slurm.items()})
    return made


def submit(made: "AutoExecutor", work):
    """The submitted job. FullDiskError where there is no room for it, LsdcError where the cluster refuses it."""
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    with _placed(made.folder):
        try:
            return made.submit(work)
        except (FailedJobError, FailedSubmissionError) as error:
            raise LsdcError("the cluster refused a task", got=str(error).strip().replace("\n", "\n          "),
                            where=made.folder, remedy="look at --launch-option: partition, account, limits") from error


@contextmanager
def _placed(logs: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise explained(error, logs) or LsdcError("a task cannot be started", got=error, where=logs) from error


def outcome(job, *, local: bool) -> Answer:
    """What came of a job that is done: the answer of the first of its processes, or why there is none."""
    if local and not job.paths.result_pickle.exists():  # its controller has ended: nothing will come any more
        return Answer(error=FULL, full=True) if is_full(job.paths.folder) else Answer(error=KILLED)
    if (error := job.exception()) is not None:
        lines = [line.strip() for line in str(error).splitlines() if line.strip() and set(line.strip()) != {"-"}]
        return Answer(error=next((line for line in lines if "Error: " in line),
                                 lines[0] if lines else type(error).__name__))
    return job.results()[0]


def forget(job) -> None:
    """Remove what was sent and came back: a later process of the same number would be taken for this one."""
    for paths in (job.task(number).paths for number in range(job.num_tasks)):
        with suppress(OSError):
            for path in (paths.result_pickle, paths.submitted_pickle):
                path.unlink(missing_ok=True)
                path.with_name(path.name + UNFINISHED).unlink(missing_ok=True)
