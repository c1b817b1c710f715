"""Where a target stands among the 25: its condition and level, and which others count as its neighbours."""

import numpy as np

from lsdc.taxonomy import TARGETS, Condition, Level, Side, Target

CONDITION = np.array([list(Condition).index(target.condition) for target in TARGETS])  # (25,)
LEVEL = np.array([list(Level).index(target.level) for target in TARGETS])  # (25,)
CANAL = np.flatnonzero(list(Condition).index(Condition.CANAL) == CONDITION)  # (5,) indices into TARGETS
LEVEL_GROUP = (list(Level).index(Level.L2_L3) < LEVEL).astype(int)  # (25,) 0: L1/L2 and L2/L3, 1: L3/L4 to L5/S1
LEVEL_GROUPS = 2
ROLES = ("own", "level above", "level below", "other side", "first other condition", "second other condition",
         "second other condition, other side", "whole study")


def neighbours() -> np.ndarray:
    """(roles, 25, 25): entry r, t, u is the share of target u in what target t sees in role r; rows sum to 1 or 0.

    Sides are told from the target's own, so left and right are mirrored onto each other. The other conditions stand
    in the order of Condition; a target on the midline sees the mean of both sides of each.
    """
    shares = np.zeros((len(ROLES), len(TARGETS), len(TARGETS)))
    for number, target in enumerate(TARGETS):
        for role, seen in enumerate(_seen_by(target)):
            for other in seen:
                shares[role, number, TARGETS.index(other)] = 1 / len(seen)
    return shares


def mirrored_targets() -> np.ndarray:
    """(25,) for each target the index of the one on the other side; the canal's are their own."""
    return np.array([TARGETS.index(_other_side(target)) for target in TARGETS])


def _seen_by(target: Target) -> list[list[Target]]:
    """For each of the ROLES, the targets whose mean it is."""
    levels = list(Level)
    above, below = levels.index(target.level) - 1, levels.index(target.level) + 1
    midline = target.side == Side.MIDLINE
    first, second = [[other for other in TARGETS if other.condition == condition and other.level == target.level]
                     for condition in Condition if condition != target.condition]
    same = [other for other in second if other.side == target.side]
    return [
        [target],
        [target._replace(level=levels[above])] if above >= 0 else [],
        [target._replace(level=levels[below])] if below < len(levels) else [],
        [] if midline else [_other_side(target)],
        first,
        second if midline else same,
        [] if midline else [other for other in second if other not in same],
        list(TARGETS),
    ]


def _other_side(target: Target) -> Target:
    turned = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT, Side.MIDLINE: Side.MIDLINE}
    return target._replace(side=turned[Side(target.side)])
