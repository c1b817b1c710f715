"""The audit at competition size: many links to one phantom's series, read as if they were so many studies."""

import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from lsdc.audit import audit_folder
from lsdc.bench.repeated import repeat_studies
from lsdc.bench.saved import save_figures
from lsdc.config import cache_root
from lsdc.record import peak_memory_gb


def bench_audit(competition: Path, *, studies: int) -> str:
    """Seconds and memory of auditing `studies` training studies, headers only; saved as json under the cache folder.

    competition: a phantom's competition folder, whose studies are repeated under other ids.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:  # so that its memory is its own
        figures = pool.submit(time_audit, competition, studies, cache_root()).result()
    said = save_figures("audit", figures)
    return (f"audit: {figures['studies']} studies, {figures['files']} files, headers only: {figures['seconds']:.0f} s, "
            f"{1000 * figures['seconds'] / figures['files']:.2f} ms a file, largest process "
            f"{figures['peak_memory_gb']:.2f} GB, {figures['findings']} findings; links to one phantom, so its files "
            f"come from memory: {said}")


def time_audit(competition: Path, studies: int, beside: Path) -> dict:
    """Figures of one audit of a folder of links, made below `beside` and removed."""
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="audit.", dir=beside) as place:
        repeat_studies(competition.absolute(), Path(place), studies)
        start = time.perf_counter()
        found = audit_folder(Path(place), parts=("train",))
        seconds = time.perf_counter() - start
    return {"studies": found.sizes["train"][0], "files": found.sizes["train"][2], "seconds": seconds,
            "findings": len(found.findings), "peak_memory_gb": peak_memory_gb()}
