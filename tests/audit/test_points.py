"""Faults of points, and levels and sides that the patient contradicts."""

import shutil

import numpy as np
import pytest

from lsdc.audit import audit_folder
from lsdc.audit.spine import check_spine, level_offsets
from lsdc.taxonomy import TARGETS, Condition, Level, Side
from tests.audit.folders import POINTS, edit, found, point_row, write_clean

LEVELS = list(Level)
OTHER = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT, Side.MIDLINE: Side.MIDLINE}
CANAL = TARGETS[0]
ROW = point_row(1001, CANAL)


@pytest.mark.parametrize(("new", "expected"), [
    (ROW.replace(",3,", ",9,"), ("point_on_missing_slice", 1001, 10012, 1)),
    (ROW.replace("10012", "10011"), ("point_on_wrong_plane", 1001, 10011, 1)),
    (ROW.replace("24.0", "48.5"), ("point_outside_image", 1001, 10012, 1)),
    (ROW.replace("24.0", "-1"), ("point_outside_image", 1001, 10012, 1)),
    ("", ("missing_coordinates", 1001, None, 1)),
    (ROW.replace("24.0,7.0", "24.0,19.0"), ("levels_out_of_order", 1001, None, 1)),  # 48 mm lower: below L2/L3
])
def test_one_point(tmp_path, new, expected):
    root = write_clean(tmp_path)
    edit(root / POINTS, (ROW, new))
    assert found(root) == [expected]


def test_points_on_files_that_fail_are_the_file_s_fault(tmp_path):
    root = write_clean(tmp_path)
    (root / "train_images" / "1001" / "10012" / "3.dcm").write_bytes(b"")
    assert found(root) == [("zero_byte_file", 1001, 10012, 1)]
    (root / "train_images" / "1001" / "10012" / "3.dcm").unlink()
    assert found(root) == [("gapped_numbers", 1001, 10012, 1), ("point_on_missing_slice", 1001, 10012, 5)]


def test_an_unlabelled_target_needs_no_point(tmp_path):
    root = write_clean(tmp_path)
    edit(root / POINTS, (ROW, ""))
    edit(root / "train.csv", ("1001,Normal/Mild", "1001,"))
    assert found(root) == [("missing_labels", 1001, None, 1)]


def test_a_series_that_is_gone_explains_no_missing_point_beside_others(tmp_path):
    root = write_clean(tmp_path)
    shutil.rmtree(root / "train_images" / "1001" / "10012")
    assert found(root) == [("series_not_on_disk", 1001, 10012, 1)]
    edit(root / POINTS, (ROW, ""))
    assert found(root) == [("missing_coordinates", 1001, None, 1), ("series_not_on_disk", 1001, 10012, 1)]
    lines = (root / POINTS).read_text().splitlines(keepends=True)
    (root / POINTS).write_text("".join(line for line in lines if not line.startswith("1001,10012")))
    assert found(root) == [("series_not_on_disk", 1001, 10012, 1)]


def rename(root, change):
    """Rewrite the points of study 1001 as `change` calls their targets; None drops one."""
    lines = (root / POINTS).read_text().splitlines()
    kept = [line for line in lines if not line.startswith("1001")]
    named = [(target, change(target)) for target in TARGETS]
    kept += [point_row(1001, target, named=name) for target, name in named if name is not None]
    (root / POINTS).write_text("\n".join(kept) + "\n")


def moved(target, step):
    place = LEVELS.index(target.level) + step
    return target._replace(level=LEVELS[place]) if 0 <= place < len(LEVELS) else None


@pytest.mark.parametrize("step", [-1, 1])
@pytest.mark.parametrize("condition", list(Condition))
def test_levels_off_by_one(tmp_path, condition, step):
    root = write_clean(tmp_path)
    rename(root, lambda target: moved(target, step) if target.condition == condition else target)
    sides = 1 if condition == Condition.CANAL else 2
    assert found(root) == [("level_off_by_one", 1001, None, sides)]  # the lost end is explained by it


