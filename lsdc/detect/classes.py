"""What the detector calls things: only what one image can show.

A sagittal slice shows the level but not the side; an axial slice shows the side but not the level. What is missing
comes from patient geometry (`locate`), never from the look of one slice.
"""

from typing import NamedTuple

from lsdc.taxonomy import ANNOTATED_PLANE, Condition, Level, Plane, Side


class DetectorClass(NamedTuple):
    """One class: a condition at a level (sagittal, side None) or on a side (axial, level None)."""

    condition: Condition
    level: Level | None
    side: Side | None

    @property
    def plane(self) -> Plane:
        return ANNOTATED_PLANE[self.condition]

    @property
    def name(self) -> str:
        return f"{self.condition}_{self.level or self.side}"


CLASSES = (
    *(DetectorClass(Condition.CANAL, level, None) for level in Level),
    *(DetectorClass(Condition.FORAMINAL, level, None) for level in Level),
    DetectorClass(Condition.SUBARTICULAR, None, Side.LEFT),
    DetectorClass(Condition.SUBARTICULAR, None, Side.RIGHT),
)
CLASS_NAMES = tuple(one.name for one in CLASSES)


def classes_of(plane: Plane) -> tuple[int, ...]:
    """Indices of the classes that images of this plane show."""
    return tuple(index for index, one in enumerate(CLASSES) if one.plane == plane)


def class_of(condition: Condition, side: Side, level: Level) -> int:
    """Index of the class under which a target's point is drawn."""
    axial = ANNOTATED_PLANE[condition] == Plane.AXIAL_T2
    return CLASSES.index(DetectorClass(condition, None if axial else level, side if axial else None))
