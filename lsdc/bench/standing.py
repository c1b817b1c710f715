"""The scores of a trial's finished variants on the same studies, out of fold, beside priors and floor."""

from dataclasses import dataclass

import pandas as pd

from lsdc.bench.trial import Trial, why_unfinished
from lsdc.config import EvaluationSettings, Variant
from lsdc.errors import DataError
from lsdc.evaluate import assemble, compare, figures_of, read_floor
from lsdc.evaluate.agreement import confusion_sums, linear_kappa
from lsdc.evaluate.figures import FIGURES
from lsdc.evaluate.graded import graded
from lsdc.evaluate.out_of_fold import OutOfFold
from lsdc.evaluate.plain import plain
from lsdc.evaluate.probabilities import probabilities
from lsdc.runs import RESULTS, RunFolder
from lsdc.taxonomy import Condition


@dataclass(frozen=True, eq=False)
class Standing:
    """grades: GRADES of the scored studies. predictions of each finished variant by name, in the order of the rows.

    rows, ends (priors; floor on a phantom): plain figures, see `standing`. left_out: a line for each other variant.
    """

    grades: pd.DataFrame
    predictions: dict[str, pd.DataFrame]
    rows: list[dict]
    ends: list[dict]
    left_out: list[str]
    studies: int
    settings: EvaluationSettings

    def minus(self, first: str, second: str) -> dict | None:
        """Total of one variant minus that of another, paired by study: value, interval, p_better, inside_noise."""
        if not {first, second} <= set(self.predictions):
            return None
        found = compare(self.grades, self.predictions[first], self.predictions[second], self.settings)
        return plain({"first": first, "second": second, "value": found.value, "p_better": found.p_better,
                      "interval": [found.interval.low, found.interval.high], "inside_noise": found.inside_noise})


def standing(trial: Trial) -> Standing:
    """Score every variant whose folds asked for are all finished; DataError when there is none.

    Keys of a row: name, the FIGURES with their intervals, share_of_way, kappa (linear, by condition), fallback_rows,
    seconds (by stage, summed over folds), commits, changes; of an end: name, FIGURES, intervals, kappa.
    """
    reasons = {variant.name: why_unfinished(trial, variant) for variant in trial.variants}
    left_out = [f"{name}: {why}" for name, why in reasons.items() if why]
    finished = [variant for variant in trial.variants if not reasons[variant.name]]
    if not finished:
        raise DataError("no row of this table is finished", got="\n          ".join(left_out), where=trial.runs,
                        remedy="give the command without --report-only; it goes on where it was")
    settings, grades = trial.first.settings.evaluation, trial.folder.grades
    tables = {variant.name: _out_of_fold(trial, variant) for variant in finished}
    studies = next(iter(tables.values())).studies
    grades, floor = grades[grades["study_id"].isin(studies)], read_floor(trial.folder.root, studies)
    figures = {name: figures_of(grades, table.predictions, priors=table.priors, floor=floor, settings=settings,
                                where=name) for name, table in tables.items()}
    priors = next(iter(tables.values())).priors
    return Standing(
        grades, {name: table.predictions for name, table in tables.items()},
        [_row(variant, figures[variant.name], trial.run(variant), trial.asked) for variant in finished],
        [_end(name, table, grades, next(iter(figures.values())))
         for name, table in (("priors", priors), ("floor", floor)) if table is not None],
        left_out, len(studies), settings)


def stage_seconds(run: RunFolder, folds: tuple[int, ...]) -> dict[str, float]:
    """Seconds of each stage of a run, summed over these folds; a stage without a record counts nothing."""
    records = [run.fold(fold).stage_records() for fold in folds]
    return {stage: round(sum(record.get(stage, {}).get("seconds", 0.0) for record in records), 1) for stage in RESULTS}


def _out_of_fold(trial: Trial, variant: Variant) -> OutOfFold:
    run = trial.run(variant)
    return assemble([run.fold(fold).path for fold in trial.asked], trial.folds)


def _row(variant: Variant, figures: dict, run: RunFolder, folds: tuple[int, ...]) -> dict:
    score = next(one for one in figures["scores"] if one["name"] == "model")
    commits = {one.get("commit") for fold in folds for one in run.fold(fold).stage_records().values()}
    return {
        **{name: score[name] for name in (*FIGURES, "intervals")}, "name": variant.name,
        "share_of_way": figures["share_of_way"],
        "kappa": {one["condition"]: one["linear_kappa"] for one in figures["agreement"]},
        "kappa_intervals": {one["condition"]: one["interval"] for one in figures["agreement"]},
        "fallback_rows": figures["fallback"]["rows"], "seconds": stage_seconds(run, folds),
        "commits": sorted(filter(None, commits)), "changes": list(variant.changes),
    }


def _end(name: str, table: pd.DataFrame, grades: pd.DataFrame, figures: dict) -> dict:
    score = next(one for one in figures["scores"] if one["name"] == name)
    rows = graded(grades)
    kappas = linear_kappa(confusion_sums(rows, probabilities(table, rows.order)).sum(axis=0))
    return plain({**{figure: score[figure] for figure in (*FIGURES, "intervals")}, "name": name,
                  "kappa": dict(zip(map(str, Condition), kappas, strict=True))})
