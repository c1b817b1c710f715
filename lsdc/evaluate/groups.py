"""Groups of targets that figures of agreement are given for: all, conditions, their levels and their sides."""

from typing import NamedTuple

import numpy as np

from lsdc.taxonomy import TARGETS, Condition, Level, Side


class Group(NamedTuple):
    """A group of targets; None stands for all conditions, levels or sides."""

    condition: Condition | None = None
    level: Level | None = None
    side: Side | None = None

    @property
    def targets(self) -> np.ndarray:
        """Which of the TARGETS belong to it, (25,) bool."""
        return np.array([all(mine in (None, its) for mine, its in (
            (self.condition, t.condition), (self.level, t.level), (self.side, t.side))) for t in TARGETS])

    @property
    def keys(self) -> dict[str, str]:
        """condition, level and side as text, "all" where it is not divided."""
        return {"condition": self.condition or "all", "level": self.level or "all", "side": self.side or "all"}


GROUPS = (
    Group(),
    *(Group(condition) for condition in Condition),
    *(Group(condition, level) for condition in Condition for level in Level),
    *(Group(condition, side=side) for condition in Condition if condition != Condition.CANAL
      for side in (Side.LEFT, Side.RIGHT)),
)
