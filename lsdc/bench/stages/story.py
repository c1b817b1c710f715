"""The story of `lsdc bench`: a ground to measure on, every stage in turns with its rivals, figures, and their page."""

import tempfile
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import torch

from lsdc.bench.saved import last_figures, made_now, save_figures, save_page
from lsdc.bench.stages import finding, grading, reading, scoring, showing, training, whole
from lsdc.bench.stages.ground import STUDIES, Ground, open_ground
from lsdc.bench.stages.page import stages_page
from lsdc.bench.stages.race import Race, run
from lsdc.bench.stages.rows import Figures
from lsdc.bench.stages.text import text_of
from lsdc.competition import CompetitionFolder
from lsdc.config import Settings
from lsdc.errors import ConfigError, LsdcError
from lsdc.files import content_hash
from lsdc.progress import track
from lsdc.record import commit
from lsdc.seeding import seed_for
from lsdc.threads import cores

NAME = "stages"
STAGES: dict[str, Callable[[Ground], Race]] = {
    "headers": reading.headers, "first read": reading.first_read, "first read, ITK": reading.first_read_itk,
    "store": reading.store, "detect": finding.detect, "decode levels": finding.decode_levels, "crops": grading.crops,
    "grade": grading.grade, "write": grading.write, "whole study": whole.whole_study, "loader": training.loader,
    "travel": training.travel, "detector step": training.detector_step, "classifier step": training.classifier_step,
    "metric": scoring.metric, "metric mixed": scoring.metric_mixed, "metric once": scoring.metric_once,
    "bootstrap": scoring.bootstrap,
    "report index": showing.report_index, "study page": showing.study_page, "phantom": showing.phantom,
}


def stages_settings(settings: Settings) -> Settings:
    """A phantom of a few studies, of a seed of its own."""
    phantom = settings.phantom.model_copy(update={
        "train_studies": STUDIES, "test_studies": 1, "quirks": (), "variants": (),
        "seed": seed_for(settings.phantom.seed, "bench stages") % 100_000})
    return settings.model_copy(update={"phantom": phantom})


def bench_stages(folder: CompetitionFolder, settings: Settings, *, only: Collection[str] = ()) -> str:
    """Measure the stages (all, or those named) on the training part of a folder, with untrained networks; text of it.

    Figures are saved as stages.json below the cache folder, stages.html beside them; a stage that is not measured now
    keeps its last row of the same machine and settings. What cannot be measured here says why in its row.
    ConfigError for a name that no stage has.
    """
    if unknown := sorted(set(only) - set(STAGES)):
        raise ConfigError("stages that do not exist", got=", ".join(unknown), wanted=", ".join(STAGES),
                          remedy="choose among these with --only")
    chosen = [name for name in STAGES if name in only or not only]
    measured, threads = {}, cores()
    with tempfile.TemporaryDirectory(prefix="stages.") as scratch, open_ground(
            folder, settings, Path(scratch), threads=threads) as ground:
        for name in track(chosen, "stages", len(chosen)):
            measured[name] = _row(ground, name)
        size = {"files": len(ground.files), "series": len(ground.series_folders), "pixels": ground.pixels}
    about = {"settings": _hash(settings), "threads": threads}
    before = last_figures(NAME, Figures, **about)
    last = before.model_dump(exclude_unset=True)["rows"] if before else {}
    figures = made_now({"rows": {**last, **measured}, **about, "study": size})
    said = save_figures(NAME, figures)
    page = save_page(NAME, stages_page(figures, list(STAGES)))
    return f"{text_of(figures, chosen, last)}\n\n{said}\n{page}"


def _row(ground: Ground, name: str) -> dict:
    start = perf_counter()
    try:
        row = run(STAGES[name](ground))
    except LsdcError as error:
        row = {"skipped": error.problem}
    torch.set_num_threads(ground.threads)  # a library may have changed it
    return {**row, "made": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(),
            "took": perf_counter() - start}


def _hash(settings: Settings) -> str:
    return content_hash(settings.model_dump(mode="json"))[:16]
