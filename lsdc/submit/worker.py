"""The process that grades studies on one device, one after the other; the next one is read meanwhile."""

import gc
import logging
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd

from lsdc.competition import CompetitionFolder, Study, read_study
from lsdc.config import ComputeSettings
from lsdc.device import gpu_fault, lacks_memory
from lsdc.errors import LsdcError
from lsdc.processes import keep_to_parent
from lsdc.submit.effort import Effort
from lsdc.submit.parts import Part, are_probabilities, files_of
from lsdc.submit.recipe import Recipe
from lsdc.submit.stages import WHOLE, Stopwatch
from lsdc.taxonomy import SEVERITY_COLUMNS

KILLED = "its process was ended from outside (out of memory?)"
NO_MEMORY = "out of memory"

log = logging.getLogger(__name__)


class Job(NamedTuple):
    """A study to grade, and how much is to be done for it."""

    study_id: int
    effort: Effort


class Read(NamedTuple):
    """A study as read from disk, with the files it was read from and the seconds that this took."""

    study: Study
    files: list
    seconds: float


class Models(Protocol):
    """What grades a study; `lsdc.submit.models.Ensemble` is the real one."""

    def rows(self, study: Study, effort: Effort, lap: Callable[[str], None]): ...

    def smaller(self) -> "Models": ...


@dataclass(frozen=True)
class Work:
    """What a worker needs, sent to it once. load: from a device's name to Models. device: cpu, cuda:0, ...

    ahead: a process of its own reads the next study while one is graded; else each is read when its turn comes.
    """

    folder: CompetitionFolder
    load: Callable[[str], Models]
    device: str
    threads: int
    ahead: bool


def open_models(recipe: Recipe, compute: ComputeSettings, half: str | None, threads: int, device: str) -> Models:
    """The recipe's models on a device; half: float16 or bfloat16 for the classifier's arithmetic, None for float32.

    threads: of torch on the CPU. Sets this process up for the same answers each time.
    """
    import torch

    from lsdc.submit.models import Ensemble

    torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = False  # the same answers on every card, and in a run that goes on
    torch.backends.cudnn.deterministic = True
    return Ensemble.load(recipe, torch.device(device), compute, getattr(torch, half) if half else None)


class Ready(NamedTuple):
    """The models are loaded; studies may come."""


class Lost(NamedTuple):
    """The device failed in the middle of a study: this process ends, and the study is to be tried in another."""

    study_id: int
    cause: str


def serve(pipe: Connection, work: Work) -> None:
    """Take jobs from the pipe until it closes, and answer with a Part for each. Sends Ready first, or the error."""
    keep_to_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's matter
    logging.getLogger("lsdc").setLevel(logging.ERROR)  # faults travel with the part
    try:
        models = work.load(work.device)
    except Exception as error:
        pipe.send(error if isinstance(error, LsdcError) else RuntimeError(f"{type(error).__name__}: {error}"))
        return
    pipe.send(Ready())
    reader = Reader(work)
    jobs: queue.SimpleQueue = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, reader, jobs), daemon=True).start()
    while (taken := jobs.get()) is not None:
        told = grade(work, models, *taken, reader.read)
        pipe.send(told)
        if isinstance(told, Lost):
            break
    reader.close()


def grade(work: Work, models: Models, job: Job, ahead: Future | None, read: Callable, *,
          clock: Callable[[], float] = time.perf_counter) -> Part | Lost:
    """A study's Part, whatever happens in this process."""
    watch, got = Stopwatch(clock), None
    try:
        got = read(job.study_id, ahead)
        watch("wait for it")
        try:
            rows = models.rows(got.study, job.effort, watch)
        except (MemoryError, RuntimeError) as error:
            if not lacks_memory(error):
                raise
            _free_memory()
            rows = models.smaller().rows(got.study, job.effort, watch)
        values = rows[list(SEVERITY_COLUMNS)].to_numpy(np.float64)
        if not are_probabilities(values):
            raise LsdcError("the models' answer is not 25 times three probabilities")
        fallback = [None if pd.isna(cause) else str(cause) for cause in rows["fallback"]]
    except Exception as error:
        cause = NO_MEMORY if lacks_memory(error) else _said(error)
        if work.device != "cpu" and not isinstance(error, LsdcError) and _broken(work.device):
            return Lost(job.study_id, cause)
        return Part(job.study_id, effort=job.effort, failed=cause, files=got.files if got else [],
                    faults=list(got.study.faults) if got else [], device=work.device)
    seconds = {**watch.seconds, "read": got.seconds, WHOLE: watch.whole}
    seconds.pop("wait for it")
    return Part(job.study_id, values.tolist(), fallback, job.effort, None, list(got.study.faults), seconds, got.files,
                work.device)


def read(folder: CompetitionFolder, study_id: int, clock: Callable[[], float] = time.perf_counter) -> Read:
    """Read and decode a test study."""
    began = clock()
    files = files_of(folder, study_id)
    study = read_study(folder, study_id, "test")
    return Read(study, files, clock() - began)


class Reader:
    """Reads studies in this process, or ahead in one of its own, which is replaced when it is killed."""

    def __init__(self, work: Work, read: Callable[[CompetitionFolder, int], Read] = read):
        self.work, self.pool, self.how = work, None, read

    def begin(self, study_id: int) -> Future | None:
        if not self.work.ahead:
            return None
        try:
            self.pool = self.pool or ProcessPoolExecutor(1, get_context("spawn"), keep_to_parent)
            return self.pool.submit(self.how, self.work.folder, study_id)
        except BrokenProcessPool as error:
            broken: Future = Future()
            broken.set_exception(error)
            return broken

    def read(self, study_id: int, ahead: Future | None) -> Read:
        """The study; LsdcError where two processes were killed over it."""
        if ahead is None:
            return self.how(self.work.folder, study_id)
        for attempt in (1, 2):
            try:
                return ahead.result()
            except BrokenProcessPool as error:
                self.pool = None
                if attempt == 2:
                    raise LsdcError(f"while it was read, {KILLED}") from error
                ahead = self.begin(study_id)
        raise AssertionError

    def close(self) -> None:
        if self.pool:
            self.pool.shutdown(cancel_futures=True)


def _receive(pipe: Connection, reader: Reader, jobs: queue.SimpleQueue) -> None:
    """Jobs from the pipe to the queue, reading begun; None at the end."""
    try:
        while (job := pipe.recv()) is not None:
            jobs.put((job, reader.begin(job.study_id)))
    except (EOFError, OSError):
        pass
    jobs.put(None)


def _free_memory() -> None:
    gc.collect()
    if (torch := sys.modules.get("torch")) is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _broken(device: str) -> bool:
    """Whether the device gives no right answers any more."""
    return gpu_fault(device) is not None


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    return error.problem if isinstance(error, LsdcError) else f"{type(error).__name__}: {text}"
