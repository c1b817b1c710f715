"""The evaluation of a run's locations, on its own or beside other runs on the studies that all of them have."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from lsdc.competition import CompetitionFolder
from lsdc.config import EvaluationSettings
from lsdc.errors import FoldError
from lsdc.evaluate.annotated import annotated_truths
from lsdc.evaluate.box_figures import box_figures
from lsdc.evaluate.floor import truth_folder
from lsdc.evaluate.landmarks import keypoint_truths, target_errors
from lsdc.evaluate.location_figures import location_differences, location_figures
from lsdc.evaluate.location_notes import note_figures
from lsdc.evaluate.location_text import text_of_locations
from lsdc.evaluate.out_of_fold import LocatedFolds, assemble_locations
from lsdc.evaluate.slice_errors import located_series, planes_of, slice_errors
from lsdc.folds import read_folds
from lsdc.runs import FoldFolder, RunFolder
from lsdc.tables import BOX_MATCHES, KEYPOINTS, read_csv

ANNOTATED, KEYPOINT = "annotated points", "true keypoints"
SHOWN = 5  # examples given with a fault



@dataclass(frozen=True, eq=False)
class LocationEvaluation:
    """figures: plain, ready for json; text: the same as tables; errors: `target_errors` of the run itself against the
    best truth there is, which `truth` names (the phantom's true keypoints, else the annotated points).
    """

    figures: dict
    text: str
    errors: pd.DataFrame
    truth: str


@dataclass(frozen=True, eq=False)
class _Located:
    """A run's name, its located folds, their locations and their BOX_MATCHES."""

    name: str
    folds: Sequence[FoldFolder]
    located: LocatedFolds
    boxes: pd.DataFrame


def evaluate_locations(
    run: RunFolder, folder: CompetitionFolder, settings: EvaluationSettings, *, beside: Sequence[RunFolder] = (),
    folds: Collection[int] | None = None,
) -> LocationEvaluation:
    """Measure the locations of a run's folds, predicted or not, and of other runs on the studies that all share.

    folds: only these of the run, where not all that are located.

    FoldError when locations are not honestly out-of-fold, when no study is shared, or when another run's folds.csv
    holds a study in another fold.
    """
    every = [_read(run, folder, folds), *(_read(one, folder) for one in beside)]
    for other in beside:
        _same_folds(run, other, folder)
    studies = sorted(set.intersection(*(set(one.located.studies) for one in every)))
    if not studies:
        raise FoldError("these runs have no located study in common", wanted="at least one fold that all have located",
                        got="; ".join(f"{one.name}: fold {', '.join(map(str, one.located.folds))}" for one in every),
                        remedy="locate the same fold in each run, or compare others")
    errors = _errors(every, folder, studies)
    against = [{"truth": truth,
                "runs": [{"run": one.name, "rows": location_figures(table, studies, settings)}
                         for one, table in zip(every, tables, strict=True)],
                "differences": [{"run": every[0].name, "minus": one.name,
                                 "rows": location_differences(tables[0], table, studies, settings)}
                                for one, table in zip(every[1:], tables[1:], strict=True)]}
               for truth, tables in errors.items() if len(tables[0])]
    figures = {
        "run": every[0].name, "beside": [one.name for one in every[1:]], "folds": list(every[0].located.folds),
        "studies": len(studies), "of_studies": len(every[0].located.studies), "interval": settings.interval,
        "bootstrap": settings.bootstrap, "phantom": KEYPOINT in errors,
        "found_by": [{"run": one.name, "targets": _found_by(one, studies)} for one in every], "against": against,
        "way": [{"run": one.name, **note_figures(one.folds, studies)} for one in every],
        "boxes": [{"run": one.name, "rows": box_figures(one.boxes, studies, settings)} for one in every],
    }
    best = KEYPOINT if KEYPOINT in errors else ANNOTATED
    return LocationEvaluation(figures, text_of_locations(figures), errors[best][0], best)


def _read(run: RunFolder, folder: CompetitionFolder, folds: Collection[int] | None = None) -> _Located:
    located_folds = [fold for fold in run.located_folds() if folds is None or fold.number in folds]
    located = assemble_locations([fold.path for fold in located_folds],
                                 read_folds(run.folds, folder.study_ids("train")))
    boxes = [BOX_MATCHES.read(fold.box_matches) for fold in located_folds]
    return _Located(run.path.name, located_folds, located, pd.concat(boxes, ignore_index=True))


def _same_folds(run: RunFolder, other: RunFolder, folder: CompetitionFolder) -> None:
    mine, theirs = (read_folds(one.folds, folder.study_ids("train")) for one in (run, other))
    both = mine.merge(theirs, on="study_id", suffixes=("", "_other"))
    if len(wrong := both[both["fold"] != both["fold_other"]]):
        said = [f"study {row.study_id}: fold {row.fold} and fold {row.fold_other}"
                for row in wrong[:SHOWN].itertuples()]
        raise FoldError(f"two runs with other folds cannot be compared ({len(wrong)} studies differ)",
                        wanted="each study in the same fold of both runs", got="\n           ".join(said),
                        where=f"{run.folds} and {other.folds}",
                        remedy="train the other run with the same folds: --set folds.file=path/to/folds.csv")


def _errors(
    every: Sequence[_Located], folder: CompetitionFolder, studies: Sequence[int]
) -> dict[str, list[pd.DataFrame]]:
    """By truth, of each run: `target_errors` with slices and, on a phantom, the variant of the study."""
    truths, variants = {ANNOTATED: annotated_truths(folder, studies)}, None
    if (truth := truth_folder(folder.root)) is not None:
        truths[KEYPOINT] = keypoint_truths(KEYPOINTS.read(truth / "keypoints.csv"))
        if (truth / "studies.csv").exists():
            variants = read_csv(truth / "studies.csv").set_index("study_id")["variant"]
    found = {name: [target_errors(one.located.locations[one.located.locations["study_id"].isin(studies)], points)
                    for one in every] for name, points in truths.items()}
    planes = planes_of(folder, set().union(*(located_series(table) for tables in found.values() for table in tables)))
    for table in (table for tables in found.values() for table in tables):
        table["slices"] = slice_errors(table, planes)
        if variants is not None:
            table["variant"] = table["study_id"].astype("string").map(variants)
    return found


def _found_by(one: _Located, studies: Sequence[int]) -> dict[str, int]:
    """How many targets of the studies were found in each way, those without a true point too."""
    mine = one.located.locations
    return mine[mine["study_id"].isin(studies)]["found_by"].value_counts().to_dict()
