from lsdc.detect.classes import CLASS_NAMES, CLASSES, class_of, classes_of
from lsdc.taxonomy import TARGETS, Condition, Level, Plane, Side


def test_classes_say_only_what_an_image_shows():
    assert len(set(CLASS_NAMES)) == len(CLASSES) == 12
    assert classes_of(Plane.SAGITTAL_T2) == (0, 1, 2, 3, 4)
    assert classes_of(Plane.SAGITTAL_T1) == (5, 6, 7, 8, 9)
    assert [CLASS_NAMES[i] for i in classes_of(Plane.AXIAL_T2)] == ["subarticular_left", "subarticular_right"]


def test_both_sides_of_a_foramen_are_one_class_and_all_levels_of_a_recess():
    assert class_of(Condition.FORAMINAL, Side.LEFT, Level.L4_L5) == class_of(
        Condition.FORAMINAL, Side.RIGHT, Level.L4_L5)
    assert {class_of(*target) for target in TARGETS if target[:2] == (Condition.SUBARTICULAR, Side.LEFT)} == {10}
