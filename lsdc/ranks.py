"""Which of several processes this is, where torchrun or Slurm started the same command several times.

The first one does everything; the others take part in the classifier's training alone, and wait for the files it needs.
The run folder lies on a disk that all machines share.
"""

import os
import time
from collections.abc import Callable

LOOK_SECONDS = 0.5


def rank() -> int:
    """This process's number among all that torchrun or srun started; 0 where nobody did."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return int(os.environ["RANK"])
    if "SLURM_STEP_ID" in os.environ:  # not in a batch script, which one process runs
        return int(os.environ.get("SLURM_PROCID", 0))
    return 0


def started_by() -> str | None:
    """torchrun, slurm, or None where this command was started by itself."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return "torchrun"
    return "slurm" if int(os.environ.get("SLURM_NTASKS", 1)) > 1 and "SLURM_STEP_ID" in os.environ else None


def started() -> int:
    """How many processes torchrun or Slurm started; 1 where nobody did."""
    return int(os.environ[{"torchrun": "WORLD_SIZE", "slurm": "SLURM_NTASKS"}[by]]) if (by := started_by()) else 1


def wait_until(done: Callable[[], bool]) -> None:
    """Wait for what the first process does. Should it fail, torchrun and srun end the others."""
    while not done():
        time.sleep(LOOK_SECONDS)
