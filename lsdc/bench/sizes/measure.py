"""One stage at one size, measured in the process that does it: seconds, processor seconds, memory."""

import time
from contextlib import suppress
from pathlib import Path

from lsdc.bench.sizes.place import Place
from lsdc.bench.sizes.work import STAGES
from lsdc.config import Settings
from lsdc.record import peak_memory_gb


def measure(name: str, place: Place, settings: Settings) -> dict:
    """studies, counted (what the stage counts), seconds, processor_seconds, held_mb (before the work) and peak_mb.

    Meant for a fresh process. Where the kernel does not forget the peak of what came before, held_mb is that peak.
    """
    work = STAGES[name].ready(place, settings)
    with suppress(OSError):  # there is no /proc, or it is read-only
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the mark of the largest size starts anew
    held, began, used = peak_memory_gb(), time.perf_counter(), time.process_time()
    counted = work()
    return {"studies": place.studies, "counted": counted, "seconds": time.perf_counter() - began,
            "processor_seconds": time.process_time() - used, "held_mb": 1000 * held, "peak_mb": 1000 * peak_memory_gb()}
