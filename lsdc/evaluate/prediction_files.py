"""Files of predictions as a user names them: several files of one model joined, every fault of all told at once."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.errors import TableError
from lsdc.evaluate.probabilities import SUM_TOLERANCE, examine, fault_error
from lsdc.evaluate.row_order import RowOrder
from lsdc.tables import read_csv
from lsdc.taxonomy import SEVERITY_COLUMNS

OWN_NAMES = ("predictions.csv", "submission.csv")  # of a folder; other csv files beside one of these are not read
SHOWN = 3


@dataclass(frozen=True, eq=False)
class Answers:
    """What one model says of the truth's rows.

    values (rows, 3) in the order of the truth's row_ids, nan where it does not answer; normalised: rows whose sums
    were corrected; fold (rows,) as the files say it, nan where they do not.
    """

    name: str
    files: tuple[Path, ...]
    values: np.ndarray
    normalised: int
    fold: np.ndarray

    @property
    def answered(self) -> np.ndarray:
        """Which rows it answers, (rows,) bool."""
        return np.isfinite(self.values[:, 0])


def named_files(words: Sequence[str]) -> dict[str, tuple[Path, ...]]:
    """Files by model, from words `[NAME=]FILE[,FILE...]`; a name that comes again adds to its model's files.

    A folder stands for its predictions.csv or submission.csv, else those of its fold*/, else all its csv files.
    Without a name the model is called after its first file, or its folder where the file's own name says nothing.
    TableError for a folder without csv files, or two models of one name.
    """
    models: dict[str, tuple[Path, ...]] = {}
    given: dict[str, tuple[str, bool]] = {}  # the word that made each name, and whether it says the name
    for word in words:
        name, paths = _split(word)
        files = tuple(itertools.chain.from_iterable(map(_files_of, paths)))
        shown = name or _called(paths[0])
        if shown in models and not (name and given[shown][1]):
            raise TableError("two models of one name", wanted="a name for each model", got=f"{given[shown][0]}, {word}",
                             remedy="name them: --predictions NAME=FILE (files of one model: NAME=FILE,FILE)")
        models[shown] = models.get(shown, ()) + files
        given.setdefault(shown, (word, bool(name)))
    return models


def read_answers(
    models: dict[str, tuple[Path, ...]], rows: RowOrder, *, normalise: bool = False, complete: bool = False
) -> list[Answers]:
    """Read and join the files of each model; one TableError has the faults of all files of all models.

    Rows may be missing unless `complete`; sums must be 1 unless `normalise`, which divides each row by its sum.
    """
    read = [_read(name, files, rows, normalise=normalise, partial=not complete) for name, files in models.items()]
    if faults := [fault for _, found in read for fault in found]:
        sums = any("do not sum to 1" in fault for fault in faults)
        raise fault_error(
            faults, None, wanted="row_id, normal_mild, moderate, severe; each row of the truth at most once, with "
            "three probabilities that sum to 1", remedy="correct what is named" + (
                "; --normalise divides rows by their sums, if that is what you want" if sums else ""))
    return [answers for answers, _ in read]


def _read(
    name: str, files: Sequence[Path], rows: RowOrder, *, normalise: bool, partial: bool
) -> tuple[Answers | None, list[str]]:
    frames, faults = [], []
    for path in files:
        try:
            frame = read_csv(path)
        except TableError as error:
            faults.append(f"{path}: {error.problem}" + (f": {error.got}" if error.got else ""))
            continue
        values, found = examine(frame, rows, partial=True, normalise=normalise)
        faults += [f"{path}: {fault}" for fault in found + ["no rows"] * frame.empty]
        if {"row_id", *SEVERITY_COLUMNS} <= set(frame.columns):
            frames.append(frame.assign(file=str(path)))
    joined = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    faults += _shared(name, joined) if len(frames) > 1 else []
    if not faults and not partial and (found := examine(joined, rows, normalise=normalise)[1]):
        faults += [f"{name}: {fault}" for fault in found]
    if faults:
        return None, faults
    if len(frames) > 1:
        values, _ = examine(joined, rows, partial=True, normalise=normalise)
    return Answers(name, tuple(files), values, _off(joined) if normalise else 0, _folds(joined, rows.row_ids)), []


def _shared(name: str, joined: pd.DataFrame) -> list[str]:
    """Rows that several files of a model answer; those within one file are told of that file."""
    counts = joined.groupby("row_id")["file"].nunique()
    twice = counts.index[counts > 1]
    if len(twice) == 0:
        return []
    shown = [f"{row} in {', '.join(joined.loc[joined['row_id'] == row, 'file'].unique())}" for row in twice[:SHOWN]]
    return [f"{name}: {len(twice)} rows are answered by several of its files: {'; '.join(shown)}"]


def _off(joined: pd.DataFrame) -> int:
    sums = joined[list(SEVERITY_COLUMNS)].astype("float64").sum(axis=1)
    return int((np.abs(sums - 1) > SUM_TOLERANCE).sum())


def _folds(joined: pd.DataFrame, row_ids: pd.Index) -> np.ndarray:
    if "fold" not in joined.columns:
        return np.full(len(row_ids), np.nan)
    fold = pd.to_numeric(joined["fold"], errors="coerce").astype("float64")
    return pd.Series(fold.to_numpy(), index=joined["row_id"].astype(str)).reindex(row_ids).to_numpy()


def _split(word: str) -> tuple[str, list[Path]]:
    """The name, "" where there is none, and the paths of a word; what exists as it stands is one path."""
    name, equals, rest = word.partition("=")
    if not equals or not name or "/" in name or Path(word).exists():
        name, rest = "", word
    paths = [rest] if rest and Path(rest).exists() else [part for part in rest.split(",") if part]
    if not paths:
        raise TableError("a model without a file", wanted="NAME=FILE or NAME=FILE,FILE", got=repr(word),
                         remedy="give its files after the name")
    return name, [Path(part) for part in paths]


def _files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    for found in ([path / name for name in OWN_NAMES if (path / name).is_file()][:1],
                  sorted(path.glob("fold*/predictions.csv")), sorted(path.glob("*.csv"))):
        if found:
            return found
    raise TableError("a folder without predictions", wanted=f"{' or '.join(OWN_NAMES)}, or csv files in submission "
                     "format", got="no csv file", where=path, remedy="name a file, or a folder that has some")


def _called(path: Path) -> str:
    whole = path.resolve()
    return whole.parent.name if whole.name in OWN_NAMES else whole.name if whole.is_dir() else whole.stem
