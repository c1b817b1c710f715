"""The paper's balance: rare severities resampled with replacement, each added sample changed by one operation."""

from enum import StrEnum

import numpy as np
import pandas as pd

from lsdc.seeding import generator
from lsdc.taxonomy import Condition, Severity


class Operation(StrEnum):
    """What makes an added sample differ from its source: one of these each."""

    ROTATE = "rotate"
    FLIP_HORIZONTAL = "flip_horizontal"
    FLIP_VERTICAL = "flip_vertical"
    NOISE = "noise"


def balanced_counts(counts: np.ndarray) -> np.ndarray:
    """Counts after balancing: with N of the majority, the rarest class up to N // 3, the second up to N // 2.

    Never fewer than there are; a class without a sample stays without.

    >>> balanced_counts(np.array([6841, 586, 375])).tolist()
    [6841, 3420, 2280]
    """
    order = np.argsort(counts, kind="stable")
    wanted = np.array(counts)
    for place, share in zip(order[:2], (3, 2), strict=True):
        if counts[place]:
            wanted[place] = max(counts[place], counts.max() // share)
    return wanted


def balance(samples: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The samples, then those added: columns `source` (row number in samples) and `operation` (missing if original).

    samples: condition, severity (0, 1, 2). Each condition by itself, left and right together.
    """
    plan = [pd.DataFrame({"source": range(len(samples)), "operation": pd.Series(pd.NA, range(len(samples)), "string")})]
    for condition in Condition:
        rng = generator(seed, "balance", condition)
        members = [np.flatnonzero((samples["condition"] == condition) & (samples["severity"] == severity))
                   for severity in Severity]
        counts = np.array([len(rows) for rows in members])
        for rows, wanted in zip(members, balanced_counts(counts), strict=True):
            if extra := wanted - len(rows):
                plan.append(pd.DataFrame({"source": rng.choice(rows, extra),
                                          "operation": rng.choice([str(one) for one in Operation], extra)}))
    return pd.concat(plan, ignore_index=True)
