"""Points of one study against each other in the patient: levels from head to foot, left against right."""

from collections.abc import Mapping
from itertools import combinations, pairwise, product

import numpy as np

from lsdc.audit.kinds import Finding, Kind
from lsdc.audit.tables import names
from lsdc.taxonomy import Condition, Level, Side, Target

Group = tuple[Condition, Side]
LEVELS = list(Level)
MM_OF_A_LEVEL = 33.0  # between neighbouring discs, where a study's own cannot be measured
_OFFSETS = (0, -1, 1)


def check_spine(study_id: int, places: Mapping[Target, np.ndarray]) -> list[Finding]:
    """Findings on a study's points; places: patient mm (3,) by target."""
    heights: dict[Group, dict[int, float]] = {}
    for target, place in places.items():
        heights.setdefault(target[:2], {})[LEVELS.index(target.level)] = float(place[2])
    findings = _order(study_id, heights)
    offsets = level_offsets(heights)
    for condition in Condition:
        moved = {side: offset for (kind, side), offset in offsets.items() if kind == condition and offset}
        if moved:
            detail = ", ".join(f"{condition} {side} named one level too {'low' if offset > 0 else 'high'}"
                               for side, offset in moved.items())
            findings.append(Finding(Kind.LEVEL_OFF_BY_ONE, "train", study_id, None, len(moved), detail))
    return findings + _sides(study_id, places)


def level_offsets(heights: Mapping[Group, Mapping[int, float]]) -> dict[Group, int]:
    """By how many levels each group's names are too low (1), too high (-1) or right (0).

    heights: patient z, mm, by number of the level. The offsets under which most pairs of groups lie at one height for
    the same level; among equals, those that blame the fewest conditions, then those by which a level fell off the end
    that is missing there, then the fewest groups. Two conditions alone, complete both, cannot tell which is wrong.
    """
    groups = sorted(heights, key=lambda group: (list(Condition).index(group[0]), group[1]))
    steps = [(z - y) / (j - i) for levels in heights.values() for (i, y), (j, z) in pairwise(sorted(levels.items()))]
    tolerance = abs(float(np.median(steps))) / 2 if steps else MM_OF_A_LEVEL / 2
    fits = {(a, b, shift): _fit(heights[a], heights[b], shift) <= tolerance
            for a, b in combinations(groups, 2) for shift in range(-2, 3)}
    if all(fits[a, b, 0] for a, b in combinations(groups, 2)):
        return dict.fromkeys(groups, 0)
    choices = [dict(zip(groups, offsets, strict=True)) for offsets in product(_OFFSETS, repeat=len(groups))]
    return min(choices, key=lambda offset: (
        -sum(fits[a, b, offset[b] - offset[a]] for a, b in combinations(groups, 2)),
        len({group[0] for group in groups if offset[group]}),
        sum({1: 0, -1: len(LEVELS) - 1}.get(offset[group], -1) in heights[group] for group in groups),
        sum(map(abs, offset.values()))))


def _fit(first: Mapping[int, float], second: Mapping[int, float], shift: int) -> float:
    """Median distance, mm, between a level of the first and the level `shift` below it of the second; 0 for none."""
    apart = [abs(z - second[level + shift]) for level, z in first.items() if level + shift in second]
    return float(np.median(apart)) if apart else 0.0


def _order(study_id: int, heights: Mapping[Group, Mapping[int, float]]) -> list[Finding]:
    findings = []
    for (condition, side), levels in heights.items():
        wrong = [f"{LEVELS[lower].title} above {LEVELS[upper].title}"
                 for (upper, z), (lower, below) in pairwise(sorted(levels.items())) if below >= z]
        if wrong:
            findings.append(Finding(Kind.LEVELS_OUT_OF_ORDER, "train", study_id, None, len(wrong),
                                    f"{condition} {side}: {names(wrong)}"))
    return findings


def _sides(study_id: int, places: Mapping[Target, np.ndarray]) -> list[Finding]:
    findings = []
    for condition in (Condition.FORAMINAL, Condition.SUBARTICULAR):
        pairs = [(level, places[left][0] > places[right][0]) for level in LEVELS
                 if (left := Target(condition, Side.LEFT, level)) in places
                 and (right := Target(condition, Side.RIGHT, level)) in places]
        wrong = [level.title for level, right_way in pairs if not right_way]
        if wrong:
            findings.append(Finding(Kind.SIDES_SWAPPED, "train", study_id, None, len(wrong),
                                    f"{condition}: {len(wrong)} of {len(pairs)} pairs: {names(wrong)}"))
    return findings
