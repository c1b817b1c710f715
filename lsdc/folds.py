"""Folds: grouped by study, stratified over the 25 targets; written once, then only read."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.config import FoldSettings
from lsdc.errors import FoldError
from lsdc.seeding import generator, seed_for
from lsdc.tables import FOLDS, read_csv
from lsdc.taxonomy import TARGETS, Severity

SHOWN_STUDIES = 5  # examples given with each fault


def make_folds(grades: pd.DataFrame, settings: FoldSettings) -> pd.DataFrame:
    """A FOLDS table, sorted by study, of every study in a GRADES table.

    Iterative stratification (Sechidis et al. 2011) on 50 indicators of a study: each target at least moderate,
    each target severe; a missing grade counts as neither. The same grades, count and seed give the same folds,
    in whatever order the rows come. FoldError when there are too few studies.
    """
    from iterstrat.ml_stratifiers import MultilabelStratifiedKFold

    studies, indicators = _indicators(grades)
    if len(studies) < settings.count:
        raise _too_few(len(studies), settings.count)
    seed = seed_for(settings.seed, "folds") % 2**32
    splitter = MultilabelStratifiedKFold(settings.count, shuffle=True, random_state=seed)
    fold = np.zeros(len(studies), dtype=np.int64)
    for number, (_, held_out) in enumerate(splitter.split(indicators, indicators)):
        fold[held_out] = number
        if len(held_out) == 0:
            raise _too_few(len(studies), settings.count)
    return FOLDS.frame(pd.DataFrame({"study_id": studies, "fold": fold}))


def write_or_read_folds(path: Path, grades: pd.DataFrame, settings: FoldSettings) -> pd.DataFrame:
    """The folds at `path`, made and written only when the file is absent; see make_or_read_folds."""
    folds = make_or_read_folds(path, grades, settings)
    if not Path(path).exists():
        FOLDS.write(folds, path)
    return folds


def make_or_read_folds(path: Path, grades: pd.DataFrame, settings: FoldSettings) -> pd.DataFrame:
    """The folds at `path`, or where that file is absent those of the settings; always checked against the grades.

    With `settings.file` those folds are used. FoldError when the file at `path` says something else than the
    settings, or does not hold every study of the grades exactly once and no other.
    """
    path = Path(path)
    studies = grades["study_id"].unique()
    own = read_folds(settings.file, studies) if settings.file is not None else None
    if not path.exists():
        return own if own is not None else make_folds(grades, settings)
    folds = read_folds(path, studies)
    if own is not None and dict(own.to_numpy()) != dict(folds.to_numpy()):
        raise FoldError("the folds of this run are not those of the settings", wanted=f"the folds in {settings.file}",
                        where=path, remedy="start a new run for other folds, or set folds.file to null")
    if own is None and (count := folds["fold"].nunique()) != settings.count:
        raise FoldError("the folds of this run are not those of the settings", wanted=f"{settings.count} folds",
                        got=f"{count} folds", where=path, remedy=f"set folds.count={count}, or start a new run")
    return folds


def read_folds(path: Path, studies: Iterable[int] | None = None) -> pd.DataFrame:
    """A FOLDS table, sorted by study; FoldError that names every study in two folds.

    Given `studies`, each of them must be in it, and no other.
    """
    rows = read_csv(path)
    faults = []
    if {"study_id", "fold"} <= set(rows.columns):
        twice = rows[rows["study_id"].duplicated(keep=False) & rows["study_id"].notna()]
        for study, folds in list(twice.groupby("study_id")["fold"])[:SHOWN_STUDIES]:
            faults.append(f"study {study} stands in it {len(folds)} times: folds {', '.join(map(str, folds))}")
        if len(left_out := twice["study_id"].unique()[SHOWN_STUDIES:]):
            faults.append(f"and {len(left_out)} more studies stand in it several times")
        rows = rows.drop_duplicates("study_id")
    folds = FOLDS.check(rows, path).sort_values("study_id", ignore_index=True)
    if studies is not None:
        faults += _against(set(folds["study_id"]), {int(study) for study in studies})
    if (folds["fold"] < 0).any():
        faults.append(f"negative folds: {', '.join(map(str, sorted(folds.loc[folds['fold'] < 0, 'fold'].unique())))}")
    if folds["fold"].nunique() < 2:
        faults.append(f"only {folds['fold'].nunique()} fold")
    if faults:
        raise FoldError("this is not a division of the training studies into folds",
                        wanted="every training study exactly once, no other study, at least two folds, counted from 0",
                        got="\n           ".join(faults), where=path,
                        remedy="correct the file; if the kit wrote it for other data, start a new run")
    return folds


def held_out_studies(folds: pd.DataFrame, fold: int) -> list[int]:
    """Studies of a fold, in order; its models never see them. FoldError for a fold that is not there."""
    _require(folds, fold)
    return sorted(int(study) for study in folds.loc[folds["fold"] == fold, "study_id"])


def training_studies(folds: pd.DataFrame, fold: int) -> list[int]:
    """Studies of all other folds, in order. FoldError for a fold that is not there."""
    _require(folds, fold)
    return sorted(int(study) for study in folds.loc[folds["fold"] != fold, "study_id"])


def split_tuning(studies: list[int], share: float, seed: int, fold: int) -> tuple[list[int], list[int]]:
    """A fold's training studies in two, (fit, tuning), at least one study each, the same on every call.

    The tuning studies are `share` of them, rounded. FoldError when there are fewer than two.
    """
    unique = sorted(set(studies))
    if len(unique) < 2:
        raise FoldError("too few training studies to keep some for tuning", wanted="at least 2", got=len(unique),
                        where=f"fold {fold}", remedy="use fewer folds (--set folds.count=...) or more studies")
    count = min(max(round(share * len(unique)), 1), len(unique) - 1)
    tuning = set(generator(seed, "tuning", fold).permutation(unique)[:count].tolist())
    return [study for study in unique if study not in tuning], sorted(tuning)


def _indicators(grades: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Studies (n,) in ascending order, and (n, 50) of 0 or 1."""
    keys = ["condition", "side", "level"]
    texts = grades.astype(dict.fromkeys(keys, str))
    wide = texts.pivot(index="study_id", columns=keys, values="severity").sort_index()
    wide = wide.reindex(columns=pd.MultiIndex.from_tuples([tuple(map(str, target)) for target in TARGETS], names=keys))
    severe = wide.eq(Severity.SEVERE.column).fillna(False).to_numpy(bool)
    moderate = wide.eq(Severity.MODERATE.column).fillna(False).to_numpy(bool) | severe
    return wide.index.to_numpy(np.int64), np.concatenate([moderate, severe], axis=1).astype(int)


def _require(folds: pd.DataFrame, fold: int) -> None:
    there = sorted(folds["fold"].unique().tolist())
    if fold not in there:
        raise FoldError(f"there is no fold {fold}", wanted=f"one of the folds {', '.join(map(str, there))}", got=fold,
                        remedy="choose one of these; the first fold is 0")


def _against(there: set[int], wanted: set[int]) -> list[str]:
    return [
        f"{len(some)} studies {what}: {', '.join(map(str, sorted(some)[:SHOWN_STUDIES]))}"
        f"{' ...' if len(some) > SHOWN_STUDIES else ''}"
        for some, what in ((wanted - there, "of the training data are missing"),
                           (there - wanted, "are not in the training data"))
        if some
    ]


def _too_few(studies: int, folds: int) -> FoldError:
    return FoldError("too few studies for the folds", wanted=f"at least one study in each of {folds} folds",
                     got=f"{studies} studies", remedy="use fewer folds (--set folds.count=...) or more studies")
