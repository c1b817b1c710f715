"""The checked writer: exactly the sample's rows, in the sample's order."""

from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.errors import TableError
from lsdc.tables import SHOWN_ROWS, SUBMISSION
from lsdc.taxonomy import SEVERITY_COLUMNS

SUM_TOLERANCE = 1e-6


def write_submission(predictions: pd.DataFrame, sample: list[str], path: Path) -> None:
    """Write `row_id, normal_mild, moderate, severe` for the sample's rows, in its order.

    TableError, before anything is written, when a row is missing or unknown, stands twice, or its probabilities are
    not finite, negative, or do not sum to 1 within 1e-6.
    """
    table = SUBMISSION.check(predictions[["row_id", *SEVERITY_COLUMNS]], path)
    faults = []
    if missing := sorted(set(sample) - set(table.row_id)):
        faults.append(f"{len(missing)} rows of the sample have no prediction: {', '.join(missing[:SHOWN_ROWS])}")
    if unknown := sorted(set(table.row_id) - set(sample)):
        faults.append(f"{len(unknown)} rows are not in the sample: {', '.join(unknown[:SHOWN_ROWS])}")
    values = table[list(SEVERITY_COLUMNS)].to_numpy()
    for what, wrong in (("are negative", (values < 0).any(axis=1)),
                        ("do not sum to 1", np.abs(values.sum(axis=1) - 1) > SUM_TOLERANCE)):
        if wrong.any():
            faults.append(f"{wrong.sum()} rows {what}: {', '.join(table.row_id[wrong][:SHOWN_ROWS])}")
    if faults:
        raise TableError("this is not a valid submission", got="\n          ".join(faults), where=path,
                         wanted=f"the {len(sample)} rows of the sample, each with probabilities that sum to 1")
    SUBMISSION.write(table.set_index("row_id").loc[sample].reset_index(), path)


def check_submission(path: Path, sample: list[str]) -> None:
    """Read a written submission as a stranger would; TableError unless it has the sample's rows in their order."""
    table = SUBMISSION.read(path)
    values = table[list(SEVERITY_COLUMNS)].to_numpy()
    if table.row_id.tolist() != sample or (values < 0).any() or (abs(values.sum(axis=1) - 1) > SUM_TOLERANCE).any():
        raise TableError("a submission that was just written is not what was written", where=path,
                         remedy="look at the disk")
