"""Conditions, sides, levels, severities and the 25 targets: the competition's vocabulary, typed once.

Spellings and orders are those of the competition's csv files (`train.csv` column order for TARGETS).
"""

from enum import IntEnum, StrEnum
from typing import NamedTuple


class Condition(StrEnum):
    CANAL = "canal"
    FORAMINAL = "foraminal"
    SUBARTICULAR = "subarticular"


class Side(StrEnum):
    """Side of the patient (not of the image). The canal lies on the midline."""

    MIDLINE = "midline"
    LEFT = "left"
    RIGHT = "right"


class Level(StrEnum):
    """Disc levels from head to foot."""

    L1_L2 = "l1_l2"
    L2_L3 = "l2_l3"
    L3_L4 = "l3_l4"
    L4_L5 = "l4_l5"
    L5_S1 = "l5_s1"

    @property
    def title(self) -> str:
        """Spelling of `train_label_coordinates.csv`: L1/L2."""
        return self.value.upper().replace("_", "/")


class Severity(IntEnum):
    NORMAL_MILD = 0
    MODERATE = 1
    SEVERE = 2

    @property
    def column(self) -> str:
        """Column of the submission: normal_mild, moderate, severe."""
        return self.name.lower()

    @property
    def title(self) -> str:
        """Spelling of the cells of `train.csv`: Normal/Mild, Moderate, Severe."""
        return self.name.title().replace("_", "/")

    @property
    def weight(self) -> int:
        """Sample weight of the metric: 1, 2, 4."""
        return 2**self.value


class Plane(StrEnum):
    SAGITTAL_T1 = "sagittal_t1"
    SAGITTAL_T2 = "sagittal_t2"
    AXIAL_T2 = "axial_t2"

    @property
    def description(self) -> str:
        """Spelling of `*_series_descriptions.csv`."""
        return {
            Plane.SAGITTAL_T1: "Sagittal T1",
            Plane.SAGITTAL_T2: "Sagittal T2/STIR",
            Plane.AXIAL_T2: "Axial T2",
        }[self]


ANNOTATED_PLANE = {
    Condition.CANAL: Plane.SAGITTAL_T2,
    Condition.FORAMINAL: Plane.SAGITTAL_T1,
    Condition.SUBARTICULAR: Plane.AXIAL_T2,
}
SEVERITY_COLUMNS = tuple(severity.column for severity in Severity)
SEVERITY_WEIGHTS = tuple(severity.weight for severity in Severity)

_CONDITION_NAMES = {
    (Condition.CANAL, Side.MIDLINE): "spinal_canal_stenosis",
    (Condition.FORAMINAL, Side.LEFT): "left_neural_foraminal_narrowing",
    (Condition.FORAMINAL, Side.RIGHT): "right_neural_foraminal_narrowing",
    (Condition.SUBARTICULAR, Side.LEFT): "left_subarticular_stenosis",
    (Condition.SUBARTICULAR, Side.RIGHT): "right_subarticular_stenosis",
}


class Target(NamedTuple):
    """What is graded: a condition on a side at a level."""

    condition: Condition
    side: Side
    level: Level

    @property
    def column(self) -> str:
        """Column of `train.csv`, and the `row_id` behind its study: spinal_canal_stenosis_l1_l2."""
        return f"{_CONDITION_NAMES[self.condition, self.side]}_{self.level}"

    @property
    def condition_title(self) -> str:
        """Condition as `train_label_coordinates.csv` spells it: Left Neural Foraminal Narrowing."""
        return _CONDITION_NAMES[self.condition, self.side].replace("_", " ").title()


TARGETS = tuple(Target(*pair, level) for pair in _CONDITION_NAMES for level in Level)
TARGET_BY_COLUMN = {target.column: target for target in TARGETS}
TARGET_BY_TITLES = {(target.condition_title, target.level.title): target for target in TARGETS}

# normal / moderate / severe at L1/L2 ... L5/S1, as counted on the competition's tables
RATES = {
    Condition.CANAL: ((0.955, 0.034, 0.011), (0.897, 0.076, 0.027), (0.822, 0.117, 0.062), (0.751, 0.120, 0.129),
                      (0.965, 0.026, 0.010)),
    Condition.FORAMINAL: ((0.964, 0.032, 0.004), (0.910, 0.086, 0.004), (0.770, 0.209, 0.021), (0.612, 0.319, 0.069),
                          (0.642, 0.258, 0.101)),
    Condition.SUBARTICULAR: ((0.930, 0.056, 0.014), (0.827, 0.132, 0.041), (0.671, 0.230, 0.099),
                             (0.451, 0.316, 0.233), (0.714, 0.205, 0.081)),
}


def row_id(study_id: int, target: Target) -> str:
    """Row of a submission, `<study_id>_<condition>_<level>`.

    >>> row_id(4003253, TARGETS[0])
    '4003253_spinal_canal_stenosis_l1_l2'
    """
    return f"{study_id}_{target.column}"


def parse_row_id(text: str) -> tuple[int, Target]:
    """Study and target of a `row_id`; ValueError when it is not one, or not as `row_id` writes it (007_...).

    >>> parse_row_id('44036939_left_subarticular_stenosis_l5_s1')[1].level.title
    'L5/S1'
    """
    study, _, column = text.partition("_")
    if not study.isdecimal() or column not in TARGET_BY_COLUMN or str(int(study)) != study:
        raise ValueError(f"not a row_id (<study_id>_<condition>_<level>): {text!r}")
    return int(study), TARGET_BY_COLUMN[column]
