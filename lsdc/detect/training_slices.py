"""Which slices of a series teach the detector, and what is labelled on them.

A point is set on one slice, but its structure is seen on the neighbours too. Labels are therefore projected through
patient geometry onto near slices, and slices where it is unclear whether a structure shows are not negatives.
"""

from typing import NamedTuple

import numpy as np

from lsdc.competition import StudySeries
from lsdc.detect.classes import CLASSES, TARGET_CLASSES
from lsdc.detect.landmarks import Landmark
from lsdc.dicom import canonical_axes
from lsdc.taxonomy import ANNOTATED_PLANE, Condition, Level, Plane, Side

# mm along the normal between a point and a slice: up to `shown` the structure is on the slice, beyond `gone` it is
# not (half the canal's width; a foramen's length; a disc's height), between them nobody knows
SHOWN_MM = {Condition.CANAL: 5.0, Condition.FORAMINAL: 4.0, Condition.SUBARTICULAR: 3.0}
GONE_MM = {Condition.CANAL: 12.0, Condition.FORAMINAL: 9.0, Condition.SUBARTICULAR: 9.0}
NEGATIVE_SHARE = 0.25  # of the slices drawn from a series


class Label(NamedTuple):
    """A point on a slice: detector class, and where it is in the patient, mm (3,)."""

    detector_class: int
    position_mm: np.ndarray


class TrainingSlice(NamedTuple):
    """A slice to learn from; `veiled` are the places where a structure may or may not show."""

    slice_index: int
    labels: tuple[Label, ...]
    veiled: tuple[Label, ...]


def training_slices(
    one: StudySeries, points: list[Landmark], *, count: int, generator: np.random.Generator
) -> list[TrainingSlice]:
    """Up to `count` slices of a series: annotated ones first, then their neighbours, and a share of negatives.

    points: the study's landmarks of all series. A series without a point of its own teaches nothing. Where a
    target's point is missing, no slice near it may be called negative: the levels between points decide.
    """
    own = {point.slice_index for point in points if point.series_id == one.series_id}
    drawn = _one_per_target([point for point in points if ANNOTATED_PLANE[point.target.condition] == one.plane], one)
    if not own:
        return []
    positive, negative = [], []
    complete = _complete(drawn, one.plane)
    for index in range(len(one.series)):
        taught = _labels(one, index, drawn)
        if taught is None:
            continue
        if taught.labels and (complete or index in own):
            positive.append((index not in own, len(taught.veiled), generator.random(), taught))
        elif not taught.labels and not taught.veiled and complete and _inside_spine(one, index, drawn):
            negative.append(taught)
    ranked = [entry[-1] for entry in sorted(positive, key=lambda entry: entry[:3])]
    wanted = max(1, round(NEGATIVE_SHARE * count))
    kept = ranked[:max(count - min(wanted, len(negative)), 1)]
    others = generator.permutation(len(negative))[:count - len(kept)]
    return kept + [negative[i] for i in sorted(others)]


def annotated_slices(one: StudySeries, points: list[Landmark]) -> list[TrainingSlice]:
    """The paper's way: the slices that points were set on, each with those points alone, named by side and level."""
    own = [point for point in points if point.series_id == one.series_id]
    return [TrainingSlice(index, tuple(Label(TARGET_CLASSES.number(*point.target), point.position_mm)
                                       for point in own if point.slice_index == index), ())
            for index in sorted({point.slice_index for point in own})]


def _one_per_target(points: list[Landmark], one: StudySeries) -> list[Landmark]:
    """Each target's point: this series' own where it has one, else that of another series."""
    return list({point.target: point for point in
                 sorted(points, key=lambda point: point.series_id == one.series_id)}.values())


def _labels(one: StudySeries, index: int, drawn: list[Landmark]) -> TrainingSlice | None:
    """What slice `index` shows; None for an axial slice with one side of a level only."""
    plane = one.series.planes[index]
    labels, veiled = [], []
    for point in drawn:
        condition, side, level = point.target
        foot_px, offset_mm = plane.to_pixel(point.position_mm)
        label = Label(CLASSES.number(condition, side, level), plane.to_patient(foot_px))
        if abs(offset_mm) <= SHOWN_MM[condition]:
            labels.append(label)
        elif abs(offset_mm) <= GONE_MM[condition]:
            veiled.append(label)
    if one.plane == Plane.AXIAL_T2 and labels:
        if len(labels) != 2:
            return None
        labels = _by_patient_x(plane, labels)
    return TrainingSlice(index, tuple(labels), tuple(veiled))


def _by_patient_x(plane, labels: list[Label]) -> list[Label]:
    """The two recesses of an axial slice, named by where they are: the patient's left is the image's right."""
    right_axis, _ = canonical_axes(plane)
    first, second = sorted((label.position_mm for label in labels), key=lambda place: place @ right_axis)
    level = next(iter(Level))  # an axial class has no level
    return [Label(CLASSES.number(Condition.SUBARTICULAR, Side.RIGHT, level), first),
            Label(CLASSES.number(Condition.SUBARTICULAR, Side.LEFT, level), second)]


def _complete(drawn: list[Landmark], plane: Plane) -> bool:
    """Whether every structure that the plane shows has its point, so that no point means no structure."""
    sides = 1 if plane == Plane.SAGITTAL_T2 else 2
    return len({point.target for point in drawn}) == sides * len(Level)


def _inside_spine(one: StudySeries, index: int, drawn: list[Landmark]) -> bool:
    """Axial negatives lie between the annotated levels: below and above are discs that nobody annotates."""
    if one.plane != Plane.AXIAL_T2:
        return True
    offsets = [one.series.planes[index].to_pixel(point.position_mm)[1] for point in drawn]
    return min(offsets) < 0 < max(offsets)
