"""Who grades: processes of their own, one for each device, or this process. Studies in, parts out, nothing raised
for a single study."""

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Protocol

from lsdc.errors import DeviceError, LsdcError
from lsdc.submit.crew import Crew
from lsdc.submit.parts import Part
from lsdc.submit.worker import KILLED, Job, Lost, Models, Ready, Work, grade, read, serve
from lsdc.threads import cores

STUDY_LIMIT_S = START_LIMIT_S = 900.0  # a study that takes longer, or models that do, will never end
TRIES, STARTS = 2, 3  # of a study whose process was killed; of a process before its first study
STOP_S = 5.0  # that a process has to end by itself
# glibc hands large blocks back to the system when they are freed; else a process grows with its largest studies
GIVES_BACK = {"MALLOC_MMAP_THRESHOLD_": str(2**22), "MALLOC_TRIM_THRESHOLD_": str(2**22)}

log = logging.getLogger(__name__)


class Hands(Protocol):
    """lanes: how many studies are graded at the same time."""

    lanes: int

    def room(self) -> int:
        """How many more jobs can be given now."""

    def give(self, job: Job) -> None: ...

    def wait(self, seconds: float | None) -> list[Part]:
        """Parts that were finished meanwhile; none when the time is over first."""

    def processes(self) -> list[int]:
        """Ids of the processes that work."""

    def close(self) -> None: ...


class Here:
    """This process, one study at a time, with nothing read ahead: for tests, and where processes cannot be had."""

    lanes = 1

    def __init__(self, work: Work, models: Models | None = None, *, clock: Callable[[], float] = time.perf_counter):
        self.work, self.clock, self.jobs = work, clock, deque()
        self.models = models or work.load(work.device)

    def room(self) -> int:
        return 1 - len(self.jobs)

    def give(self, job: Job) -> None:
        self.jobs.append(job)

    def wait(self, seconds: float | None) -> list[Part]:
        told = grade(self.work, self.models, self.jobs.popleft(), None, self._read, clock=self.clock)
        if isinstance(told, Lost):
            raise DeviceError("the device failed", got=told.cause, where=self.work.device)
        return [told]

    def _read(self, study_id: int, _):
        return read(self.work.folder, study_id, self.clock)

    def processes(self) -> list[int]:
        return [os.getpid()]

    def close(self) -> None: ...


@dataclass(eq=False)
class Lane:
    """A process and the jobs that it has: the first is being graded since `since`, a second may be read meanwhile."""

    work: Work
    process: object = None
    pipe: Connection | None = None
    ready: bool = False
    starts: int = 0
    since: float = 0.0
    jobs: deque = field(default_factory=deque)


