"""Out-of-fold tables of several models, from run folders or csv files, refused unless every row is honest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.blend.saved import Member
from lsdc.blend.stack import Stack, answers_of, severity_of
from lsdc.errors import DataError, FoldError
from lsdc.files import file_hash
from lsdc.runs import FoldFolder, RunFolder
from lsdc.tables import LOCATIONS, PREDICTIONS, read_csv
from lsdc.taxonomy import SEVERITY_COLUMNS, parse_row_id

SHOWN = 3  # examples given with each fault
SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Source:
    """A model and its PREDICTIONS of all folds; faults: what its files say against each other."""

    member: Member
    predictions: pd.DataFrame
    faults: tuple[str, ...] = ()


def read_source(text: str, runs: Path) -> Source:
    """The model that a word names: a csv file, a run folder, or a run below `runs`; NAME=WORD gives it a name.

    A csv file has row_id, the three severities and fold; model and fallback where it has them. DataError when it is
    none of these.
    """
    name, _, word = text.rpartition("=")
    path = Path(word)
    if path.suffix.lower() == ".csv":
        return _of_csv(name or path.stem, path)
    run = RunFolder(path if path.is_dir() else runs / word)
    if not run.path.is_dir():
        there = sorted(one.parent.name for one in runs.glob("*/config.yaml"))
        raise DataError("this is no model to blend", wanted="the name of a run, a run folder or a csv file", got=word,
                        where=runs, remedy=f"name one of: {', '.join(there) or '(there is no run)'}")
    return _of_run(name or run.path.name, run)


def stack_sources(sources: Sequence[Source], folds: pd.DataFrame, grades: pd.DataFrame, *, where: object) -> Stack:
    """Answers of all studies of a FOLDS table beside their GRADES; a row that a model lacks is missing.

    FoldError with every fault: a name used twice; an empty table; values that are no probabilities; a study that the
    folds do not have; a study of another fold than they say, so that the model may have seen it; a fold that a model
    lacks.
    """
    names = [source.member.name for source in sources]
    faults = [f"two models have the name {name}" for name in sorted(set(names)) if names.count(name) > 1]
    known = dict(zip(folds["study_id"].tolist(), folds["fold"].tolist(), strict=True))
    for source in sources:
        faults += [f"{source.member.name}: {fault}" for fault in (*source.faults, *_faults(source.predictions, known))]
    if faults:
        raise FoldError(
            f"these tables cannot be blended ({len(faults)} faults)", got="\n           ".join(faults), where=where,
            wanted="out-of-fold predictions of every fold, each study by models of its own fold in this file",
            remedy="leave the model out, or train and predict it with these folds")
    studies = sorted(known)
    answers = answers_of({source.member.name: source.predictions for source in sources}, names, studies)
    return Stack(tuple(names), answers, severity_of(grades, studies), np.array([known[study] for study in studies]))


def _of_csv(name: str, path: Path) -> Source:
    cells = read_csv(path)
    absent = [column for column in ("row_id", *SEVERITY_COLUMNS, "fold") if column not in cells.columns]
    if absent:
        raise DataError("this is no out-of-fold table", wanted=f"columns row_id, {', '.join(SEVERITY_COLUMNS)}, fold",
                        got=f"it lacks {', '.join(absent)} (it has: {', '.join(map(str, cells.columns))})", where=path,
                        remedy="add the column fold: for each row the fold whose models never saw its study"
                        if absent == ["fold"] else "give a run, its predictions.csv, or a file with these columns")
    if "model" not in cells.columns:
        cells["model"] = name
    if "fallback" not in cells.columns:
        cells["fallback"] = pd.NA
    table = PREDICTIONS.check(cells[list(PREDICTIONS.columns)], path)
    return Source(Member(name, None, tuple(sorted(set(table["fold"].tolist()))), {path.name: file_hash(path)}), table)


def _of_run(name: str, run: RunFolder) -> Source:
    finished = run.finished_folds()
    tables, faults = [PREDICTIONS.read(fold.predictions) for fold in finished], []
    for fold, table in zip(finished, tables, strict=True):
        faults += _faults_of_fold(fold, table)
    member = Member(name, run.path.name, tuple(fold.number for fold in finished),
                    {f"fold{fold.number}": file_hash(fold.predictions) for fold in finished})
    whole = pd.concat(tables, ignore_index=True)
    if len(twice := whole.loc[whole["row_id"].duplicated(), "row_id"]):
        faults.append(f"{len(twice)} rows are predicted by several folds: {_shown(twice)}")
    return Source(member, whole.drop_duplicates("row_id"), tuple(faults))


def _faults_of_fold(fold: FoldFolder, predictions: pd.DataFrame) -> Iterator[str]:
    """Whether classifier and detector are both of the fold whose folder they lie in."""
    if not fold.locations.exists():
        yield f"{fold.path.name} has no locations.csv, so nobody knows which detector its predictions stand on"
        return
    for what, table in (("predictions", predictions), ("locations", LOCATIONS.read(fold.locations))):
        if other := sorted(set(table["fold"].tolist()) - {fold.number}):
            yield f"{what} in {fold.path.name} are of fold {', '.join(map(str, other))}"


def _faults(predictions: pd.DataFrame, known: dict[int, int]) -> Iterator[str]:
    """known: fold by study."""
    if predictions.empty:
        yield "the table is empty"
        return
    values = predictions[list(SEVERITY_COLUMNS)].to_numpy(np.float64)
    for what, wrong in (("are negative", (values < 0).any(axis=1)),
                        ("do not sum to 1", np.abs(values.sum(axis=1) - 1) > SUM_TOLERANCE)):
        if wrong.any():
            yield f"{wrong.sum()} rows {what}: {_shown(predictions['row_id'][wrong])}"
    parsed, odd = {}, []
    for row, fold in zip(predictions["row_id"], predictions["fold"].tolist(), strict=True):
        try:
            parsed.setdefault((parse_row_id(row)[0], fold), row)
        except ValueError:
            odd.append(row)
    if odd:
        yield f"{len(odd)} rows are of no target: {_shown(odd)}"
    if unknown := sorted({study for study, _ in parsed} - set(known)):
        yield f"{len(unknown)} studies are not in the folds file: {_shown(unknown)}"
    if moved := sorted((study, fold) for study, fold in parsed if study in known and fold != known[study]):
        shown = [f"{study} (fold {fold}, not {known[study]})" for study, fold in moved]
        yield (f"{len(moved)} studies are of another fold than the folds file says, so their model may have seen "
               f"them: {_shown(shown)}")
    if absent := sorted(set(known.values()) - {fold for _, fold in parsed}):
        yield f"no prediction of fold {', '.join(map(str, absent))}"


def _shown(some: Sequence) -> str:
    return ", ".join(map(str, list(some)[:SHOWN])) + (" ..." if len(some) > SHOWN else "")
