"""`lsdc predict` as a whole: seconds per study by stage, and memory on the way."""

import resource
import shutil
from pathlib import Path

from pydantic import BaseModel, FiniteFloat
from tabulate import tabulate

from lsdc.bench.gpus import watched
from lsdc.bench.saved import last_figures, save_figures
from lsdc.competition.asked import read_asked
from lsdc.config import Settings, cache_root
from lsdc.errors import DataError
from lsdc.record import data_fingerprint
from lsdc.runs import RunFolder
from lsdc.seeding import seed_for
from lsdc.submit import Recipe, Terms, predict_test_part

SAME = ("run", "data", "studies", "lanes", "devices", "precision")  # of figures that are compared
POINTS = {"a quarter": 0.25, "half": 0.5, "the end": 1.0}  # of the studies, where memory is looked at


def prediction_settings(settings: Settings, studies: int) -> Settings:
    """A phantom of this many test studies with quirks by their rates, of a seed of its own."""
    phantom = settings.phantom.model_copy(update={
        "train_studies": 2, "test_studies": studies, "quirks": (), "variants": (),
        "seed": seed_for(settings.phantom.seed, "bench predict") % 100_000})
    return settings.model_copy(update={"phantom": phantom})


def bench_prediction(data: Path, run: RunFolder, settings: Settings) -> str:
    """Predict the whole test part of a folder with the first trained fold, from nothing, and time it; text of it.

    Seconds from study to study are of the steady state, from the first study's end to the last's; starting processes
    and loading models is not in them. CPU seconds are of all processes that worked, with everything in them.
    """
    work = cache_root() / "bench" / "predict"
    shutil.rmtree(work, ignore_errors=True)
    studies = len(read_asked(data).studies)
    if studies < 2:
        raise DataError("too few test studies to time", got=studies, wanted="2 or more", where=data)
    recipe = Recipe.of_run(run, [run.trained_folds()[0].number])
    terms = Terms(work / "submission.csv", work, strict=False)
    before_s = _cpu_seconds()
    with watched() as gpus:
        told = predict_test_part(data, recipe, settings.compute, terms).figures
    cpu_s = (_cpu_seconds() - before_s) / studies
    memory = {name: told["memory_gb"][max(0, round(share * len(told["memory_gb"])) - 1)]
              for name, share in POINTS.items()}
    figures = {**{name: told[name] for name in ("studies", "lanes", "devices", "precision", "seconds", "fallback_share",
                                                "fallbacks", "failed_studies")},
               "run": run.path.name, "data": data_fingerprint(data),
               "steady_seconds_per_study": told["steady_seconds_per_study"],
               "seconds_per_study": told["seconds_per_study"], "memory_gb": memory,
               "cpu_seconds_per_study": cpu_s, "gpus": gpus}
    table = compared(figures)
    said = save_figures("predict", figures)
    return f"{table}\n\n{_said(figures)}; {said}"


def _cpu_seconds() -> float:
    """Of the processes that were started from here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Last(BaseModel):
    steady_seconds_per_study: FiniteFloat
    cpu_seconds_per_study: FiniteFloat
    seconds_per_study: dict[str, FiniteFloat]
    memory_gb: dict[str, FiniteFloat]


def compared(now: dict) -> str:
    """The table, with the figures saved last where they are of the same machine, run, data and processes."""
    last = last_figures("predict", _Last, **{name: now[name] for name in SAME})
    before = last.model_dump() if last else {"seconds_per_study": {}, "memory_gb": {}}
    rows = [("from study to study", now["steady_seconds_per_study"], before.get("steady_seconds_per_study")),
            ("CPU, all processes", now["cpu_seconds_per_study"], before.get("cpu_seconds_per_study")),
            *((f"  {stage}", value, before["seconds_per_study"].get(stage))
              for stage, value in now["seconds_per_study"].items())]
    shown = [(name, f"{value:.3f}", "" if old is None else f"{old:.3f}") for name, value, old in rows]
    memory = [(f"GB at {name}", f"{value:.2f}", "" if (old := before["memory_gb"].get(name)) is None else f"{old:.2f}")
              for name, value in now["memory_gb"].items()]
    return tabulate(shown + memory, headers=("predict", "seconds per study", "last time"),
                    colalign=("left", "right", "right"), disable_numparse=True)


def _said(now: dict) -> str:
    gpus = "".join(f"; {name} busy {100 * one['busy']:.0f} %, {one['memory_gb']:.1f} GB"
                   for name, one in now["gpus"].items())
    return (f"{now['studies']} studies in {now['seconds']:.0f} s, {now['lanes']} on {', '.join(now['devices'])}, "
            f"{now['precision']}; stages are medians of one process, from study to study counts all processes; memory "
            f"is the sum of all processes' peaks; {100 * now['fallback_share']:.1f} % of rows from priors, run "
            f"{now['run']}{gpus}")
