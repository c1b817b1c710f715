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
ACROSS_MM = 3.0  # a point further beyond the middle lies on the other side
_OFFSETS = (0, -1, 1)
_SIGN = {Side.LEFT: 1, Side.RIGHT: -1}


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
            detail = " or else ".join(map(_named, [{(condition, side): offset for side, offset in moved.items()},
                                                   *_other_way(heights, offsets, condition)]))
            findings.append(Finding(Kind.LEVEL_OFF_BY_ONE, "train", study_id, None, len(moved), detail))
    return findings + _sides(study_id, places)


def _other_way(
    heights: Mapping[Group, Mapping[int, float]], offsets: Mapping[Group, int], condition: Condition
) -> list[dict[Group, int]]:
    """Of two conditions alone, the offsets of the other if it may be the one that is off instead; else nothing."""
    others = [group for group in offsets if group[0] != condition]
    own = {group: offset for group, offset in offsets.items() if group[0] == condition}
    if len({group[0] for group in others}) != 1 or len(set(own.values())) != 1:
        return []
    other_way = dict.fromkeys(others, -next(iter(own.values())))
    return [other_way] if _ends_kept(heights, other_way) <= _ends_kept(heights, own) else []


def _ends_kept(heights: Mapping[Group, Mapping[int, float]], offsets: Mapping[Group, int]) -> int:
    """Groups that have a point at the level that their offset would have emptied."""
    return sum({1: 0, -1: len(LEVELS) - 1}.get(offset, -1) in heights[group] for group, offset in offsets.items())


def _named(offsets: Mapping[Group, int]) -> str:
    return ", ".join(f"{condition} {side} named one level too {'low' if offset > 0 else 'high'}"
                     for (condition, side), offset in offsets.items())


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
        _ends_kept(heights, offset),
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
    findings, middles = [], _middles(places)
    for condition in (Condition.FORAMINAL, Condition.SUBARTICULAR):
        apart = _apart(places, condition)
        wrong = [level for level, mm in apart.items() if mm <= 0]
        if 2 * len(wrong) > len(apart):
            findings.append(Finding(
                Kind.SIDES_SWAPPED, "train", study_id, None, len(wrong),
                f"{condition}: {len(wrong)} of {len(apart)} pairs: {names([level.title for level in wrong])}"))
            continue
        usual = np.median(np.abs(list(apart.values()))) if apart else 0.0
        across = [target for target, place in places.items()
                  if target.condition == condition and not apart.get(target.level, 0) > usual / 2
                  and _SIGN[target.side] * (place[0] - _middle_at(middles, target.level)) < -ACROSS_MM]
        told = {target.level for target in across}
        across += [Target(condition, side, level) for level in wrong if level not in told for side in _SIGN]
        if across:
            findings.append(Finding(Kind.SIDE_CONTRADICTS, "train", study_id, None, len(across),
                                    names([target.column for target in sorted(across)], 3)))
    return findings


def _apart(places: Mapping[Target, np.ndarray], condition: Condition) -> dict[Level, float]:
    """By how much the left point lies further to the patient's left than the right one, mm, where both are there."""
    return {level: float(places[left][0] - places[right][0]) for level in LEVELS
            if (left := Target(condition, Side.LEFT, level)) in places
            and (right := Target(condition, Side.RIGHT, level)) in places}


def _middles(places: Mapping[Target, np.ndarray]) -> dict[Level, float]:
    """Patient x, mm, of the spine's middle: of canal points, and between the points of pairs as far apart as usual."""
    found = {target.level: [float(place[0])] for target, place in places.items() if target.side == Side.MIDLINE}
    for condition in (Condition.FORAMINAL, Condition.SUBARTICULAR):
        apart = _apart(places, condition)
        for level, mm in apart.items():
            if abs(mm) > np.median(np.abs(list(apart.values()))) / 2:
                right = places[Target(condition, Side.RIGHT, level)]
                found.setdefault(level, []).append(float(right[0]) + mm / 2)
    return {level: float(np.median(found[level])) for level in LEVELS if level in found}


def _middle_at(middles: Mapping[Level, float], level: Level) -> float:
    """Between the levels that are known; nan where none is."""
    if not middles:
        return float("nan")
    return float(np.interp(LEVELS.index(level), [LEVELS.index(one) for one in middles], list(middles.values())))
