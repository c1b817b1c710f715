"""A figure with its interval, or with the reason why there is none."""

import numpy as np

from lsdc.config import EvaluationSettings
from lsdc.evaluate.bootstrap import difference, interval

FEW = 0.9  # where a smaller share of the replicates could be computed, the interval is said to rest on some only


def figure(value: float, replicates: np.ndarray, settings: EvaluationSettings, *, why: str = "") -> dict:
    """value, interval and why of a figure and its replicates (B,); without the first two where it cannot be computed.

    why: the reason that is told where the value is nan; else "", or that the interval rests on some replicates only.
    """
    if not np.isfinite(value):
        return {"value": None, "interval": [None, None], "why": why or "cannot be computed"}
    usable = float(np.isfinite(replicates).mean()) if len(replicates) else 0.0
    found = interval(replicates, settings)
    told = "" if usable >= FEW else f"interval from the {100 * usable:.0f} % of samples in which it can be computed"
    return {"value": float(value), "interval": [found.low, found.high], "why": told}


def gap(value: float, replicates: np.ndarray, settings: EvaluationSettings, *, why: str = "") -> dict:
    """A difference as value, interval, p_better, inside_noise, why; without figures where it cannot be computed."""
    if not np.isfinite(value):
        return {"value": None, "interval": [None, None], "p_better": None, "inside_noise": None,
                "why": why or "cannot be computed"}
    found = difference(value, replicates, settings)
    return {"value": found.value, "interval": [found.interval.low, found.interval.high], "p_better": found.p_better,
            "inside_noise": found.inside_noise, "why": ""}
