"""The metric's weights on probabilities and off them again."""

import numpy as np

from lsdc.taxonomy import SEVERITY_WEIGHTS


def weighted(probabilities: np.ndarray) -> np.ndarray:
    """(..., 3) plain probabilities p to w p / sum(w p), which minimise the metric's weighted log loss."""
    values = probabilities * np.array(SEVERITY_WEIGHTS)
    return values / values.sum(axis=-1, keepdims=True)


def unweighted(probabilities: np.ndarray) -> np.ndarray:
    """The way back from `weighted`."""
    values = probabilities / np.array(SEVERITY_WEIGHTS)
    return values / values.sum(axis=-1, keepdims=True)
