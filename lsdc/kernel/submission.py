"""A written submission looked at as a stranger would: nothing of what wrote it is used, only the csv module."""

import csv
import math
from collections import Counter
from pathlib import Path

from lsdc.errors import DataError, TableError

COLUMNS = ["row_id", "normal_mild", "moderate", "severe"]
TOLERANCE, SHOWN = 1e-6, 5


def check_submission(path: Path, sample: Path) -> dict:
    """Rows and studies of a valid submission; TableError that lists every fault.

    Valid: row_id and the three probabilities, the rows of the sample in its order, values finite, not negative,
    summing to 1 within 1e-6.
    Of the sample only its row_ids matter, wherever their column stands, with or without a byte order mark.
    """
    (header, rows), (wanted_header, wanted) = _read(path), _read(sample, encoding="utf-8-sig")
    faults, place = [], wanted_header.index(COLUMNS[0]) if COLUMNS[0] in wanted_header else 0
    if COLUMNS[0] not in wanted_header or not wanted:
        faults.append(f"the sample itself has {len(wanted)} rows and the columns {', '.join(wanted_header)}")
    if header != COLUMNS:
        faults.append(f"columns {', '.join(header)}")
    ids = [row[0] for row in rows if row]
    wanted_ids = [row[place] for row in wanted if len(row) > place]
    there, asked = Counter(ids), set(wanted_ids)
    if missing := [one for one in wanted_ids if one not in there]:
        faults.append(f"{len(missing)} rows of the sample are missing: {_some(missing)}")
    if unknown := [one for one in ids if one not in asked]:
        faults.append(f"{len(unknown)} rows are not in the sample: {_some(unknown)}")
    if twice := sorted(one for one, count in there.items() if count > 1):
        faults.append(f"{len(twice)} rows stand more than once: {_some(twice)}")
    if not faults and ids != wanted_ids:
        faults.append("the rows are not in the sample's order")
    if wrong := [row[0] if row else "an empty line" for row in rows if not _good(row)]:
        faults.append(f"{len(wrong)} rows are not three finite probabilities that sum to 1: {_some(wrong)}")
    if faults:
        raise TableError("this is not a valid submission", got="\n          ".join(faults), where=path,
                         wanted=f"the {len(wanted)} rows of {sample}")
    return {"rows": len(rows), "studies": len({one.split("_")[0] for one in ids})}


def _read(path: Path, *, encoding: str = "utf-8") -> tuple[list[str], list[list[str]]]:
    if not Path(path).is_file():
        raise DataError("this file is not there", where=path)
    with Path(path).open(newline="", encoding=encoding) as file:
        rows = list(csv.reader(file))
    return (rows[0], rows[1:]) if rows else ([], [])


def _good(row: list[str]) -> bool:
    try:
        values = [float(value) for value in row[1:]]
    except ValueError:
        return False
    return (len(values) == len(COLUMNS) - 1 and all(math.isfinite(value) and value >= 0 for value in values)
            and abs(sum(values) - 1) <= TOLERANCE)


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
