"""What every reader of csv files must do with any file: give valid tables, or say what is wrong with it."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.audit.folder import Audit
from lsdc.audit.tables import read_tables
from lsdc.competition.asked import open_test_part, read_asked
from lsdc.competition.folder import CompetitionFolder, open_folder
from lsdc.competition.grades import read_grades
from lsdc.competition.priors import prior_predictions, prior_table
from lsdc.errors import LsdcError
from lsdc.evaluate.graded import graded
from lsdc.evaluate.prediction_files import read_answers
from lsdc.evaluate.row_order import RowOrder
from lsdc.folds import read_folds
from lsdc.tables import GRADES, POINTS, SERIES
from lsdc.taxonomy import TARGETS, Severity, parse_row_id
from tests.builders import write_competition
from tests.fuzz.csv_mutants import csv_mutant
from tests.fuzz.limits import MEMORY, Look, in_time

LONGEST = 30_000  # characters that may be said of one folder
STUDIES = (1001, 1002, 1003)


def make_look(folder: Path) -> Look:
    """A look at mutants, each one csv file of a competition folder, or of predictions or folds, beside healthy ones."""
    root = write_competition(folder / "data", studies=STUDIES, severity=lambda study, target: list(Severity)[
        (study + TARGETS.index(target)) % 3])
    (root / "folds.csv").write_text("study_id,fold\n1001,0\n1002,1\n1003,0\n")
    truth = read_grades(root)
    rows = graded(truth).order
    first = "\n".join(f"{row},0.25,0.5,0.25,0,model," for row in rows.row_ids)
    (root / "answers.csv").write_text(f"row_id,normal_mild,moderate,severe,fold,model,fallback\n{first}\n")
    files = {path.name: path.read_bytes() for path in sorted(root.glob("*.csv"))}
    assert look_at_folder(root, "train.csv", rows) == "valid"

    def look(number: int) -> str:
        name, story, data = csv_mutant(files, number)
        (root / name).write_bytes(data)
        try:
            return look_at_folder(root, name, rows)
        except Exception as error:
            error.args = (f"{name}: {story}: {error}",)
            raise
        finally:
            (root / name).write_bytes(files[name])

    return look


def look_at_folder(root: Path, changed: str, rows: RowOrder) -> str:
    """Every reader that comes to a file of the folder: "valid", or what is wrong with the changed one."""
    outcome = "valid"
    for read, check in _readers(root, changed, rows):
        try:
            with in_time():
                result = read()
                check(result)
        except LsdcError as error:
            _said(str(error))
            outcome = re.sub(r"\d+", "N", error.problem)
    return outcome


def _readers(root: Path, changed: str, rows: RowOrder) -> list[tuple[Callable[[], object], Callable]]:
    """Reader and check of each way by which the kit comes to a file."""
    if changed == "folds.csv":
        return [(lambda: read_folds(root / changed, STUDIES), _check_folds)]
    if changed == "answers.csv":
        models = {"a": (root / changed,)}
        return [(lambda: read_answers(models, rows), _check_answers),
                (lambda: read_answers(models, rows, normalise=True, complete=True), _check_answers)]
    found = [(lambda: open_folder(root), _check_folder),
             (lambda: read_tables(root, ("train", "test")), lambda tables: _check_audit(root, tables))]
    if changed == "train.csv":
        found.append((lambda: read_grades(root), _check_truth))
    elif not changed.startswith("train"):
        found += [(lambda: (asked := read_asked(root), *open_test_part(root, asked)), _check_test_part),
                  (lambda: open_folder(root, training=False), _check_folder)]
    return found


def _check_folds(folds: pd.DataFrame) -> None:
    assert folds.study_id.tolist() == list(STUDIES)
    assert folds.fold.nunique() >= 2


def _check_truth(grades: pd.DataFrame) -> None:
    GRADES.check(grades)
    assert len(graded(grades).row_ids) > 0
    values = prior_predictions(prior_table(grades), STUDIES)[["normal_mild", "moderate", "severe"]].to_numpy()
    assert np.isfinite(values).all()


def _check_folder(folder: CompetitionFolder) -> None:
    GRADES.check(folder.grades)
    POINTS.check(folder.points)
    for series in folder.series.values():
        SERIES.check(series)
    assert np.isfinite(folder.points[["x_px", "y_px"]].to_numpy()).all()
    assert len(set(folder.sample)) == len(folder.sample) > 0
    for part in folder.series:
        for study in folder.study_ids(part):
            for row in folder.series_of(study, part).itertuples():
                folder.series_folder(part, study, row.series_id).is_dir()


def _check_test_part(opened: tuple) -> None:
    asked, folder, faults = opened
    _said(" ".join(faults))
    assert len(set(asked.rows)) == len(asked.rows) > 0
    for row in set(asked.rows) - set(asked.strange):
        assert parse_row_id(row)[0] in asked.studies
    _check_folder(folder)


def _check_answers(answers: list) -> None:
    answered = answers[0].values[answers[0].answered]
    assert len(answered)
    assert (answered >= 0).all()
    assert np.allclose(answered.sum(axis=1), 1, atol=1e-6)


def _check_audit(root: Path, tables) -> None:
    table = Audit(root, tables.findings, {}, Counter(), False).table()
    assert len(table) == len(tables.findings)
    _said("".join(table.detail.fillna("").head(20)))
    for points in tables.points.values():
        assert np.isfinite([(point.x_px, point.y_px) for point in points]).all()


def _said(text: str) -> None:
    assert len(text) < LONGEST, f"{len(text)} characters of words: {text[:200]}"
    assert not MEMORY.search(text), f"memory ran out: {text[:300]}"
