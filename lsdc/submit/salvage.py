"""What is whole of a recipe, for where anything is better than nothing: the rest is left out, and told."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lsdc.competition.priors import read_priors
from lsdc.config import ComputeSettings, load_settings, overridden
from lsdc.errors import ConfigError, DataError, StorageError, TableError
from lsdc.runs import FoldFolder, RunFolder
from lsdc.submit.blended import members_of
from lsdc.submit.damage import left_out
from lsdc.submit.recipe import DESCRIPTIONS, Recipe

# where a run's own settings cannot be read: whatever device is there, every core, nothing kept on the disk
PLAIN_COMPUTE = ComputeSettings(accelerator="auto", devices=1, nodes=1, precision="32-true", compile=False, workers=0,
                                batch_size=64, detect_batch=16, store_gigabytes=0)

log = logging.getLogger(__name__)


def salvaged_compute(recipe: Recipe, config: Path, overrides: Sequence[str] = ()) -> tuple[Recipe, ComputeSettings]:
    """How to compute, by a run's config or, where that cannot be read, plainly, which the recipe then notes.

    ConfigError for overrides that cannot be used.
    """
    try:
        own = load_settings(config).compute
    except ConfigError as error:
        own = PLAIN_COMPUTE
        note = f"{Path(config).parent.name}: {error.problem}: computed with plain settings"
        log.warning("%s", note)
        recipe = replace(recipe, notes=(*recipe.notes, note))
    return recipe, overridden(own, "compute", overrides)


def salvaged_run(run: RunFolder, folds: Sequence[int] = ()) -> Recipe:
    """Every fold of a run, or those named, as far as their models are there; there may be none, and then priors answer.
    """
    return _salvaged({run.path.name: run}, {run.path.name: folds})


def salvaged_blend(path: Path, root: Path, folds: Sequence[int] = ()) -> tuple[Recipe, RunFolder]:
    """The same of the runs of a blend file that are there, and one of these; DataError when there is none.

    Where the file cannot be read, the first run below `root` answers alone.
    """
    try:
        blend, runs, faults = members_of(path, root, bare=True)
    except StorageError as error:
        return _first_run(root, error, folds)
    own = {member.name: folds or member.folds for member in blend.members}
    there = {name: run for name, run in runs.items() if run.config.exists()}
    if not there:
        raise DataError("no run of this blend is there", where=path, wanted=f"runs in {root}",
                        got="\n          ".join(faults), remedy="name their folder with --runs")
    recipe = _salvaged(there, own, blend=Path(path), notes=faults)
    return recipe, next(iter(there.values()))


def _first_run(root: Path, error: StorageError, folds: Sequence[int]) -> tuple[Recipe, RunFolder]:
    run = next((run for run in map(RunFolder, sorted(Path(root).glob("*"))) if run.folds_with(DESCRIPTIONS[0])), None)
    if run is None:
        raise error
    note = f"the blend is left out, {run.path.name} answers alone: {error.problem}"
    log.warning("%s", note)
    recipe = salvaged_run(run, folds)
    return replace(recipe, notes=(note, *recipe.notes)), run


def _salvaged(runs: Mapping[str, RunFolder], wanted: Mapping[str, Sequence[int]], *, blend: Path | None = None,
              notes: Sequence[str] = ()) -> Recipe:
    kept, notes, tables = {}, list(notes), 0
    for name, run in runs.items():
        kept[name] = ()
        for number in sorted(wanted[name]) or [fold.number for fold in run.folds_with("")]:
            fold = run.fold(number)
            if lacking := [one for one in DESCRIPTIONS if not (fold.path / one).is_file()]:
                notes.append(left_out(name, number, f"no {' and no '.join(lacking)}"))
                continue
            kept[name] += (fold,)
            tables += (fault := _priors_fault(fold)) is None
            notes += [f"{name}, fold {number}: other priors stand in for its own: {fault}"] if fault else []
    recipe = Recipe(kept, blend, tuple(run.path for run in runs.values()), tuple(notes))
    if not tables and blend is None:
        recipe = replace(recipe, notes=(*notes, f"priors are {recipe.stand_in()[1]}"))
    for note in recipe.notes:
        log.warning("%s", note)
    return recipe


def _priors_fault(fold: FoldFolder) -> str | None:
    try:
        read_priors(fold.priors)
    except TableError as error:
        return error.problem
    return None
