"""The same work for many jobs, spread over processes that keep to one thread each and end with their parent."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import cv2

from lsdc.errors import LsdcError
from lsdc.progress import track
from lsdc.threads import cores

R = TypeVar("R")

_work: Callable = None  # of this worker process
_shared: tuple = ()


def each(
    work: Callable[..., R], jobs: Sequence[tuple], *, what: str, workers: int, shared: tuple = (), few: int = 2
) -> Iterator[R]:
    """work(*shared, *job) for every job, in their order, with progress.

    workers: processes, 0 for every core that may be used; with 1, or fewer jobs than `few`, all is done in this
    process. shared: sent to each process once. LsdcError when a process is ended from outside; an error of `work`
    itself passes as it is.
    """
    workers = min(workers or cores(), len(jobs))
    if workers <= 1 or len(jobs) < few:
        yield from track((work(*shared, *job) for job in jobs), what, len(jobs))
        return
    context = multiprocessing.get_context("spawn")  # forked libraries with threads may hang
    with ProcessPoolExecutor(workers, context, _start, (work, shared)) as pool:
        try:
            yield from track(pool.map(_do, jobs), what, len(jobs))
        except BrokenProcessPool as error:
            raise LsdcError(f"a process was ended from outside (out of memory?) during: {what}", got=error,
                            remedy="run again, it goes on where it stopped; with fewer processes if memory is short "
                                   "(--set compute.workers=2, or --workers 2)") from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def in_own_process(work: Callable[..., R], *arguments: object) -> R:
    """work(*arguments) in a process that ends with it and takes with it what its libraries hold (a GPU's memory)."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), keep_to_parent) as pool:
        return pool.submit(work, *arguments).result()


def _start(work: Callable, shared: tuple) -> None:
    global _work, _shared
    _work, _shared = work, shared
    keep_to_parent()


def keep_to_parent() -> None:
    """To be called first in a process that works for another: one thread of OpenCV, and it ends with its parent."""
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent closes no queue, and its workers would wait for ever."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _do(job: tuple):
    return _work(*_shared, *job)
