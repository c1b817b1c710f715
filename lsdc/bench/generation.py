"""Seconds and memory that the phantom takes for each study, by stage."""

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from unittest.mock import patch

import numpy as np
from pydantic import BaseModel, FiniteFloat
from tabulate import tabulate

from lsdc.bench.saved import last_figures, save_figures
from lsdc.phantom import study
from lsdc.record import peak_memory_gb

STAGES = ("plan", "render", "write")


class _Last(BaseModel):
    seconds_per_study: dict[str, FiniteFloat]


def bench_generation(seed: int, *, studies: int) -> str:
    """Time the first training studies of a phantom of this seed, one after the other in one process of their own.

    The table as text; the figures are saved as json under the cache folder and shown beside those of the last time.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:  # so that its memory is its own
        seconds, slices, memory_gb = pool.submit(time_studies, seed, studies).result()
    totals = seconds.sum(axis=1)
    figures = dict(zip((*STAGES, "whole study"), map(float, (*np.median(seconds, axis=0), np.median(totals))),
                       strict=True))
    last = last_figures("phantom", _Last, seed=seed, studies=studies)
    before = last.seconds_per_study if last else {}
    said = save_figures("phantom", {
        "seed": seed, "studies": studies, "slices_per_study": float(np.median(slices)), "seconds_per_study": figures,
        "slowest_study_seconds": float(totals.max()), "peak_memory_gb": memory_gb,
    })
    rows = [(name, f"{value:.3f}", f"{before[name]:.3f}" if name in before else "") for name, value in figures.items()]
    table = tabulate(rows, headers=("phantom", "seconds per study", "last time"), disable_numparse=True,
                     colalign=("left", "right", "right"))
    return (f"{table}\n\nmedian of {studies} studies of {np.median(slices):.0f} slices, slowest {totals.max():.2f} s, "
            f"one process, its peak memory {memory_gb:.2f} GB; {said}")


def time_studies(seed: int, studies: int) -> tuple[np.ndarray, list[int], float]:
    """Seconds (studies, STAGES), slices of each study, and the peak memory of this process in GB.

    One further study is made first and not counted, to leave one-time costs out.
    """
    seconds, slices = np.zeros((studies + 1, len(STAGES))), []
    shapes, scans = _Timed(study.render_slice), _Timed(study.Receiver.stored)
    with (tempfile.TemporaryDirectory() as place, patch.object(study, "render_slice", shapes),
          patch.object(study.Receiver, "stored", lambda *words: scans(*words))):
        for number in range(studies + 1):
            shapes.seconds, scans.seconds, scans.calls = 0.0, 0.0, 0
            start = time.perf_counter()
            plan = study.plan_study(seed, "train", number)
            planned = time.perf_counter()
            study.write_study(plan, Path(place) / str(number))
            rendered = shapes.seconds + scans.seconds
            seconds[number] = planned - start, rendered, time.perf_counter() - planned - rendered
            slices.append(scans.calls)
    return seconds[1:], slices[1:], peak_memory_gb()


class _Timed:
    """A function that adds up its seconds and calls."""

    def __init__(self, work: Callable):
        self.work, self.seconds, self.calls = work, 0.0, 0

    def __call__(self, *words, **named):
        start = time.perf_counter()
        try:
            return self.work(*words, **named)
        finally:
            self.seconds += time.perf_counter() - start
            self.calls += 1
