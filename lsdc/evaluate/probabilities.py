"""Predictions joined to the rows they must answer, and everything wrong with them told at once."""

import numpy as np
import pandas as pd

from lsdc.errors import TableError
from lsdc.taxonomy import SEVERITY_COLUMNS

SUM_TOLERANCE = 1e-6
SHOWN_ROWS = 3  # examples given with each fault


def probabilities(predictions: pd.DataFrame, row_ids: pd.Index, *, where: object = None) -> np.ndarray:
    """Probabilities (rows, 3) in the order of `row_ids`, joined by the column `row_id`; the frame is left as it is.

    Other columns than row_id and the three severities are not looked at. TableError with every fault: columns
    missing; rows missing, unknown or duplicated; values that are no finite numbers or negative; sums that are
    further than 1e-6 from 1.
    """
    if absent := [name for name in ("row_id", *SEVERITY_COLUMNS) if name not in predictions.columns]:
        has = ", ".join(map(str, predictions.columns))
        raise _fault_error([f"columns missing: {', '.join(absent)} (it has: {has})"], where)
    there = pd.Index(predictions["row_id"].astype("string").fillna("(empty)").to_numpy(object))
    numbers = predictions[list(SEVERITY_COLUMNS)].apply(pd.to_numeric, errors="coerce")
    values = numbers.to_numpy(np.float64, na_value=np.nan)
    finite = np.isfinite(values).all(axis=1)
    negative = (values < 0).any(axis=1)
    sums = values.sum(axis=1, where=np.isfinite(values))
    off = finite & ~negative & (np.abs(sums - 1) > SUM_TOLERANCE)
    faults = [
        _fault(row_ids[~row_ids.isin(there)], "rows are missing"),
        _fault(there[~there.isin(row_ids)].unique(), "rows are unknown"),
        _fault(there[there.duplicated()].unique(), "row_ids are duplicated"),
        _fault(there[~finite], "rows hold values that are no finite numbers"),
        _fault(there[negative], "rows hold negative values"),
        _fault(there[off], "rows do not sum to 1 within 1e-6", [f" ({total:.6g})" for total in sums[off][:SHOWN_ROWS]]),
    ]
    if faults := [fault for fault in faults if fault]:
        raise _fault_error(faults, where)
    return values[there.get_indexer(row_ids)]


def _fault(rows: pd.Index, what: str, details: list[str] | None = None) -> str:
    if len(rows) == 0:
        return ""
    shown = [row + detail for row, detail in zip(rows, details or [""] * SHOWN_ROWS, strict=False)]
    return f"{len(rows)} {what}: {', '.join(shown)}{' ...' if len(rows) > SHOWN_ROWS else ''}"


def _fault_error(faults: list[str], where: object) -> TableError:
    return TableError(
        f"these predictions cannot be scored ({len(faults)} faults)",
        wanted="each row of the scored studies exactly once, with three probabilities that sum to 1",
        got="\n           ".join(faults), where=where, remedy="correct the rows named, or predict again",
    )