def test_levels_off_by_one_beside_an_empty_grade(tmp_path):
    root = write_clean(tmp_path)
    canal = Condition.CANAL  # L1/L2 is not graded and has no point, so that nothing is called L2/L3
    rename(root, lambda target: target if target.condition != canal else None if target == CANAL else moved(target, 1))
    edit(root / "train.csv", ("1001,Normal/Mild", "1001,"))
    assert found(root) == [("level_off_by_one", 1001, None, 1), ("missing_labels", 1001, None, 1)]


def test_two_conditions_that_disagree_explain_the_end_of_either(tmp_path):
    root = write_clean(tmp_path)
    last = TARGETS[4]  # canal L5/S1 has no point, so that not the foramina but the canal may be one level off
    rename(root, lambda target: None if target == last or target.condition == Condition.SUBARTICULAR
           else moved(target, 1) if target.condition == Condition.FORAMINAL else target)
    assert found(root) == [("level_off_by_one", 1001, None, 1), ("missing_coordinates", 1001, None, 10)]  # recesses


def test_levels_of_one_side_off_by_one_and_a_point_lost_elsewhere(tmp_path):
    root = write_clean(tmp_path)
    rename(root, lambda target: None if target == CANAL else moved(target, 1) if target[:2] == TARGETS[5][:2]
           else target)
    assert found(root) == [("level_off_by_one", 1001, None, 1), ("missing_coordinates", 1001, None, 1)]


def test_sides_swapped(tmp_path):
    root = write_clean(tmp_path)
    rename(root, lambda target: target._replace(side=OTHER[target.side])
           if target.condition == Condition.SUBARTICULAR else target)
    assert found(root) == [("sides_swapped", 1001, None, 5)]


def level_targets(condition, level="L3/L4"):
    return [next(target for target in TARGETS if target[:2] == (condition, side) and target.level.title == level)
            for side in (Side.LEFT, Side.RIGHT)]


@pytest.mark.parametrize("condition", [Condition.FORAMINAL, Condition.SUBARTICULAR])
@pytest.mark.parametrize("side", [0, 1])
def test_one_point_on_the_other_side(tmp_path, condition, side):
    root = write_clean(tmp_path)
    pair = level_targets(condition)
    wrong, other = pair[side], pair[1 - side]
    row, there = point_row(1001, wrong), point_row(1001, other, named=wrong)
    edit(root / POINTS, (row, there))
    audit = audit_folder(root, workers=1)
    assert [(one.kind, one.study_id, one.count, one.detail) for one in audit.findings] == [
        ("side_contradicts", 1001, 1, wrong.column)]
    edit(root / POINTS, (point_row(1001, other), ""))  # without its partner it is found all the same
    assert found(root) == [("missing_coordinates", 1001, None, 1), ("side_contradicts", 1001, None, 1)]


def test_sides_swapped_at_one_level(tmp_path):
    root = write_clean(tmp_path)
    swapped = level_targets(Condition.SUBARTICULAR)
    rename(root, lambda target: target._replace(side=OTHER[target.side]) if target in swapped else target)
    assert found(root) == [("side_contradicts", 1001, None, 2)]


def test_a_crooked_spine_has_no_side_that_contradicts():
    bend_mm = dict(zip(LEVELS, (0, 18, 30, 18, 0), strict=True))  # more than a foramen lies from the middle
    x_mm = {Side.MIDLINE: 0, Side.LEFT: 12, Side.RIGHT: -12}
    places = {target: np.array([x_mm[target.side] + bend_mm[target.level], 0, -31.0 * LEVELS.index(target.level)])
              for target in TARGETS}
    assert check_spine(7, places) == []
    del places[level_targets(Condition.FORAMINAL)[0]]
    assert check_spine(7, places) == []


def test_several_points_of_a_target(tmp_path):
    root = write_clean(tmp_path)
    edit(root / POINTS, (ROW, f"{ROW}\n{ROW.replace(',3,', ',2,')}"))
    assert found(root) == [("several_points", 1001, None, 1)]


