"""Seconds and peak memory of each stage, kept beside its result."""

import logging
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lsdc.files import read_json, write_json

log = logging.getLogger(__name__)


@contextmanager
def stage(record: Path, name: str) -> Iterator[None]:
    """Announce a stage, time it, and add it to the json record when it ends well."""
    log.info("%s ...", name)
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    stages = read_json(record) if record.exists() else {}
    write_json(record, stages | {name: {"seconds": round(seconds, 1), "peak_memory_gb": round(peak_memory_gb(), 2)}})
    log.info("%s: %.0f s", name, seconds)


def peak_memory_gb() -> float:
    """Largest resident memory so far of this process or of its largest finished child, in GB."""
    unit = 1e9 if sys.platform == "darwin" else 1e6  # bytes there, kilobytes elsewhere
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / unit
