"""A piece of work as it travels to another process or machine, and what comes back."""

import logging
import os
import pickle
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lsdc.errors import FullDiskError, LsdcError, printable
from lsdc.progress import log_to_stderr
from lsdc.scale.shares import Share
from lsdc.threads import spin_briefly

LOOK_S = 1.0  # between looks at whether the launcher still lives


class Task(NamedTuple):
    """work(*arguments), which goes on where it was when it is called again. logs: the folder of what it says."""

    name: str
    work: Callable
    arguments: tuple
    logs: Path


class Answer(NamedTuple):
    """What the work returned, or in words why there is nothing; full: since the disk is, so that nothing can come."""

    value: object = None
    error: str | None = None
    full: bool = False


@dataclass(frozen=True)
class Sent:
    """A task for submitit. payload: work and arguments, unpacked when the environment is set, since unpacking them may
    import torch. launcher: the process that this one is not to outlive, None on a cluster.
    """

    payload: bytes
    share: Share
    launcher: int | None
    level: int

    @classmethod
    def of(cls, task: Task, share: Share, *, launcher: int | None) -> "Sent":
        return cls(pickle.dumps((task.work, task.arguments)), share, launcher,
                   logging.getLogger("lsdc").getEffectiveLevel())

    def __call__(self) -> Answer:
        if self.launcher is not None:
            threading.Thread(target=_end_with, args=(self.launcher, os.getppid()), daemon=True).start()
        os.environ.update(self.share.environment)
        if self.share.cores:
            os.sched_setaffinity(0, self.share.cores)
        spin_briefly()
        log_to_stderr(self.level)
        logging.getLogger("submitit").propagate = False  # its own words go to stdout; a failure's log ends with ours
        try:
            work, arguments = pickle.loads(self.payload)  # noqa: S301 # nosec B301 (the launcher made it)
            return Answer(work(*arguments))
        except LsdcError as error:
            sys.stderr.write(f"error: {error}\n")
            return Answer(error=error.problem, full=isinstance(error, FullDiskError))
        except Exception as error:
            sys.stderr.write(printable(traceback.format_exc(), lines=True))
            return Answer(error=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")

    def checkpoint(self):
        """What submitit queues anew when a task's time is over or a more urgent one needs its place: the same."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def _end_with(launcher: int, parent: int) -> None:
    """submitit's local processes outlive whoever started them; ours would then hold folds that nobody waits for."""
    while os.getppid() == parent and _lives(launcher):
        time.sleep(LOOK_S)
    os._exit(1)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
