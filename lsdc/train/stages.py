"""Seconds and peak memory of each stage, kept beside its result."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lsdc.errors import StorageError
from lsdc.files import write_json
from lsdc.ranks import rank, wait_until
from lsdc.record import commit, peak_memory_gb
from lsdc.runs import FoldFolder

SHARED = ("train the classifier",)

log = logging.getLogger(__name__)


@contextmanager
def stage(here: FoldFolder, name: str) -> Iterator[bool]:
    """Yield whether a stage (a key of RESULTS) is still to be done.

    If so, announce it, discard what later stages made of its earlier results, time it, and record that it ended well.
    Of several processes (see ranks.py) the first does so; the others take part in SHARED, and wait for all else.
    """
    if rank():
        if name not in SHARED:
            wait_until(lambda: here.done(name))
        yield not here.done(name)
        return
    if here.done(name):
        yield False
        return
    log.info("%s ...", name)
    here.discard_after(name)
    start = time.perf_counter()
    yield True
    seconds = time.perf_counter() - start
    write_json(here.stages, _known(here) | {name: {
        "seconds": round(seconds, 1), "peak_memory_gb": round(peak_memory_gb(), 2), "commit": commit()}})
    log.info("%s: %.0f s", name, seconds)


def _known(here: FoldFolder) -> dict[str, dict]:
    """What is on record; nothing where that is damaged: no training ends for it."""
    try:
        return here.stage_records()
    except StorageError as error:
        log.warning("begun anew: %s", error)
        return {}
