"""Seconds of scoring a table as large as the competition's: the metric, its bootstrap, and every table of evaluate."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, FiniteFloat
from tabulate import tabulate

from lsdc.bench.saved import last_figures, save_figures
from lsdc.competition.grades import read_grades
from lsdc.config import EvaluationSettings
from lsdc.evaluate.bootstrap import score_replicates
from lsdc.evaluate.comparison import compare_models
from lsdc.evaluate.file_scores import score_files
from lsdc.evaluate.floor import floor_predictions
from lsdc.evaluate.graded import graded
from lsdc.evaluate.metric import score, study_sums
from lsdc.evaluate.prediction_files import Answers
from lsdc.evaluate.probabilities import probabilities
from lsdc.phantom.latents import draw_labels, latent_rows
from lsdc.tables import LATENTS
from lsdc.taxonomy import TARGETS, Severity


class _Last(BaseModel):
    seconds: dict[str, FiniteFloat]


def bench_scores(seed: int, settings: EvaluationSettings, *, studies: int) -> str:
    """Seconds for the labels of a phantom of so many studies, answered by its floor; saved as json below the cache."""
    with tempfile.TemporaryDirectory() as place:
        truth, predictions = write_tables(Path(place), seed, studies)
        seconds = time_scores(truth, predictions, settings)
    about = {"seed": seed, "studies": studies, "rows": studies * len(TARGETS), "bootstrap": settings.bootstrap}
    last = last_figures("scores", _Last, **about)
    before = last.seconds if last else {}
    said = save_figures("scores", {**about, "seconds": seconds})
    lines = [(name, f"{value:.3f}", f"{before[name]:.3f}" if name in before else "") for name, value in seconds.items()]
    table = tabulate(lines, headers=("scores", "seconds", "last time"), colalign=("left", "right", "right"),
                     disable_numparse=True)
    return "\n\n".join([table, f"{studies} studies, {studies * len(TARGETS)} rows, {settings.bootstrap} replicates; "
                      f"{said}"])


def write_tables(place: Path, seed: int, studies: int) -> tuple[Path, Path]:
    """A train.csv of a phantom's labels and its floor as a submission, without images."""
    labels = [draw_labels(seed, "train", index) for index in range(studies)]
    grades = [[Severity(grade).title for grade in one.severity] for one in labels]
    truth = pd.DataFrame(grades, columns=[target.column for target in TARGETS])
    truth.insert(0, "study_id", range(1, studies + 1))
    latents = pd.concat([latent_rows(number, one) for number, one in enumerate(labels, start=1)])
    truth.to_csv(place / "train.csv", index=False)
    floor_predictions(LATENTS.frame(latents), truth["study_id"]).to_csv(place / "floor.csv", index=False)
    return place / "train.csv", place / "floor.csv"


def time_scores(truth: Path, predictions: Path, settings: EvaluationSettings) -> dict[str, float]:
    grades = read_grades(truth)
    rows = graded(grades)
    frame = pd.read_csv(predictions)
    metric, _ = _timed(lambda: score(grades, frame))
    values = probabilities(frame, rows.row_ids)
    sums = study_sums(rows, values)
    drawn, _ = _timed(lambda: score_replicates([sums], settings))
    model = Answers("one", (), values, 0, np.full(len(values), np.nan))
    paired, _ = _timed(lambda: compare_models(grades, rows, [model, model], settings))
    every, _ = _timed(lambda: score_files(truth, [str(predictions)], settings))
    return {"the metric, tables in memory": metric, "bootstrap of the four terms and the total": drawn,
            "a paired comparison of two models": paired,
            "lsdc evaluate: files read, every table with its intervals": every}


def _timed(call: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result
