"""What predicts: the runs and folds, a blend of them or none, named by the hashes of their files. Loads no torch."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import lsdc
from lsdc.blend import Blend, read_blend
from lsdc.competition.priors import published_table, read_priors
from lsdc.errors import FoldError, LsdcError, TableError, WeightsError
from lsdc.files import content_hash, file_hash, read_json
from lsdc.runs import FoldFolder, RunFolder
from lsdc.submit.effort import Effort, ladder
from lsdc.taxonomy import SEVERITY_COLUMNS
from lsdc.weighting import unweighted, weighted

FORMAT = 1  # raised when the same files and data give other answers
DESCRIPTIONS = ("detector/detector.json", "classifier/classifier.json")  # both hold the sha256 of their weights


@dataclass(frozen=True)
class Recipe:
    """folds: by the name of each run its folds that predict. blend: the file that says how runs are put together.

    salvaged: the run folders among whose priors one is found for a fold whose own are damaged; () makes that an error.
    notes: what was left out of these runs, in words.
    """

    folds: Mapping[str, tuple[FoldFolder, ...]]
    blend: Path | None = None
    salvaged: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of_run(cls, run: RunFolder, folds: Sequence[int] = ()) -> "Recipe":
        """Every trained fold of a run, or those named; DataError or FoldError where there are none."""
        return cls({run.path.name: chosen(run, folds)})

    @classmethod
    def of_blend(cls, path: Path, runs: Mapping[str, RunFolder], folds: Sequence[int] = ()) -> "Recipe":
        """The runs of a blend file by their model's name, each with the folds that it was fitted on, or those named."""
        own = {member.name: member.folds for member in read_blend(path).members}
        return cls({name: chosen(run, folds or own[name]) for name, run in runs.items()}, Path(path))

    def opened_blend(self) -> Blend | None:
        return None if self.blend is None else read_blend(self.blend)

    def priors(self) -> np.ndarray:
        """(25, 3) in the order of TARGETS: what is said where no model can answer."""
        if (blend := self.opened_blend()) is not None:
            return blend.rows({}, [0])[list(SEVERITY_COLUMNS)].to_numpy(np.float64)
        folds = [fold for folds in self.folds.values() for fold in folds]
        return _mean([self.priors_of(fold) for fold in folds] or [self.stand_in()[0]]).to_numpy(np.float64)

    def priors_of(self, fold: FoldFolder) -> pd.DataFrame:
        """The table of priors of a fold, or what stands in for it; TableError where nothing may."""
        try:
            return read_priors(fold.priors)
        except TableError:
            if not self.salvaged:
                raise
            return self.stand_in()[0]

    def stand_in(self) -> tuple[pd.DataFrame, str]:
        """The mean of all tables of priors that the run folders still have, else the competition's; and which it is."""
        tables, found = [], []
        for path in sorted(path for root in self.salvaged for path in root.glob("fold*/priors.csv")):
            with suppress(TableError):
                tables.append(read_priors(path))
                found.append(f"{path.parent.parent.name}/{path.parent.name}")
        if tables:
            return _mean(tables), f"those of {', '.join(found)}"
        return published_table(), "the competition's published rates"

    def any_models(self) -> None:
        """WeightsError where no fold is left."""
        if not any(self.folds.values()):
            raise WeightsError("no models are left", wanted="a fold with detector and classifier",
                               got="\n          ".join(self.notes) or None)

    def efforts(self) -> tuple[Effort, ...]:
        """What can be left out, in order."""
        return ladder(max(1, *map(len, self.folds.values())),
                      flip=any(_flips(fold) for folds in self.folds.values() for fold in folds))

    def key(self, **settings: object) -> str:
        """A hash of the models, the blend and what else makes the answers; other inputs, another key."""
        made_of = {
            "format": FORMAT, "kit": lsdc.__version__, "settings": settings,
            "blend": None if self.blend is None else file_hash(self.blend),
            "runs": {name: [[fold.number, self.priors_of(fold).to_numpy().tolist(),
                             *(file_hash(fold.path / one) for one in DESCRIPTIONS)] for fold in folds]
                     for name, folds in self.folds.items()}}
        return content_hash(made_of)[:16]


def chosen(run: RunFolder, folds: Sequence[int] = ()) -> tuple[FoldFolder, ...]:
    """The trained folds of a run in order, or those named; FoldError where one of these is not trained."""
    there = run.trained_folds()
    if missing := sorted(set(folds) - {fold.number for fold in there}):
        raise FoldError("folds that are not trained", wanted=", ".join(str(fold.number) for fold in there),
                        got=", ".join(map(str, missing)), where=run.path, remedy="choose among these with --folds")
    return tuple(fold for fold in there if not folds or fold.number in folds)


def _flips(fold: FoldFolder) -> bool:
    """Whether a classifier looks at mirror images too; a damaged description is told when its model is loaded."""
    try:
        return bool(read_json(fold.classifier / "classifier.json")["classifier"]["flip_at_test"])
    except (LsdcError, KeyError, TypeError):
        return False


def _mean(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The mean of tables of priors: of plain rates, the metric's weights taken off before and put back after."""
    plain = np.mean([unweighted(table.to_numpy(np.float64)) for table in tables], axis=0)
    return pd.DataFrame(weighted(plain), index=tables[0].index, columns=tables[0].columns)


def joined(frames: Mapping[str, pd.DataFrame], blend: Blend | None, study_id: int) -> pd.DataFrame:
    """25 rows of a study from those of each run: row_id, the probabilities, fallback."""
    rows = blend.rows(frames, [study_id]) if blend is not None else next(iter(frames.values()))
    return rows[["row_id", *SEVERITY_COLUMNS, "fallback"]]
