"""Whether the classifier computes in half precision on a GPU: only if asked for, and if it gives the same answers."""

import logging
from concurrent.futures.process import BrokenProcessPool

import numpy as np

from lsdc.competition import CompetitionFolder
from lsdc.config import ComputeSettings
from lsdc.processes import in_own_process
from lsdc.submit.effort import Effort
from lsdc.submit.recipe import Recipe
from lsdc.taxonomy import SEVERITY_COLUMNS

FULL = "float32"
TOLERANCE = 1e-3  # of any probability
TRIED = 3  # studies that are looked at until one can be graded

log = logging.getLogger(__name__)


def decide_precision(recipe: Recipe, folder: CompetitionFolder, compute: ComputeSettings, device: str
                     ) -> tuple[str | None, str, list[str]]:
    """torch's name of the half precision or None, the arithmetic in words, and what is to be told of it.

    compute.precision 32-true asks for none. bf16-mixed takes float16 where the card has no bfloat16. A first study is
    graded both ways (in a process of its own), and float32 is kept where any probability differs by more than 1e-3.
    """
    if compute.precision == "32-true":
        return None, FULL, []
    try:
        half, difference = in_own_process(_difference, recipe, folder, compute, device)
    except (BrokenProcessPool, RuntimeError) as error:
        half, difference = "half precision", None
        log.warning("half precision could not be tried: %s", error)
    if difference is not None and difference <= TOLERANCE:
        return half, f"{half} (classifier), {FULL} (detector)", [
            f"{half} changes no probability of the first study by more than {difference:.1e}"]
    why = "no study to try it on" if difference is None else f"it changes a probability by {difference:.1e}"
    said = f"{FULL} is used instead of {half}: {why}"
    log.warning("%s", said)
    return None, FULL, [said]


def _difference(recipe: Recipe, folder: CompetitionFolder, compute: ComputeSettings, device: str
                ) -> tuple[str, float | None]:
    import torch

    from lsdc.competition import read_study
    from lsdc.submit.worker import open_models

    brain = compute.precision == "bf16-mixed" and torch.cuda.get_device_capability(device)[0] >= 8
    half = "bfloat16" if brain else "float16"
    one, two = (open_models(recipe, compute, kind, 1, device) for kind in (None, half))
    for study_id in folder.study_ids("test")[:TRIED]:
        study = read_study(folder, study_id, "test")
        rows = [models.rows(study, Effort(1, flip=False)) for models in (one, two)]
        if rows[0].fallback.isna().any():
            values = [frame[list(SEVERITY_COLUMNS)].to_numpy(np.float64) for frame in rows]
            return half, float(np.abs(values[0] - values[1]).max())
    return half, None
