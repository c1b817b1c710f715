"""Which folds' models cannot be loaded, and a recipe without them."""

import logging
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

from lsdc.config import ComputeSettings
from lsdc.errors import LsdcError
from lsdc.processes import in_own_process
from lsdc.submit.recipe import Recipe

log = logging.getLogger(__name__)


def without_damaged(recipe: Recipe, compute: ComputeSettings) -> Recipe | None:
    """The recipe without the folds whose models cannot be loaded, each tried; None where that leaves none, or all."""
    try:
        faults = in_own_process(_loading_faults, recipe, compute)
    except (BrokenProcessPool, LsdcError) as error:
        log.warning("which models are damaged could not be found out: %s", error)
        return None
    rest = {name: tuple(fold for fold in folds if (name, fold.number) not in faults)
            for name, folds in recipe.folds.items()}
    if not faults or not any(rest.values()):
        return None
    notes = [left_out(name, number, why) for (name, number), why in faults.items()]
    for note in notes:
        log.warning("%s", note)
    return replace(recipe, folds=rest, notes=(*recipe.notes, *notes))


def left_out(name: str, number: int, why: str) -> str:
    return f"left out: {name}, fold {number}: {why}"


def _loading_faults(recipe: Recipe, compute: ComputeSettings) -> dict[tuple[str, int], str]:
    """By run and fold, why its models cannot be loaded."""
    import torch

    from lsdc.submit.models import FoldModel

    faults = {}
    for name, folds in recipe.folds.items():
        for fold in folds:
            try:
                FoldModel.load(fold, torch.device("cpu"), compute, None, recipe.priors_of(fold))
            except Exception as error:  # damaged files raise what their bytes lead to
                faults[name, fold.number] = error.problem if isinstance(error, LsdcError) else repr(error)[:200]
    return faults
