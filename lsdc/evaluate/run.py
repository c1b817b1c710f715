"""The evaluation of a run: its folds put together, scored, and its locations measured."""

from dataclasses import dataclass

import pandas as pd

from lsdc.competition import CompetitionFolder
from lsdc.config import EvaluationSettings
from lsdc.evaluate.agreement import Decision
from lsdc.evaluate.annotated import annotated_truths
from lsdc.evaluate.between_folds import between_folds
from lsdc.evaluate.figures import figures_of
from lsdc.evaluate.floor import read_floor, truth_folder
from lsdc.evaluate.graded import graded
from lsdc.evaluate.landmark_summary import landmark_summary
from lsdc.evaluate.landmarks import keypoint_truths, location_errors
from lsdc.evaluate.metric import study_sums
from lsdc.evaluate.out_of_fold import assemble
from lsdc.evaluate.plain import plain
from lsdc.evaluate.probabilities import probabilities
from lsdc.evaluate.table import text_of
from lsdc.files import file_hash
from lsdc.folds import read_folds
from lsdc.runs import RunFolder
from lsdc.tables import KEYPOINTS


@dataclass(frozen=True)
class Evaluation:
    """figures: plain, ready for json; text: the same as tables."""

    figures: dict
    text: str


def evaluate_run(
    run: RunFolder, folder: CompetitionFolder, settings: EvaluationSettings, *, all_folds: bool = False,
    decision: Decision = Decision.WEIGHTED,
) -> Evaluation:
    """Score the finished folds of a run on their held-out studies, beside the priors and the phantom's floor.

    FoldError when the predictions are not honestly out-of-fold, or with `all_folds` when a fold is not finished;
    TableError when they do not answer each row of the held-out studies.
    """
    folds = read_folds(run.folds, folder.study_ids("train"))
    finished = run.finished_folds()
    held_out = assemble([fold.path for fold in finished], folds, all_folds=all_folds)
    figures = figures_of(
        folder.grades[folder.grades["study_id"].isin(held_out.studies)], held_out.predictions,
        priors=held_out.priors, floor=read_floor(folder.root, held_out.studies), settings=settings, where=run.path,
        decision=decision,
    )
    figures |= {"folds": list(held_out.folds), "all_folds": len(held_out.folds) == folds["fold"].nunique(),
                "predictions": {f"fold{fold.number}": file_hash(fold.predictions) for fold in finished},
                "between_folds": plain(_between_folds(folder, held_out.predictions, settings)),
                "locations": _locations(folder, held_out.locations, settings)}
    return Evaluation(figures, text_of(figures, run=run.path.name))


def _between_folds(folder: CompetitionFolder, predictions: pd.DataFrame, settings: EvaluationSettings) -> dict | None:
    """The folds' totals beside each other; None with fewer than two."""
    studies = predictions["row_id"].str.split("_", n=1).str[0].astype("int64")
    rows = graded(folder.grades[folder.grades["study_id"].isin(studies)])
    fold = predictions.groupby(studies.to_numpy())["fold"].first().reindex(rows.studies).to_numpy(float)
    return between_folds(study_sums(rows, probabilities(predictions, rows.order)), fold, settings)


def _locations(folder: CompetitionFolder, locations: pd.DataFrame, settings: EvaluationSettings) -> list[dict]:
    """Location errors against the annotated points and, on a phantom, against the true keypoints."""
    truths = {"annotated points": annotated_truths(folder, locations["study_id"].unique())}
    if (truth := truth_folder(folder.root)) is not None:
        truths["true keypoints"] = keypoint_truths(KEYPOINTS.read(truth / "keypoints.csv"))
    rows = {name: landmark_summary(location_errors(locations, points), settings) for name, points in truths.items()}
    return [{"truth": name, "rows": summary} for name, summary in rows.items() if summary]
