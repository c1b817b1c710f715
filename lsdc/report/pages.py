"""The story of a report: a finished run on its competition folder becomes a folder of pages that opens from disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

import lsdc
from lsdc.competition import CompetitionFolder
from lsdc.config import Settings
from lsdc.errors import LsdcError
from lsdc.evaluate import LocationEvaluation, assemble, evaluate_locations, evaluate_run
from lsdc.evaluate.annotated import annotated_truths
from lsdc.evaluate.floor import truth_folder
from lsdc.evaluate.graded import Graded, graded
from lsdc.evaluate.landmarks import keypoint_truths, target_errors
from lsdc.evaluate.location_run import ANNOTATED, KEYPOINT
from lsdc.evaluate.metric import ratio, study_sums
from lsdc.evaluate.out_of_fold import OutOfFold
from lsdc.evaluate.probabilities import probabilities
from lsdc.evaluate.subgroups import subgroup_figures
from lsdc.evaluate.table import PHANTOM_LINE
from lsdc.files import write_json, write_text
from lsdc.folds import read_folds
from lsdc.processes import each
from lsdc.record import commit
from lsdc.report.cases import Case, cases_of
from lsdc.report.locations_page import locations_page
from lsdc.report.overview import groups_of, lost_notes, overview_page
from lsdc.report.page import Picture, asset
from lsdc.report.reading import RunReading, read_run
from lsdc.report.records import EvaluationRecord
from lsdc.report.report_folder import MARK, check_replaceable, replaced
from lsdc.report.runs_rows import read_runs
from lsdc.report.study_page import Setting, StudyFacts, neighbours, write_study
from lsdc.report.summary import summary_of
from lsdc.report.wording import DRAFT
from lsdc.report.worklist import worklist_page
from lsdc.runs import RunFolder
from lsdc.show import draw_worst
from lsdc.tables import KEYPOINTS, LOCATION_NOTES

ASSETS = {"style.css": "style.css", "report.css": "report.css", "worklist.js": "worklist.js"}


@dataclass(frozen=True, eq=False)
class Gathered:
    """What a report shows, from the run and the data: figures as `evaluate_run` gives them, cases in the order of the
    worklist, what the truth of places is, the measured locations (None where notes tell why not).
    """

    figures: dict
    held_out: OutOfFold
    cases: list[Case]
    errors: pd.DataFrame
    truth: str
    measured: LocationEvaluation | None
    notes: tuple[str, ...]


def write_report(run: RunFolder, folder: CompetitionFolder, settings: Settings, out: Path, *, workers: int = 0) -> Path:
    """Write the report of a run's finished folds as the folder `out` and return its first page.

    workers: processes, 0 for every core. Errors as `evaluate_run`; StorageError when `out` holds something else;
    LsdcError when a template is missing. What a study lacks is told on its page and the first one.
    """
    check_replaceable(out)
    files = {name: asset(source) for name, source in ASSETS.items()}
    gathered = gather(run, folder, settings)
    page = page_of(run, gathered)
    with replaced(out) as place:
        for name, text in files.items():
            write_text(place / "assets" / name, text)
        setting = Setting(folder, place, settings.detector.box_mm, page, gathered.truth)
        facts = list(each(write_study, neighbours(gathered.cases), what="study pages", workers=workers,
                          shared=(setting,), few=4))
        picture = _worst_picture(place, folder, gathered, run)
        write_index(place, run, folder, settings, gathered, facts, page=page, picture=picture)
    return Path(out) / "index.html"


def write_index(
    place: Path, run: RunFolder, folder: CompetitionFolder, settings: Settings, gathered: Gathered,
    facts: Sequence[StudyFacts], *, page: Mapping[str, object], picture: Picture | None,
) -> None:
    """Write the pages that are of all studies into the folder `place`, and what scripts read.

    facts: of each study, in the order of the cases; page: what the base template needs.
    """
    write_text(place / "locations.html", locations_page(
        gathered.cases, gathered.measured, gathered.truth, picture, notes=gathered.notes, page=page,
        drawn={one.study_id: one.drawn for one in facts}))
    write_text(place / "worklist.html", worklist_page(gathered.cases, {one.study_id: one for one in facts}, page))
    reading = _reading(run, gathered)
    subgroups = _subgroups(gathered, folder, facts, settings)
    write_text(place / "run.html", summary_of(run, reading, home="index.html"))
    write_text(place / "index.html", overview_page(
        reading, gathered.figures, subgroups, _others(run), notes=[*gathered.notes, *lost_notes(facts)], page=page))
    write_json(place / MARK, {"evaluation": gathered.figures, "subgroups": subgroups,
                              "locations": gathered.measured.figures if gathered.measured else None,
                              "worklist": [_line(case) for case in gathered.cases]})


def page_of(run: RunFolder, gathered: Gathered) -> dict[str, object]:
    """What the base template needs on every page."""
    return {"run": run.path.name, "draft": DRAFT, "version": lsdc.__version__, "commit": commit(),
            "phantom": PHANTOM_LINE if gathered.figures["phantom"] else ""}


def gather(run: RunFolder, folder: CompetitionFolder, settings: Settings) -> Gathered:
    """Evaluate a run and put together what is known of each held-out study."""
    figures = evaluate_run(run, folder, settings.evaluation).figures
    held_out = assemble([fold.path for fold in run.finished_folds()], read_folds(run.folds, folder.study_ids("train")))
    measured, notes = None, []
    try:
        measured = evaluate_locations(run, folder, settings.evaluation, folds=held_out.folds)
        errors, truth = measured.errors, measured.truth
    except LsdcError as error:
        notes.append(f"The tables of locations are left out: {error.problem} ({error.where}).")
        errors, truth = _errors(folder, held_out)
    told = [LOCATION_NOTES.read(fold.location_notes) for fold in run.finished_folds() if fold.location_notes.exists()]
    cases = cases_of(held_out.predictions, held_out.locations, part="train", grades=folder.grades, errors=errors,
                     losses=_losses(folder, held_out), notes=pd.concat(told) if told else None)
    return Gathered(figures, held_out, cases, errors, truth, measured, tuple(notes))


def _errors(folder: CompetitionFolder, held_out: OutOfFold) -> tuple[pd.DataFrame, str]:
    if (truth := truth_folder(folder.root)) is not None:
        points = keypoint_truths(KEYPOINTS.read(truth / "keypoints.csv"))
        return target_errors(held_out.locations, points), KEYPOINT
    return target_errors(held_out.locations, annotated_truths(folder, held_out.studies)), ANNOTATED


def _losses(folder: CompetitionFolder, held_out: OutOfFold) -> dict[int, float]:
    """The metric of each study alone: the mean of those of its terms that have a label."""
    rows, model, _ = _values(folder, held_out)
    sums = study_sums(rows, model)
    terms = ratio(sums.loss, sums.weight)  # (n, 4)
    known = np.isfinite(terms)
    means = ratio(np.where(known, terms, 0).sum(axis=1), known.sum(axis=1).astype(float))
    return dict(zip(sums.studies.tolist(), means.tolist(), strict=True))


def _values(folder: CompetitionFolder, held_out: OutOfFold) -> tuple[Graded, np.ndarray, np.ndarray]:
    """Labelled rows, and the answers of model and priors, (all rows, 3) each."""
    rows = graded(folder.grades[folder.grades["study_id"].isin(held_out.studies)])
    return rows, *(probabilities(table, rows.order) for table in (held_out.predictions, held_out.priors))


def _subgroups(gathered: Gathered, folder: CompetitionFolder, facts: Sequence[StudyFacts], settings: Settings
               ) -> dict:
    rows, model, priors = _values(folder, gathered.held_out)
    fallback = {case.study_id: case.not_assessed / len(case.targets) for case in gathered.cases}
    tables = {}
    for kind, groups in groups_of(facts).items():
        found = subgroup_figures(rows, model, priors, groups, settings.evaluation)
        tables[kind] = [one | {"by_priors": float(np.mean([fallback[study] for study, name in groups.items()
                                                           if name == one["name"]]))} for one in found]
    return tables


def _reading(run: RunFolder, gathered: Gathered) -> RunReading:
    """The run as its folder tells it, with the evaluation that was made for this report."""
    return replace(read_run(run), evaluation=EvaluationRecord.model_validate(gathered.figures), stale="")


def _others(run: RunFolder) -> list[RunReading]:
    return [one for one in read_runs(run.path.parent) if one.name != run.path.name]


def _worst_picture(place: Path, folder: CompetitionFolder, gathered: Gathered, run: RunFolder) -> Picture | None:
    """worst.webp: the picture of `lsdc evaluate --locations --picture`; None where there is no true place."""
    from PIL import Image

    if gathered.errors.empty or not gathered.errors["true_x_mm"].notna().any():
        return None
    drawn = place / "worst.png"
    draw_worst(folder, gathered.errors, drawn, truth=gathered.truth, run=run.path.name)
    with Image.open(drawn) as image:
        size = image.size
        image.convert("RGB").save(place / "worst.webp", "WEBP", quality=80)
    drawn.unlink()
    return Picture("worst.webp", *size, "The worst places of up to twelve studies and conditions, each on a patch of "
                   "the slice of its true place, with true and found place marked; the table below names them.",
                   "The worst place of a study and condition: ring, the true place; cross, the place found.")


def _line(case: Case) -> Mapping[str, object]:
    return {"study_id": case.study_id, "fold": case.fold, "p_severe_canal": case.severe_canal,
            "uncertainty_bits": case.uncertainty_bits, "loss": case.loss, "not_assessed": case.not_assessed}
