"""Out-of-fold predictions put together from the tables that each fold left, refused when the chain is not honest."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lsdc.competition.priors import prior_predictions, read_priors
from lsdc.errors import FoldError
from lsdc.folds import held_out_studies
from lsdc.tables import LOCATIONS, PREDICTIONS

SHOWN = 5  # examples given with each fault


@dataclass(frozen=True, eq=False)
class FoldTables:
    """What one fold left: PREDICTIONS, LOCATIONS and the table of priors of its training studies."""

    predictions: pd.DataFrame
    locations: pd.DataFrame
    priors: pd.DataFrame
    where: str = "memory"


@dataclass(frozen=True, eq=False)
class LocatedFolds:
    """LOCATIONS of several folds as one table."""

    locations: pd.DataFrame
    folds: tuple[int, ...]
    studies: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """One table of several folds: PREDICTIONS, LOCATIONS, and what each study's fold knew before seeing it."""

    predictions: pd.DataFrame
    locations: pd.DataFrame
    priors: pd.DataFrame
    folds: tuple[int, ...]
    studies: tuple[int, ...]


def read_fold(folder: Path) -> FoldTables:
    """predictions.csv, locations.csv and priors.csv of a fold's folder."""
    folder = Path(folder)
    return FoldTables(PREDICTIONS.read(folder / "predictions.csv"), LOCATIONS.read(folder / "locations.csv"),
                      read_priors(folder / "priors.csv"), str(folder))


def assemble(tables: Sequence[FoldTables | Path], folds: pd.DataFrame, *, all_folds: bool = False) -> OutOfFold:
    """Tables of several folds (or their folders) as one; `folds` is the FOLDS table they must agree with.

    FoldError, with every fault, when a study is predicted twice or by another fold than folds.csv says; when a study
    of a fold that is there has no prediction; when a study's locations come from a detector of another fold, or are
    absent; with `all_folds`, when a fold is missing.
    """
    tables = [table if isinstance(table, FoldTables) else read_fold(table) for table in tables]
    faults: list[str] = []
    predicted = pd.concat([_predicted_studies(table) for table in tables], ignore_index=True)
    present = sorted(predicted["fold"].unique().tolist())
    faults += _faults_of_studies(predicted, folds)
    for table in tables:
        faults += _faults_of_locations(table)
    if all_folds and (missing := sorted(set(folds["fold"].tolist()) - set(present))):
        faults.append(f"no predictions of fold {', '.join(map(str, missing))}")
    if faults:
        raise FoldError(
            f"these predictions are not out-of-fold ({len(faults)} faults)",
            wanted="each study predicted once, by the detector and the classifier of its own fold",
            got="\n           ".join(faults), where=", ".join(table.where for table in tables),
            remedy="train and predict the folds named again with the folds.csv of this run",
        )
    return OutOfFold(
        pd.concat([table.predictions for table in tables], ignore_index=True),
        pd.concat([table.locations for table in tables], ignore_index=True),
        pd.concat([prior_predictions(table.priors, _predicted_studies(table)["study_id"]) for table in tables],
                  ignore_index=True),
        tuple(present),
        tuple(sorted(predicted["study_id"].tolist())),
    )


def assemble_locations(folders: Sequence[Path], folds: pd.DataFrame) -> LocatedFolds:
    """locations.csv of several folds' folders as one; `folds` is the FOLDS table they must agree with.

    FoldError, with every fault, when a study is located twice or by the detector of another fold than folds.csv says,
    or when a study of a fold that is there is not located.
    """
    tables = [LOCATIONS.read(Path(folder) / "locations.csv").assign(where=str(folder)) for folder in folders]
    whole = pd.concat(tables, ignore_index=True)
    located = whole[["study_id", "fold", "where"]].drop_duplicates(ignore_index=True)
    if faults := _faults_of_studies(located, folds, done="located"):
        raise FoldError(
            f"these locations are not out-of-fold ({len(faults)} faults)",
            wanted="each study located once, by the detector of its own fold", got="\n           ".join(faults),
            where=", ".join(map(str, folders)), remedy="locate the folds named again with the folds.csv of this run",
        )
    return LocatedFolds(whole.drop(columns="where"), tuple(sorted(set(located["fold"].tolist()))),
                        tuple(sorted(located["study_id"].tolist())))


def _predicted_studies(table: FoldTables) -> pd.DataFrame:
    """study_id, fold and where, one row per study and fold of a table's predictions."""
    study = table.predictions["row_id"].str.split("_").str[0]
    if not (decimal := study.str.fullmatch(r"\d+")).all():
        raise FoldError("predictions of rows that name no study", wanted="row_ids <study_id>_<condition>_<level>",
                        got=", ".join(table.predictions["row_id"][~decimal][:SHOWN]), where=table.where,
                        remedy="predict this fold again")
    pairs = pd.DataFrame({"study_id": study.astype("int64"), "fold": table.predictions["fold"]})
    return pairs.drop_duplicates(ignore_index=True).assign(where=table.where)


def _faults_of_studies(predicted: pd.DataFrame, folds: pd.DataFrame, *, done: str = "predicted") -> list[str]:
    faults = []
    by_study = predicted.groupby("study_id")
    twice = by_study.size()
    for study in _shown(twice.index[twice > 1], faults, f"studies are {done} twice"):
        rows = by_study.get_group(study)
        by = [f"fold {fold} in {where}" for fold, where in zip(rows["fold"], rows["where"], strict=True)]
        faults.append(f"study {study} is {done} twice: {', '.join(by)}")
    said = predicted.merge(folds, on="study_id", how="left", suffixes=("", "_said"))
    strange = said[said["fold_said"].isna()]
    for study in _shown(strange["study_id"].unique(), faults, "studies are not in folds.csv"):
        faults.append(f"study {study} is not in folds.csv")
    wrong = said[said["fold_said"].notna() & (said["fold_said"] != said["fold"])]
    for row in _shown(list(wrong.itertuples()), faults, f"studies are {done} by a fold that trained on them"):
        faults.append(f"study {row.study_id} is {done} by fold {row.fold} but held out by fold {int(row.fold_said)}")
    known = set(folds["fold"].tolist())
    for fold in sorted(set(predicted["fold"].tolist())):
        if fold not in known:
            faults.append(f"fold {fold} is not in folds.csv")
            continue
        left = sorted(set(held_out_studies(folds, fold)) - set(predicted["study_id"]))
        for study in _shown(left, faults, f"studies of fold {fold} are not {done}"):
            faults.append(f"study {study} of fold {fold} is not {done}")
    return faults


def _faults_of_locations(table: FoldTables) -> list[str]:
    faults = []
    located = table.locations[["study_id", "fold"]].drop_duplicates()
    both = _predicted_studies(table).merge(located, on="study_id", how="left", suffixes=("", "_located"))
    absent = both[both["fold_located"].isna()]
    for study in _shown(absent["study_id"].unique(), faults, "studies are predicted without locations"):
        faults.append(f"study {study} is predicted without locations in {table.where}")
    wrong = both[both["fold_located"].notna() & (both["fold_located"] != both["fold"])]
    for row in _shown(list(wrong.itertuples()), faults, "studies have a detector of another fold"):
        faults.append(f"study {row.study_id}: detector of fold {int(row.fold_located)}, classifier of fold {row.fold}")
    return faults


def _shown(items: Sequence, faults: list[str], what: str) -> list:
    """The first few items, to be told one by one; that there are more is a fault line of its own."""
    if len(items) > SHOWN:
        faults.append(f"{len(items)} {what}, among them:")
    return list(items[:SHOWN])