@pytest.mark.parametrize("step", [-1, 1])
@pytest.mark.parametrize(("moving", "other"), [
    (Condition.CANAL, Condition.SUBARTICULAR), (Condition.SUBARTICULAR, Condition.CANAL),
    (Condition.FORAMINAL, Condition.CANAL), (Condition.SUBARTICULAR, Condition.FORAMINAL)])
def test_of_two_conditions_that_disagree_either_explains_what_is_missing(moving, other, step):
    true = {target: np.array([0.0, 0, -33.0 * LEVELS.index(target.level)]) for target in TARGETS
            if target.condition in (moving, other) and target.side != Side.RIGHT}
    named = [(moved(target, step) if target.condition == moving else target, place) for target, place in true.items()]
    end = LEVELS[-1 if step > 0 else 0]  # the other has no point at the end that would tell which is wrong
    places = {target: place for target, place in named
              if target is not None and not (target.condition == other and target.level == end)}
    findings = check_spine(7, places)
    assert [one.kind for one in findings] == ["level_off_by_one"]
    sides = {condition: Side.MIDLINE if condition == Condition.CANAL else Side.LEFT for condition in (moving, other)}
    ways = {f"{moving} {sides[moving]} named one level too {'low' if step > 0 else 'high'}",
            f"{other} {sides[other]} named one level too {'high' if step > 0 else 'low'}"}
    assert set(findings[0].detail.split(" or else ")) == ways


def test_of_two_conditions_the_one_that_lost_no_end_is_not_blamed():
    true = {target: np.array([0.0, 0, -33.0 * LEVELS.index(target.level)]) for target in TARGETS
            if target.side == Side.LEFT}
    places = {name: place for target, place in true.items()
              if (name := moved(target, 1) if target.condition == Condition.FORAMINAL else target)}
    assert [one.detail for one in check_spine(7, places)] == ["foraminal left named one level too low"]


def heights(**groups):
    names = {"canal": (Condition.CANAL, Side.MIDLINE), "left": (Condition.FORAMINAL, Side.LEFT),
             "right": (Condition.FORAMINAL, Side.RIGHT), "recess": (Condition.SUBARTICULAR, Side.LEFT)}
    return {names[name]: dict(values) for name, values in groups.items()}


def test_offsets_by_hand():
    true = {level: -33.0 * level for level in range(5)}
    low = {level + 1: z for level, z in true.items() if level < 4}
    near = {level: z + 8 for level, z in true.items()}
    assert set(level_offsets(heights(canal=true, left=near, right=true)).values()) == {0}
    assert list(level_offsets(heights(canal=true, left=low, right=low, recess=near)).values()) == [0, 1, 1, 0]
    assert list(level_offsets(heights(canal=low, left=true, right=near)).values()) == [1, 0, 0]
    # of two conditions the one that lost its end is wrong, whichever comes first
    high = {level - 1: z for level, z in true.items() if level}
    assert list(level_offsets(heights(canal=true, recess=high)).values()) == [0, -1]
    assert list(level_offsets(heights(canal=high, recess=true)).values()) == [-1, 0]
    assert level_offsets({}) == {}
    assert list(level_offsets(heights(canal={0: 0.0}, left={4: -130.0})).values()) == [0, 0]  # nothing in common


@pytest.mark.parametrize("seed", range(5))
def test_a_noisy_spine_has_no_finding(seed):
    random = np.random.default_rng(seed)
    x_mm = {Side.MIDLINE: 0, Side.LEFT: 12, Side.RIGHT: -12}
    places = {target: np.array([x_mm[target.side], 0, -31.0 * LEVELS.index(target.level)
                                + 6 * (target.condition == Condition.FORAMINAL)]) + random.normal(0, 2, 3)
              for target in TARGETS if random.random() < 0.8}
    assert check_spine(7, places) == []
