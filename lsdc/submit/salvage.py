"""What is whole of a recipe, for where anything is better than nothing: the rest is left out, and told."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lsdc.competition.priors import read_priors
from lsdc.errors import DataError, TableError
from lsdc.runs import FoldFolder, RunFolder
from lsdc.submit.blended import members_of
from lsdc.submit.damage import left_out
from lsdc.submit.recipe import DESCRIPTIONS, Recipe

log = logging.getLogger(__name__)


def salvaged_run(run: RunFolder, folds: Sequence[int] = ()) -> Recipe:
    """Every fold of a run, or those named, as far as their models are there; there may be none, and then priors answer.
    """
    return _salvaged({run.path.name: run}, {run.path.name: folds})


def salvaged_blend(path: Path, root: Path, folds: Sequence[int] = ()) -> tuple[Recipe, RunFolder]:
    """The same of the runs of a blend file that are there, and one of these; DataError when there is none."""
    blend, runs, faults = members_of(path, root, bare=True)
    own = {member.name: folds or member.folds for member in blend.members}
    there = {name: run for name, run in runs.items() if run.config.exists()}
    if not there:
        raise DataError("no run of this blend is there", where=path, wanted=f"runs in {root}",
                        got="\n          ".join(faults), remedy="name their folder with --runs")
    recipe = _salvaged(there, own, blend=Path(path), notes=faults)
    return recipe, next(iter(there.values()))


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
