"""The ways in which a study is not as one would wish: named, each with a rate, and written to the truth."""

from collections.abc import Collection

import numpy as np

from lsdc.taxonomy import TARGETS, Condition, Level, Plane

RATES = {  # share of studies, as counted on the competition's folder where it can be counted
    "several_axial": 0.16,
    "instance_gaps": 0.03,
    "missing_labels": 185 / 1975,
    "missing_coordinates": 0.05,
    "missing_plane": 3 / 1975,
    "bare_headers": 0.0,  # no SliceThickness, no SpacingBetweenSlices; see TEST_RATES
}
TEST_RATES = {**RATES, "bare_headers": 0.30}
SHUFFLED_SAMPLE_RATE = 0.10  # of whole folders: sample_submission.csv not in alphabetical order


def draw_quirks(random: np.random.Generator, part: str, forced: Collection[str] = ()) -> frozenset[str]:
    """Names of the quirks of a study; the forced ones whatever their rate. ValueError for an unknown name."""
    rates = TEST_RATES if part == "test" else RATES
    if unknown := sorted(set(forced) - set(rates)):
        raise ValueError(f"unknown quirks {unknown}; known: {sorted(rates)}")
    drawn = random.random(len(rates))
    return frozenset(name for name, chance in zip(rates, drawn, strict=True) if chance < rates[name] or name in forced)


def drop_plane(random: np.random.Generator) -> Plane:
    """The plane that a study with `missing_plane` lacks."""
    return list(Plane)[random.integers(len(Plane))]


def gap_numbers(random: np.random.Generator, numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Instance numbers with one to three gaps, order kept."""
    added = np.zeros(max(numbers) + 1, dtype=int)
    for place in random.integers(1, max(numbers) + 1, random.integers(1, 4)):
        added[place:] += random.integers(1, 4)
    return tuple(int(number + added[number]) for number in numbers)


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
