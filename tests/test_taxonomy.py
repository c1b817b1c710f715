import pytest

from lsdc.taxonomy import SEVERITY_WEIGHTS, TARGETS, Condition, Level, Severity, Side, Target, parse_row_id, row_id


def test_targets_stand_in_the_order_of_train_csv():
    assert len(TARGETS) == 25
    assert [target.column for target in TARGETS[:2]] == ["spinal_canal_stenosis_l1_l2", "spinal_canal_stenosis_l2_l3"]
    assert [target.column for target in TARGETS[5::5]] == [
        "left_neural_foraminal_narrowing_l1_l2", "right_neural_foraminal_narrowing_l1_l2",
        "left_subarticular_stenosis_l1_l2", "right_subarticular_stenosis_l1_l2"]
    assert TARGETS[-1] == Target(Condition.SUBARTICULAR, Side.RIGHT, Level.L5_S1)


def test_spellings():
    target = TARGETS[9]
    assert (target.condition_title, target.level.title) == ("Left Neural Foraminal Narrowing", "L5/S1")
    assert [severity.title for severity in Severity] == ["Normal/Mild", "Moderate", "Severe"]
    assert SEVERITY_WEIGHTS == (1, 2, 4)


def test_row_ids_both_ways():
    for target in TARGETS:
        assert parse_row_id(row_id(4290000000, target)) == (4290000000, target)


@pytest.mark.parametrize("text", ["", "12", "x_spinal_canal_stenosis_l1_l2", "12_spinal_canal_stenosis_l6_s1",
                                  "-1_spinal_canal_stenosis_l1_l2"])
def test_what_is_no_row_id(text):
    with pytest.raises(ValueError, match="not a row_id"):
        parse_row_id(text)