class Processes:
    """A process for each Work. One that is killed is replaced, its study tried once more and then given up."""

    def __init__(self, works: Sequence[Work], *, clock: Callable[[], float] = time.monotonic,
                 study_limit_s: float = STUDY_LIMIT_S):
        self.clock, self.study_limit_s = clock, study_limit_s
        self.tries: dict[int, int] = {}
        self.again: deque[Job] = deque()  # of processes that were killed
        self.context = get_context("spawn")  # forked libraries with threads may hang
        self.lanes_there = [Lane(work) for work in works]
        for lane in self.lanes_there:
            self._start(lane)

    @property
    def lanes(self) -> int:
        return len(self.lanes_there)

    def room(self) -> int:
        return sum(self._room(lane) for lane in self.lanes_there) - len(self.again)

    def give(self, job: Job) -> None:
        lane = min(self.lanes_there, key=lambda one: (len(one.jobs), not one.ready))
        if lane.ready and not lane.jobs:
            lane.since = self.clock()
        lane.jobs.append(job)
        with suppress(OSError):  # if it has died, `wait` will find that
            lane.pipe.send(job)

    def wait(self, seconds: float | None) -> list[Part]:
        """LsdcError when no process can be started, or the models cannot be loaded."""
        while self.again and any(self._room(lane) for lane in self.lanes_there):
            self.give(self.again.popleft())
        limit = min(self._left(lane) for lane in self.lanes_there)
        heard = wait([lane.pipe for lane in self.lanes_there],
                     max(0.0, limit if seconds is None else min(seconds, limit)))
        parts = [part for lane in list(self.lanes_there) if lane.pipe in heard and (part := self._hear(lane))]
        return parts + [part for lane in self.lanes_there if (part := self._too_long(lane))]

    def processes(self) -> list[int]:
        return [lane.process.pid for lane in self.lanes_there]

    def close(self) -> None:
        """End all processes, those that work at once."""
        for lane in self.lanes_there:
            if lane.jobs or not lane.ready:
                lane.process.kill()
            else:
                with suppress(OSError):
                    lane.pipe.send(None)
        for lane in self.lanes_there:
            lane.process.join(STOP_S)
            if lane.process.is_alive():
                lane.process.kill()
                lane.process.join()
            lane.pipe.close()

    def _room(self, lane: Lane) -> int:
        return 1 + lane.work.ahead - len(lane.jobs)

    def _left(self, lane: Lane) -> float:
        """Seconds after which a process is no longer waited for."""
        limit = self.study_limit_s if lane.ready else START_LIMIT_S
        return limit if lane.ready and not lane.jobs else lane.since + limit - self.clock()

    def _start(self, lane: Lane) -> None:
        lane.pipe, theirs = self.context.Pipe()
        lane.ready, lane.starts, lane.since = False, lane.starts + 1, self.clock()
        lane.process = self.context.Process(target=serve, args=(theirs, lane.work))
        with _environment(OMP_NUM_THREADS=str(lane.work.threads), **GIVES_BACK):  # before the child loads a library
            lane.process.start()
        theirs.close()
        for job in lane.jobs:
            lane.pipe.send(job)

    def _hear(self, lane: Lane) -> Part | None:
        try:
            told = lane.pipe.recv()
        except (EOFError, OSError):
            return self._ended(lane, KILLED)
        if isinstance(told, Ready):
            lane.ready, lane.starts, lane.since = True, 0, self.clock()
            return None
        if isinstance(told, Lost):
            return self._ended(lane, told.cause)
        if isinstance(told, Exception):
            self._cannot_start(lane, told)
            return None
        lane.jobs.popleft()
        lane.since = self.clock()
        return told

    def _too_long(self, lane: Lane) -> Part | None:
        if self._left(lane) > 0:
            return None
        if lane.ready:
            self.tries[lane.jobs[0].study_id] = TRIES
        return self._ended(lane, f"it took longer than {self.study_limit_s:.0f} s")

    def _ended(self, lane: Lane, cause: str) -> Part | None:
        """A fresh process for one that has died or must, and the part of its study if that is given up now."""
        lane.process.kill()
        lane.process.join()
        lane.pipe.close()
        if not lane.ready:
            if lane.starts >= STARTS:
                raise LsdcError("the process that grades is ended from outside each time it starts", got=cause,
                                where=lane.work.device, remedy="free some memory, or use fewer processes with --set "
                                "compute.workers=1")
            self._start(lane)
            return None
        job = lane.jobs.popleft() if lane.jobs else None
        self._start(lane)
        lane.since = self.clock()
        if job is None:
            return None
        self.tries[job.study_id] = self.tries.get(job.study_id, 0) + 1
        if self.tries[job.study_id] < TRIES:
            log.warning("study %s is tried once more: %s", job.study_id, cause)
            self.again.append(job)
            return None
        return Part(job.study_id, effort=job.effort, failed=cause, device=lane.work.device)

    def _cannot_start(self, lane: Lane, error: Exception) -> None:
        """What a process says before its first study: a fault of the models is everybody's, one of a GPU its own."""
        if isinstance(error, LsdcError) or lane.work.device == "cpu":
            raise error if isinstance(error, LsdcError) else LsdcError(
                "the models cannot be loaded", got=error, remedy="run the bundle's or the run's own checks")
        lane.process.join()
        lane.pipe.close()
        jobs = list(lane.jobs)
        if len(self.lanes_there) > 1:
            log.warning("%s is not used: %s", lane.work.device, error)
            self.lanes_there.remove(lane)
            self.again.extend(jobs)
            return
        log.warning("%s is not used, the CPU is instead: %s", lane.work.device, error)
        lane.work = replace(lane.work, device="cpu", threads=cores())
        lane.jobs.clear()
        self.again.extend(jobs)
        self._start(lane)


def hired(crew: Crew) -> Processes:
    """A process for each work of the crew."""
    return Processes(crew.works)


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
