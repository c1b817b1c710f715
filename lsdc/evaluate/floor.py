"""The phantom's floor: the best reachable score of the very studies that are scored. Only evaluate reads the truth."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lsdc.errors import TableError
from lsdc.tables import LATENTS, SUBMISSION
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, row_id
from lsdc.weighting import weighted


def truth_folder(competition: Path) -> Path | None:
    """The folder `truth` beside a phantom's competition folder; None beside real data."""
    truth = Path(competition).resolve().parent / "truth"
    return truth if (truth / "latents.csv").is_file() else None


def read_floor(competition: Path, studies: Iterable[int]) -> pd.DataFrame | None:
    """The floor's predictions for the studies; None when the folder has no truth beside it."""
    truth = truth_folder(competition)
    return None if truth is None else floor_predictions(LATENTS.read(truth / "latents.csv"), studies)


def floor_predictions(latents: pd.DataFrame, studies: Iterable[int]) -> pd.DataFrame:
    """A SUBMISSION table of what minimises the expected score: weight times P(severity | z), normalised.

    `latents` is a LATENTS table with un-weighted probabilities; TableError when it lacks rows of the studies.
    """
    wanted = pd.Index([row_id(study, target) for study in studies for target in TARGETS], name="row_id")
    truth = latents.set_index("row_id")[list(SEVERITY_COLUMNS)]
    if len(absent := wanted.difference(truth.index)):
        raise TableError("the phantom's truth does not cover the scored studies", wanted=f"{len(wanted)} rows",
                         got=f"{len(absent)} are missing: {', '.join(absent[:3])}", where="truth/latents.csv",
                         remedy="generate the phantom again, or score its own studies")
    rows = pd.DataFrame(weighted(truth.loc[wanted].to_numpy()), columns=list(SEVERITY_COLUMNS))
    rows.insert(0, "row_id", wanted)
    return SUBMISSION.frame(rows)
