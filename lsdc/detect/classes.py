"""What the detector calls things: only what one image can show, or the paper's way, every target by its name.

A sagittal slice shows the level but not the side; an axial slice shows the side but not the level. What is missing
comes from patient geometry (`locate`), never from the look of one slice. The paper's classes name both all the same.
"""

from typing import NamedTuple

from lsdc.config import DetectorSettings
from lsdc.taxonomy import ANNOTATED_PLANE, TARGETS, Condition, Level, Plane, Side


class DetectorClass(NamedTuple):
    """One class: a condition at a level (sagittal, side None), on a side (axial, level None), or both (the paper)."""

    condition: Condition
    level: Level | None
    side: Side | None

    @property
    def plane(self) -> Plane:
        return ANNOTATED_PLANE[self.condition]

    @property
    def name(self) -> str:
        return "_".join(part for part in (self.condition, self.side, self.level) if part)


class ClassList(tuple):
    """The classes of a detector, in the order of its output."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self)

    def of(self, plane: Plane) -> tuple[int, ...]:
        """Indices of the classes that images of this plane show."""
        return tuple(index for index, one in enumerate(self) if one.plane == plane)

    def number(self, condition: Condition, side: Side, level: Level) -> int:
        """Index of the class under which a target's point is drawn."""
        for one in (DetectorClass(condition, level, side), DetectorClass(condition, level, None),
                    DetectorClass(condition, None, side)):
            if one in self:
                return self.index(one)
        raise ValueError(f"no class shows {condition} {side} {level}")


CLASSES = ClassList((
    *(DetectorClass(Condition.CANAL, level, None) for level in Level),
    *(DetectorClass(Condition.FORAMINAL, level, None) for level in Level),
    DetectorClass(Condition.SUBARTICULAR, None, Side.LEFT),
    DetectorClass(Condition.SUBARTICULAR, None, Side.RIGHT),
))
TARGET_CLASSES = ClassList(DetectorClass(target.condition, target.level, target.side) for target in TARGETS)


def classes_for(settings: DetectorSettings) -> ClassList:
    """The classes that the settings ask for."""
    return CLASSES if settings.classes == "image" else TARGET_CLASSES
