from lsdc.detect.classes import CLASSES, TARGET_CLASSES
from lsdc.taxonomy import TARGETS, Condition, Level, Plane, Side


def test_classes_say_only_what_an_image_shows():
    assert len(set(CLASSES.names)) == len(CLASSES) == 12
    assert CLASSES.of(Plane.SAGITTAL_T2) == (0, 1, 2, 3, 4)
    assert CLASSES.of(Plane.SAGITTAL_T1) == (5, 6, 7, 8, 9)
    assert [CLASSES.names[i] for i in CLASSES.of(Plane.AXIAL_T2)] == ["subarticular_left", "subarticular_right"]


def test_both_sides_of_a_foramen_are_one_class_and_all_levels_of_a_recess():
    assert CLASSES.number(Condition.FORAMINAL, Side.LEFT, Level.L4_L5) == CLASSES.number(
        Condition.FORAMINAL, Side.RIGHT, Level.L4_L5)
    assert {CLASSES.number(*target) for target in TARGETS if target[:2] == (Condition.SUBARTICULAR, Side.LEFT)} == {10}


def test_the_papers_classes_are_the_targets_by_their_names():
    assert len(set(TARGET_CLASSES.names)) == 25
    assert [TARGET_CLASSES.number(*target) for target in TARGETS] == list(range(25))
    assert TARGET_CLASSES.names[5] == "foraminal_left_l1_l2"
    assert TARGET_CLASSES.of(Plane.SAGITTAL_T2) == tuple(range(5))
