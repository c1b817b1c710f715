"""Seconds and size of a report of so many studies, of a run whose answers are a phantom's truth with noise."""

import os
import shutil
import tempfile
import time
from pathlib import Path

from lsdc.bench.saved import save_figures
from lsdc.bench.simulated import simulate_run
from lsdc.competition import open_folder
from lsdc.config import Settings, cache_root
from lsdc.report.pages import write_report


def bench_report(competition: Path, settings: Settings, *, studies: int) -> str:
    """Time `lsdc report` on the first `studies` training studies of a phantom; saved as json under the cache folder."""
    folder, beside = open_folder(competition), cache_root()
    chosen = folder.study_ids("train")[:studies]
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="report.", dir=beside) as place:
        run = simulate_run(Path(place) / "simulated", folder, settings, studies=chosen)
        start, used = time.perf_counter(), _processor_seconds()
        write_report(run, folder, settings, run.report, workers=settings.compute.workers)
        seconds, used = time.perf_counter() - start, _processor_seconds() - used
        files = [path for path in run.report.rglob("*") if path.is_file()]
        figures = {"studies": len(chosen), "seconds": seconds, "processor_seconds": used, "files": len(files),
                   "megabytes": sum(path.stat().st_size for path in files) / 1e6,
                   "megabytes_images": sum(path.stat().st_size for path in files if path.suffix == ".webp") / 1e6}
        shutil.rmtree(run.report)
    said = save_figures("report", figures)
    return (f"report of {figures['studies']} studies (truth with noise in the place of a trained network): "
            f"{seconds:.0f} s, of all processors {used:.0f} s, {used / len(chosen):.2f} s a study; "
            f"{figures['megabytes']:.1f} MB in "
            f"{figures['files']} files, {figures['megabytes_images']:.1f} MB of them images; {said}")


def _processor_seconds() -> float:
    """Of this program and its finished children: on a busy machine they say more than the clock."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
