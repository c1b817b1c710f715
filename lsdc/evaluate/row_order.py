"""Where the rows of a table of predictions stand among the rows that are asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from lsdc.taxonomy import TARGETS

EMPTY = "(empty)"  # shown for a missing row_id
_RANK = np.argsort(np.argsort([target.column for target in TARGETS]))  # of a target among the names of all, by alphabet


@dataclass(frozen=True, eq=False)
class RowOrder:
    """The rows that are asked for, in the order wanted: row_ids, unique; study, target (rows,) for tables that are
    scored often: integers that ascend with the study, and index into TARGETS.

    What follows from these is remembered, so that many tables are joined at the cost of comparing texts.
    """

    row_ids: pd.Index
    study: np.ndarray | None = None
    target: np.ndarray | None = None

    def in_known_order(self, named: pd.Series) -> np.ndarray | None:
        """(rows,) where in a column each of the wanted rows stands, if it has each once in an order that is known:
        the wanted one, or the competition's sample's (studies ascend, names of targets by the alphabet); else None.
        """
        if not isinstance(named.dtype, pd.StringDtype) or len(named) != len(self.row_ids):
            return None
        if named.dtype.na_value is pd.NA and named.hasnans:  # which, unlike nan, cannot be compared
            return None
        names = named.to_numpy(object)
        return next((where for where, ids in self._known() if _equal(names, ids)), None)

    def places_of(self, names: pd.Index) -> np.ndarray:
        """(len(names),) which of the wanted rows each is, -1 for none."""
        return self._index.get_indexer(names)

    def _known(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield self._own, self._ids
        if self.study is not None:
            yield self._sample

    @cached_property
    def _ids(self) -> np.ndarray:
        return self.row_ids.to_numpy(object)

    @cached_property
    def _index(self) -> pd.Index:
        return pd.Index(self._ids, dtype=object)  # builds its table of hashes once

    @cached_property
    def _own(self) -> np.ndarray:
        return np.arange(len(self._ids))

    @cached_property
    def _sample(self) -> tuple[np.ndarray, np.ndarray]:
        order = np.lexsort((_RANK[self.target], self.study))
        # new texts, which lie in memory as they follow each other: compared in less than half the time
        return np.argsort(order), np.array("\n".join(self._ids[order]).split("\n"), dtype=object)


def texts(named: pd.Series) -> pd.Index:
    """A column of row_ids as texts, whatever it holds."""
    return pd.Index(named.astype("string").fillna(EMPTY).to_numpy(object))


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return len(one) == 0 or (one[0] == other[0] and one[-1] == other[-1] and np.array_equal(one, other))
