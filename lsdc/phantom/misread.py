"""Quirks of the people who graded and clicked: labels and points that are missing or wrong, in the train part."""


from collections import Counter

import numpy as np

from lsdc.phantom.quirks import Planted
from lsdc.phantom.scanner import SeriesPlan
from lsdc.taxonomy import TARGET_BY_TITLES, TARGETS, Condition, Level, Plane, Side, Target

LEVELS, SIDES = list(Level), {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}


def unlabelled(random: np.random.Generator) -> np.ndarray:
    """(25,) bool: the targets of a study with `missing_labels` that the table leaves empty."""
    missing = np.zeros(len(TARGETS), dtype=bool)
    lost = [level for level, chance in ((Level.L1_L2, 0.9), (Level.L2_L3, 0.35), (Level.L3_L4, 0.05))
            if random.random() < chance]
    for place, target in enumerate(TARGETS):
        missing[place] = target.condition == Condition.SUBARTICULAR and target.level in lost
    if random.random() < 0.20 or not missing.any():
        others = [place for place, target in enumerate(TARGETS) if target.condition == Condition.FORAMINAL]
        missing[random.choice(others, random.integers(1, 3), replace=False)] = True
    if random.random() < 0.03:
        missing[random.integers(len(Level))] = True  # a canal row
    return missing


def without_point(random: np.random.Generator) -> np.ndarray:
    """(25,) bool: the labelled targets of a study with `missing_coordinates` that have no point."""
    missing = np.zeros(len(TARGETS), dtype=bool)
    missing[random.choice(len(TARGETS), random.integers(1, 3), replace=False)] = True
    return missing


def misread(
    random: np.random.Generator, points: list[dict], series: list[tuple[int, SeriesPlan]], quirks: frozenset[str]
) -> tuple[list[dict], list[Planted]]:
    """Points as a hurried annotator would name them, and what was planted. points: rows of `annotate`."""
    planted = []
    if "level_off_by_one" in quirks and (possible := _of_several_levels(points)):
        condition, step = possible[random.integers(len(possible))], int(random.choice([-1, 1]))
        points = [row for row in points if _target(row).condition != condition] + _shifted(points, condition, step)
        planted.append(Planted("level_off_by_one"))
    sided = [condition for condition in _of_several_levels(points) if condition != Condition.CANAL]
    if "sides_swapped" in quirks and sided:
        condition = sided[random.integers(len(sided))]
        points = [_named(row, target._replace(side=SIDES[target.side]))
                  if (target := _target(row)).condition == condition else row for row in points]
        planted.append(Planted("sides_swapped"))
    if "point_on_wrong_series" in quirks:
        points, found = _on_wrong_series(random, points, series)
        planted += found
    order = {(target.condition_title, target.level.title): place for place, target in enumerate(TARGETS)}
    return sorted(points, key=lambda row: order[row["condition"], row["level"]]), planted


def _of_several_levels(points: list[dict]) -> list[Condition]:
    """Conditions with points of three levels at least, on each side that they have."""
    levels = Counter((target.condition, target.side) for target in map(_target, points))
    return [condition for condition in Condition
            if min(levels[target.condition, target.side] for target in TARGETS if target.condition == condition) > 2]


def _target(row: dict) -> Target:
    return TARGET_BY_TITLES[row["condition"], row["level"]]


def _named(row: dict, target: Target) -> dict:
    return row | {"condition": target.condition_title, "level": target.level.title}


def _shifted(points: list[dict], condition: Condition, step: int) -> list[dict]:
    """The points of a condition named `step` levels further down; what falls off the end is lost."""
    moved = []
    for row in points:
        target = _target(row)
        place = LEVELS.index(target.level) + step
        if target.condition == condition and 0 <= place < len(LEVELS):
            moved.append(_named(row, target._replace(level=LEVELS[place])))
    return moved


def _on_wrong_series(
    random: np.random.Generator, points: list[dict], series: list[tuple[int, SeriesPlan]]
) -> tuple[list[dict], list[Planted]]:
    """One canal point is given the T1 series that lies on the same slices."""
    canal = [place for place, row in enumerate(points) if _target(row).condition == Condition.CANAL]
    other = [(place, series_id, plan) for place, (series_id, plan) in enumerate(series)
             if plan.plane == Plane.SAGITTAL_T1 and plan.in_table and plan.files == "written"]
    if not (canal and other):
        return points, []
    which, (place, series_id, plan) = int(random.choice(canal)), other[0]
    own = dict(series)[points[which]["series_id"]]
    there = own.stored_plane(own.instance_numbers.index(points[which]["instance_number"]))
    mm = there.to_patient(np.array([points[which]["x"], points[which]["y"]]))
    index = min(range(len(plan.planes)), key=lambda one: abs(plan.planes[one].to_pixel(mm)[1]))
    plane = plan.stored_plane(index)
    x, y = plane.to_pixel(mm)[0].clip(0, np.array(plane.size_hw[::-1]) - 1)
    row = points[which] | {"series_id": series_id, "instance_number": plan.instance_numbers[index],
                           "x": round(float(x), 4), "y": round(float(y), 4)}
    return [*points[:which], row, *points[which + 1:]], [Planted("point_on_wrong_series", place)]
