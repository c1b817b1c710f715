"""Figures as plain Python, so that json can hold them."""

from collections.abc import Mapping, Sequence

import numpy as np


def plain(value: object) -> object:
    """A nest of dicts and sequences with Python's own numbers; a number that is not finite becomes None.

    >>> plain({"total": np.float64("nan"), "rows": (np.int64(3), True)})
    {'total': None, 'rows': [3, True]}
    """
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(one) for one in value]
    if isinstance(value, np.generic | np.ndarray):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
