"""The table of priors: what a submission should say of a target when nothing is known of the study."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.errors import TableError
from lsdc.tables import PRIORS, SUBMISSION
from lsdc.taxonomy import RATES, SEVERITY_COLUMNS, TARGETS, Condition, row_id
from lsdc.weighting import weighted

SMOOTHING = 12.0  # of 1 to 32 the best was 16 for tables of 20 phantom studies, 8 for 60 to 300; no effect at 1,580
_CONDITION = np.array([list(Condition).index(target.condition) for target in TARGETS])  # (25,)


def prior_table(grades: pd.DataFrame, *, smoothing: float = SMOOTHING) -> pd.DataFrame:
    """Weight-multiplied severity rates by column, from a GRADES table; missing grades do not count.

    Returns 25 rows in the order of TARGETS (index `target`: target.column), columns SEVERITY_COLUMNS, rows summing
    to 1. With n[t, s] labels of severity s at target t, a = `smoothing` and the metric's weights w = 1, 2, 4:

        q[c, s] = (n[c, s] + 1) / (n[c] + 3)          rates of the target's condition, all its targets pooled
        p[t, s] = w[s] (n[t, s] + a q[c, s]) / sum over s

    Weights multiply, because probabilities that minimise a weighted log loss are proportional to weight times
    probability. `smoothing=0` gives the exact rates, which may hold zeros; a target without any label then has q.
    """
    counts = _counts(grades)
    pooled = np.stack([counts[number == _CONDITION].sum(axis=0) for number in range(len(Condition))]) + 1  # (3, 3)
    rates = (pooled / pooled.sum(axis=1, keepdims=True))[_CONDITION]  # (25, 3)
    strength = np.where(counts.sum(axis=1, keepdims=True) == 0, 1.0, smoothing)
    return _table(weighted(counts + strength * rates))


def uniform_table() -> pd.DataFrame:
    """One third everywhere, in the shape of a table of priors."""
    return _table(np.full((len(TARGETS), len(SEVERITY_COLUMNS)), 1 / len(SEVERITY_COLUMNS)))


def published_table() -> pd.DataFrame:
    """The competition's own rates by condition and level in the shape of a table of priors, for where no other is."""
    levels = list(dict.fromkeys(target.level for target in TARGETS))
    return _table(weighted(np.array([RATES[target.condition][levels.index(target.level)] for target in TARGETS])))


def prior_predictions(priors: pd.DataFrame, studies: Iterable[int]) -> pd.DataFrame:
    """A SUBMISSION table that answers every target of the studies with its prior."""
    studies = list(studies)
    values = priors.loc[[target.column for target in TARGETS], list(SEVERITY_COLUMNS)].to_numpy()  # (25, 3)
    rows = pd.DataFrame(np.tile(values, (len(studies), 1)), columns=list(SEVERITY_COLUMNS))
    rows.insert(0, "row_id", [row_id(study, target) for study in studies for target in TARGETS])
    return SUBMISSION.frame(rows)


def write_priors(priors: pd.DataFrame, path: Path) -> None:
    """Write a table of priors as csv, aside and renamed."""
    PRIORS.write(priors.reset_index(), path)


def read_priors(path: Path) -> pd.DataFrame:
    """Read a table of priors, in the order of TARGETS; TableError when it lacks a target or a sum is off."""
    return _checked(PRIORS.read(path), path)


def _table(values: np.ndarray) -> pd.DataFrame:
    index = pd.Index([target.column for target in TARGETS], dtype="string", name="target")
    return pd.DataFrame(values, index=index, columns=list(SEVERITY_COLUMNS))


def _checked(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    priors = rows.set_index("target")
    faults = [f"no row for {target.column}" for target in TARGETS if target.column not in priors.index]
    sums = priors.sum(axis=1)
    faults += [f"{target}: sums to {total:.6f}" for target, total in sums.items() if not abs(total - 1) < 1e-6]
    faults += [f"{target}: negative" for target in priors.index[(priors < 0).any(axis=1)]]
    if faults:
        raise TableError(f"this is not a valid table of priors ({len(faults)} faults)",
                         wanted="25 targets with three probabilities that sum to 1", got="\n           ".join(faults),
                         where=path, remedy="remove the file and run the stage that writes it again")
    return _table(priors.loc[[target.column for target in TARGETS]].to_numpy())


def _counts(grades: pd.DataFrame) -> np.ndarray:
    """Labels of each severity at each target, (25, 3)."""
    columns = ["condition", "side", "level", "severity"]
    there = grades.loc[grades["severity"].notna(), columns].astype(str).value_counts()
    cells = [(*map(str, target), severity) for target in TARGETS for severity in SEVERITY_COLUMNS]
    return there.reindex(cells, fill_value=0).to_numpy(np.float64).reshape(len(TARGETS), len(SEVERITY_COLUMNS))
