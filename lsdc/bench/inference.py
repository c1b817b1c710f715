"""Seconds per study of inference, by stage."""

import time
from collections import defaultdict

import numpy as np
import torch
from tabulate import tabulate

from lsdc.bench.saved import last_figures, save_figures
from lsdc.competition import CompetitionFolder, read_study
from lsdc.config import Settings
from lsdc.detect import locate_from_candidates
from lsdc.device import choose_device
from lsdc.errors import DataError
from lsdc.runs import RunFolder
from lsdc.submit import FoldModel

STAGES = ("read and decode", "detect", "decode levels", "crop and grade")


def bench_inference(folder: CompetitionFolder, run: RunFolder, settings: Settings, *, studies: int) -> str:
    """Time every stage on the first test studies with the first trained fold; the table as text.

    The first study is run once untimed, to leave one-time costs out. The figures are saved as json under the cache
    folder and shown beside those of the last time.
    """
    ids = folder.study_ids("test")[:studies]
    if not ids:
        raise DataError("no test study to time", where=folder.root)
    model = FoldModel.load(run.trained_folds()[0], choose_device(settings.compute), settings.compute)
    model.rows(read_study(folder, ids[0], "test"))
    seconds, slices = defaultdict(list), []
    for study_id in ids:
        clock = _Clock(seconds)
        study = read_study(folder, study_id, "test")
        clock.lap("read and decode")
        candidates = model.detector.candidates(study)
        clock.lap("detect")
        locations = locate_from_candidates(study, candidates, model.detector, fold=model.fold).locations
        clock.lap("decode levels")
        model.grader.rows(study, locations, model.priors)
        clock.lap("crop and grade")
        slices.append(sum(len(one.series) for one in study.series))
    return _report(seconds, slices, run)


class _Clock:
    def __init__(self, seconds: dict[str, list[float]]):
        self.seconds, self.last = seconds, time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name].append(now - self.last)
        self.last = now


def _report(seconds: dict[str, list[float]], slices: list[int], run: RunFolder) -> str:
    totals = np.sum([seconds[name] for name in STAGES], axis=0)
    figures = {name: float(np.median(seconds[name])) for name in STAGES} | {"whole study": float(np.median(totals))}
    before = last_figures("inference").get("seconds_per_study", {})
    said = save_figures("inference", {
        "run": run.path.name, "studies": len(slices), "slices_per_study": float(np.median(slices)),
        "seconds_per_study": figures, "slowest_study_seconds": float(totals.max()), "threads": torch.get_num_threads(),
    })
    rows = [(name, f"{value:.3f}", f"{before[name]:.3f}" if name in before else "") for name, value in figures.items()]
    table = tabulate(rows, headers=("inference", "seconds per study", "last time"), colalign=("left", "right", "right"))
    return (f"{table}\n\nmedian of {len(slices)} studies of {np.median(slices):.0f} slices, "
            f"slowest {totals.max():.2f} s, run {run.path.name}; {torch.get_num_threads()} threads, {said}")
