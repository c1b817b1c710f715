"""Many cases in processes of their own, each held to seconds of CPU and to memory; a crash names its case."""

import contextlib
import multiprocessing
import os
import re
import resource
import signal
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

CPU_S = 2.0  # of one reader, whatever else the machine does
BLOCKED_S = 60  # without a word: it waits for something that never comes
GIGABYTE = 2**30
MEMORY = re.compile(r"MemoryError|bad_alloc|Unable to allocate|out of memory|Cannot allocate")

Look = Callable[[int], str]  # the number of a case to its outcome in a word or two; raises for what must not be


@dataclass
class Told:
    """outcomes: how many cases ended how; failures: what must not be, each with the number of its case."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = [f"{count:7d}  {outcome}" for outcome, count in self.outcomes.most_common()]
        return "\n".join([f"{self.outcomes.total()} cases, {len(self.failures)} failures", *counts, *self.failures])


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    """The process is killed by SIGPROF, in the middle of any C code too, when the block takes CPU_S of CPU time."""
    signal.setitimer(signal.ITIMER_PROF, CPU_S)
    yield  # what raises leaves the timer to the next block, which sets it anew
    signal.setitimer(signal.ITIMER_PROF, 0)


def look_at_all(make: Callable[[Path], Look], folder: Path, numbers: Sequence[int]) -> Told:
    """make(folder of its own) in a process for each core gives what looks at a case; all numbers are looked at.

    A process that dies, hangs, or has held a gigabyte more than at its start is a failure, and another goes on.
    """
    count = len(os.sched_getaffinity(0))
    told = Told()
    with ThreadPoolExecutor(count) as pool:
        for part in pool.map(lambda i: _part(make, folder / str(i), numbers[i::count]), range(count)):
            told.outcomes += part.outcomes
            told.failures += part.failures
    return told


def _part(make: Callable[[Path], Look], folder: Path, numbers: Sequence[int]) -> Told:
    told, left = Told(), deque(numbers)
    folder.mkdir(parents=True)
    while left:
        ours, theirs = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, make, folder, list(left)))
        process.start()
        theirs.close()
        begun, at_work = 0, False
        for outcome, failure in _messages(ours):
            at_work = not (outcome or failure)
            begun += at_work
            told.outcomes += Counter([outcome] if outcome else [])
            told.failures += [f"case {left[begun - 1]}: {failure}"] if failure else []
        process.join(1)
        silent = process.is_alive()
        process.kill()
        process.join()
        if not begun:
            raise RuntimeError(f"a process for cases does not start: exit code {process.exitcode}")
        if at_work:
            told.failures.append(f"case {left[begun - 1]}: {'it waits' if silent else _ending(process.exitcode)}")
        for _ in range(begun):
            left.popleft()
    return told


def _messages(ours: Connection) -> Iterator[tuple[str, str]]:
    """(outcome, failure), both empty where a case begins, until the other side ends or falls silent."""
    while ours.poll(BLOCKED_S):
        try:
            yield ours.recv()
        except EOFError:
            return


def _ending(code: int) -> str:
    if code == -signal.SIGPROF:
        return f"more than {CPU_S} s of CPU"
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"the process ended with {code}"


def _serve(theirs: Connection, make: Callable[[Path], Look], folder: Path, numbers: Sequence[int]) -> None:
    look = make(folder)
    start = _peak_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (start + 4 * GIGABYTE,) * 2)  # what asks for more gets a MemoryError
    for number in numbers:
        theirs.send(("", ""))
        try:
            outcome, failure = look(number), ""
        except BaseException as error:
            where = [f"{one.name}:{one.lineno}" for one in traceback.extract_tb(error.__traceback__)[-4:]]
            outcome, failure = "", f"{type(error).__name__}: {str(error)[:300]} {where}"
        grown = _peak_bytes() - start
        if grown > GIGABYTE:
            outcome, failure = "", f"{failure} {grown / GIGABYTE:.1f} GB of memory".strip()
        theirs.send((outcome, failure))
        if grown > GIGABYTE:  # a peak stays
            return


def _peak_bytes() -> int:
    """The largest address space that this process has had."""
    return int(re.search(r"VmPeak:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
