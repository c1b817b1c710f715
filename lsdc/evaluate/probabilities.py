"""Predictions joined to the rows they must answer, and everything wrong with them told at once."""

import numpy as np
import pandas as pd

from lsdc.errors import TableError
from lsdc.evaluate.row_order import RowOrder, texts
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGET_BY_COLUMN

SUM_TOLERANCE = 1e-6
SHOWN_ROWS = 3  # examples given with each fault


def probabilities(predictions: pd.DataFrame, rows: pd.Index | RowOrder, *, where: object = None) -> np.ndarray:
    """Probabilities (rows, 3) in the order of `rows`, joined by the column `row_id`; the frame is left as it is.

    Other columns than row_id and the three severities are not looked at. TableError with every fault: columns
    missing; rows missing, unknown or duplicated; values that are no finite numbers or negative; sums that are
    further than 1e-6 from 1.
    """
    values, faults = examine(predictions, rows)
    if faults:
        raise fault_error(faults, where)
    return values


def examine(
    predictions: pd.DataFrame, rows: pd.Index | RowOrder, *, partial: bool = False, normalise: bool = False
) -> tuple[np.ndarray, list[str]]:
    """Probabilities (rows, 3) in the order of `rows`, and every fault of them; with faults the values mean nothing.

    partial: rows may be missing, their values are nan. normalise: each row is divided by its sum, if that is not 0.
    """
    rows = rows if isinstance(rows, RowOrder) else RowOrder(rows)
    row_ids = rows.row_ids
    if absent := [name for name in ("row_id", *SEVERITY_COLUMNS) if name not in predictions.columns]:
        has = ", ".join(map(str, predictions.columns))
        return np.full((len(row_ids), len(SEVERITY_COLUMNS)), np.nan), [
            f"columns missing: {', '.join(absent)} (it has: {has})"]
    numbers = predictions[list(SEVERITY_COLUMNS)]
    if not all(kind == np.float64 for kind in numbers.dtypes):
        numbers = numbers.apply(pd.to_numeric, errors="coerce")
    values = np.column_stack([numbers[name].to_numpy(np.float64, na_value=np.nan) for name in SEVERITY_COLUMNS])
    with np.errstate(over="ignore", invalid="ignore"):
        sums = values[:, 0] + values[:, 1] + values[:, 2]
    finite, negative = np.ones(len(values), bool), np.zeros(len(values), bool)
    if not (np.isfinite(sums).all() and values.min(initial=0) >= 0):  # by row only where there is something to find
        finite, negative = np.isfinite(values).all(axis=1), (values < 0).any(axis=1)
    off = finite & ~negative & (
        (sums <= 0) | ~np.isfinite(sums) if normalise else np.abs(sums - 1) > SUM_TOLERANCE)
    there, where = pd.Index(predictions["row_id"]), rows.in_known_order(predictions["row_id"])
    once = where is not None  # each row, and no other
    if not once:
        there = texts(predictions["row_id"])
        place = rows.places_of(there)
        answers = np.bincount(place[place >= 0], minlength=len(row_ids))
        once = len(there) == len(row_ids) and (answers == 1).all()
    faults = [
        *([] if once else [
            "" if partial else _fault(row_ids[answers == 0], "rows are missing"),
            *_unknown(there[place < 0].unique(), row_ids, partial=partial),
            _fault(there[there.duplicated()].unique(), "row_ids are duplicated")]),
        _fault(_those(there, ~finite), "rows hold values that are no finite numbers"),
        _fault(_those(there, negative), "rows hold negative values"),
        _fault(_those(there, off), "rows have no sum to divide by" if normalise else "rows do not sum to 1 within 1e-6",
               [f" ({total:.6g})" for total in sums[off][:SHOWN_ROWS]]),
    ]
    if faults := [fault for fault in faults if fault]:
        return values[:0], faults
    if normalise:
        values = values / sums[:, None]
    if where is not None:
        return values.take(where, axis=0), []
    joined = np.full((len(row_ids), len(SEVERITY_COLUMNS)), np.nan)
    joined[place] = values
    return joined, []


def _those(rows: pd.Index, chosen: np.ndarray) -> pd.Index:
    return rows[chosen] if chosen.any() else rows[:0]  # of many rows the first takes its time, and mostly none is


def _unknown(rows: pd.Index, row_ids: pd.Index, *, partial: bool) -> list[str]:
    """Faults of rows that nobody asked for; of free tables also whether their studies are unknown or the rows odd."""
    if not partial or len(rows) == 0:
        return [_fault(rows, "rows are unknown")]
    parts = [str(row).partition("_") for row in rows]
    study = pd.Index([part[0] for part in parts])
    odd = np.array([not part[0].isdecimal() or part[2] not in TARGET_BY_COLUMN for part in parts])
    known = set(row_ids.str.split("_", n=1).str[0])
    strange = study[~odd & ~study.isin(known)].unique()
    return [
        _fault(rows[odd], "row_ids are not <study_id>_<condition>_<level> of this competition"),
        _fault(strange, "studies are unknown to the truth"),
        _fault(rows[~odd & study.isin(known)], "rows are unknown"),
    ]


def _fault(rows: pd.Index, what: str, details: list[str] | None = None) -> str:
    if len(rows) == 0:
        return ""
    shown = [row + detail for row, detail in zip(rows, details or [""] * SHOWN_ROWS, strict=False)]
    return f"{len(rows)} {what}: {', '.join(shown)}{' ...' if len(rows) > SHOWN_ROWS else ''}"


def fault_error(faults: list[str], where: object, *, wanted: str = "", remedy: str = "") -> TableError:
    return TableError(
        f"these predictions cannot be scored ({len(faults)} faults)",
        wanted=wanted or "each row of the scored studies exactly once, with three probabilities that sum to 1",
        got="\n          ".join(faults), where=where, remedy=remedy or "correct the rows named, or predict again",
    )
