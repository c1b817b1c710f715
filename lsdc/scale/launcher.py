"""Runs tasks, so many at once, starts those again that failed or were killed, and tells what came of each."""

import logging
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from lsdc.errors import TaskError
from lsdc.progress import track
from lsdc.record import family
from lsdc.scale import executors
from lsdc.scale.shares import Share, shares
from lsdc.scale.tasks import Sent, Task
from lsdc.scale.terms import Launch

LOOK_S, ASK_S = 0.3, 30.0  # between looks at what is done, and questions to Slurm's books
STOP_S = 5.0  # that killed processes have to end
PAUSE_S = 1.0  # before another try: processes of the last one may still be ending
TAIL = 12  # last lines of what a failed task said

log = logging.getLogger(__name__)


class Ended(NamedTuple):
    """A task that is over: what it returned, or why its last try failed, with its log. full: since the disk is."""

    task: Task
    value: object
    failure: str | None
    log: Path | None
    full: bool = False


@dataclass(eq=False)
class Try:
    """The number-th try of a task; job and share while it runs."""

    task: Task
    number: int = 1
    begins: float = 0.0
    job: object = None
    share: Share | None = None


class Launcher:
    """Tasks go in by `add`, come out of `step` when they are over. To be closed, which ends those that run."""

    def __init__(self, launch: Launch, *, clock: Callable[[], float] = time.monotonic):
        """LsdcError where submitit or Slurm is not there, DeviceError where GPUs are too few."""
        executors.need(launch)
        self.launch, self.clock, self.local = launch, clock, launch.cluster == "local"
        self.free = shares(launch) if self.local else []
        self.at_once = len(self.free) if self.local else launch.at_once
        self.waiting: deque[Try] = deque()
        self.running: list[Try] = []
        self.asked, self.stamp = clock(), f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{os.getpid()}"

    def add(self, task: Task) -> None:
        self.waiting.append(Try(task))

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self.running)

    def step(self) -> list[Ended]:
        """Look at what runs, start what can be started, and return at once what is over."""
        ask = not self.local and self.clock() - self.asked >= ASK_S
        self.asked = self.clock() if ask else self.asked
        done = [one for number, one in enumerate(self.running) if one.job.done(force_check=ask and number == 0)]
        ended = [over for one in done if (over := self._over(one))]
        for one in [one for one in self.waiting if one.begins <= self.clock()]:
            if self.at_once is None or len(self.running) < self.at_once:
                self.waiting.remove(one)
                self._start(one)
        return ended

    def results(self) -> Iterator[Ended]:
        """Every task that was added, as they come."""
        while self.busy:
            yield from self.step()
            if self.busy:
                time.sleep(LOOK_S)

    def processes(self) -> list[int]:
        """Of this machine: the process that holds each running task."""
        return [int(one.job.job_id) for one in self.running] if self.local else []

    def close(self) -> None:
        """End what runs. Nothing is lost that was finished."""
        for one in self.running:
            if not self.local:
                one.job.cancel(check=False)
            for process in family(int(one.job.job_id)) if self.local else ():
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        until = self.clock() + STOP_S
        while self.local and self.clock() < until and not all(one.job.done() for one in self.running):
            time.sleep(LOOK_S / 10)
        for one in self.running:
            executors.forget(one.job)
        self.running.clear()
        self.waiting.clear()

    def _start(self, one: Try) -> None:
        logs = one.task.logs / "launch" / self.stamp / one.task.name
        one.share = self.free.pop(0) if self.local else Share()
        made = executors.executor(self.launch, logs, one.task.name)
        with _without_interrupts():
            one.job = executors.submit(made, Sent.of(one.task, one.share, launcher=os.getpid() if self.local else None))
        self.running.append(one)
        log.info("%s: started, its log is %s", one.task.name, one.job.paths.stderr)

    def _over(self, one: Try) -> Ended | None:
        """What came of a try that has ended; None where another follows."""
        self.running.remove(one)
        if self.local:
            self.free.append(one.share)
        answer = executors.outcome(one.job, local=self.local)
        executors.forget(one.job)
        if (why := answer.error) is None:
            log.info("%s: done", one.task.name)
            return Ended(one.task, answer.value, None, one.job.paths.stderr)
        if one.number < self.launch.tries and not answer.full:
            log.warning("%s: try %d of %d failed and is made again: %s", one.task.name, one.number, self.launch.tries,
                        why)
            self.waiting.append(Try(one.task, one.number + 1, self.clock() + PAUSE_S * one.number))
            return None
        return Ended(one.task, None, f"{why} ({one.number} tries)" if one.number > 1 else why, one.job.paths.stderr,
                     answer.full)


def run_tasks(tasks: Sequence[Task], launch: Launch, what: str) -> list[object]:
    """What each task returned, in their order, with progress.

    TaskError at the end when some failed at every try, with the last lines of what each of them said.
    """
    with closing(Launcher(launch)) as launcher:
        for task in tasks:
            launcher.add(task)
        ended = {one.task.name: one for one in track(launcher.results(), what, len(tasks))}
    told = [ended[task.name] for task in tasks]
    if failed := [one for one in told if one.failure]:
        raise TaskError(f"{len(failed)} of {len(tasks)} tasks failed", got="\n          ".join(map(story, failed)),
                        remedy="mend what is named and give the same command again; what is finished is kept")
    return [one.value for one in told]


def story(one: Ended) -> str:
    """A failed task in words: why, where its log is, and the log's last lines."""
    try:
        lines = one.log.read_text(errors="replace").splitlines()[-TAIL:]
    except OSError:
        lines = []
    return "\n          ".join([f"{one.task.name}: {one.failure}", str(one.log), *(f"| {line}" for line in lines)])


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """What is started here does not hear Ctrl-C: the launcher ends it, and says so once."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
