"""Faults of the csv files, each alone in a folder that is otherwise clean: it is found, and nothing else."""

import shutil

import pytest

from lsdc.audit import Kind, audit_folder
from lsdc.taxonomy import TARGETS
from tests.audit.folders import POINTS, edit, found, point_row, write_clean

CANAL = TARGETS[0]
ROW = point_row(1001, CANAL)
GRADES = "1001," + ",".join(["Normal/Mild"] * 25)
SERIES, SAMPLE = "train_series_descriptions.csv", "sample_submission.csv"
FIRST_ROW = "2001_left_neural_foraminal_narrowing_l1_l2,.3,.3,.4\n"


def test_a_clean_folder_has_no_fault(tmp_path):
    assert found(write_clean(tmp_path)) == []


@pytest.mark.parametrize(("name", "old", "new", "expected"), [
    ("train.csv", "study_id", "study", [("missing_column", None, None, 1)]),
    ("train.csv", GRADES, GRADES.replace("1001", "1oo1"), [
        ("bad_id", None, None, 1), ("point_of_unknown_study", 1001, None, 25),
        ("series_of_unknown_study", 1001, None, 3)]),
    ("train.csv", GRADES, f"{GRADES}\n{GRADES}", [("duplicate_key", 1001, None, 2)]),
    ("train.csv", GRADES, GRADES[:-11] + "Sever", [("unknown_severity", 1001, None, 1)]),
    ("train.csv", GRADES, GRADES[:-23] + ",", [("missing_labels", 1001, None, 2)]),
    (POINTS, ROW, ROW.replace("Canal", "Channel"), [
        ("missing_coordinates", 1001, None, 1), ("unknown_condition", 1001, 10012, 1)]),
    (POINTS, ROW, ROW.replace("L1/L2", "L1-L2"), [
        ("missing_coordinates", 1001, None, 1), ("unknown_level", 1001, 10012, 1)]),
    (POINTS, ROW, ROW.replace("24.0", "left"), [
        ("bad_coordinate", 1001, 10012, 1), ("missing_coordinates", 1001, None, 1)]),
    (POINTS, ROW, ROW.replace(",3,", ",3.5,"), [("bad_id", None, None, 1), ("missing_coordinates", 1001, None, 1)]),
    (POINTS, ROW, f"{ROW}\n{ROW}", [("duplicate_key", 1001, 10012, 2)]),
    (POINTS, ROW, f"{ROW}\n{ROW.replace('1001', '77')}", [("point_of_unknown_study", 77, None, 1)]),
    (POINTS, ROW, ROW.replace("10012", "10019"), [("point_of_unknown_series", 1001, 10019, 1)]),
    (SERIES, "1002,10023,Axial T2", "1002,10023,Axial PD", [
        ("missing_plane", 1002, None, 1), ("unknown_description", 1002, 10023, 1)]),
    (SERIES, "1002,10023,Axial T2\n", "", [("missing_plane", 1002, None, 1), ("series_not_in_table", 1002, 10023, 1),
                                           ("point_of_unknown_series", 1002, 10023, 10)]),
    (SERIES, "1002,10023,Axial T2", "1002,10023,Axial T2\n1002,10023,Axial T2", [("duplicate_key", 1002, 10023, 2)]),
    (SERIES, "1002,10023,", "1002,x,", [
        ("bad_id", None, None, 1), ("missing_plane", 1002, None, 1), ("series_not_in_table", 1002, 10023, 1),
        ("point_of_unknown_series", 1002, 10023, 10)]),
    (SAMPLE, FIRST_ROW, "", [("incomplete_sample", 2001, None, 1)]),
    (SAMPLE, FIRST_ROW, f"{FIRST_ROW}nonsense,.3,.3,.4\n", [("bad_row_id", None, None, 1)]),
    (SAMPLE, FIRST_ROW, FIRST_ROW * 2, [("duplicate_key", None, None, 2)]),
    (SAMPLE, "severe", "sever", [("missing_column", None, None, 1)]),
])
def test_one_fault(tmp_path, name, old, new, expected):
    root = write_clean(tmp_path)
    edit(root / name, (old, new))
    assert found(root) == sorted(expected, key=str)


def test_sample_in_no_order(tmp_path):
    root = write_clean(tmp_path)
    head, *rows = (root / "sample_submission.csv").read_text().splitlines()
    (root / "sample_submission.csv").write_text("\n".join([head, *rows[::-1]]) + "\n")
    assert found(root) == [("shuffled_sample", None, None, 1)]


def test_studies_of_the_sample_without_series(tmp_path):
    root = write_clean(tmp_path, test_studies=(2001, 2002))
    text = (root / "test_series_descriptions.csv").read_text().splitlines(keepends=True)
    (root / "test_series_descriptions.csv").write_text("".join(line for line in text if not line.startswith("2002")))
    assert found(root) == [("series_not_in_table", 2002, series, 1) for series in (20021, 20022, 20023)] + [
        ("study_without_series", 2002, None, 1)]


@pytest.mark.parametrize("name", ["train.csv", POINTS, SERIES, "test_series_descriptions.csv", SAMPLE])
def test_a_missing_or_empty_file_is_one_finding(tmp_path, name):
    root = write_clean(tmp_path)
    (root / name).write_text((root / name).read_text().splitlines()[0] + "\n")
    kinds = [kind for kind, *_ in found(root)]
    assert kinds.count("empty_table") == 1
    (root / name).write_bytes(b"\xff\xfe\x00")
    assert [kind for kind, *_ in found(root)].count("unreadable_csv") == 1
    (root / name).unlink()
    after = [kind for kind, *_ in found(root)]
    assert after.count("missing_file") == 1
    assert "series_not_in_table" not in after  # what the table would have named is not blamed


def test_missing_image_folders(tmp_path):
    root = write_clean(tmp_path)
    shutil.rmtree(root / "test_images")
    assert found(root) == [("missing_file", None, None, 1)]
    assert found(root, parts=("train",)) == []


def test_part_test_needs_no_training_tables(tmp_path):
    root = write_clean(tmp_path)
    for name in ("train.csv", POINTS, SERIES):
        (root / name).unlink()
    shutil.rmtree(root / "train_images")
    assert found(root, parts=("test",)) == []
    assert [kind for kind, *_ in found(root)] == ["missing_file"] * 4


def test_ids_above_32_bits(tmp_path):
    root = write_clean(tmp_path, studies=(6442450944,))
    assert found(root) == [("large_id", 6442450944, 64424509440 + number, 1) for number in (1, 2, 3)] + [
        ("large_id", 6442450944, None, 1)]


def test_points_on_no_series_of_the_table(tmp_path):
    root = write_clean(tmp_path, studies=(1001,))
    edit(root / POINTS, (",10011,", ",991,"), (",10012,", ",992,"), (",10013,", ",993,"))
    assert ("no_usable_point", None, None, 1) in found(root)


def test_no_grade_at_all(tmp_path):
    root = write_clean(tmp_path)
    edit(root / "train.csv", ("Normal/Mild", ""))
    assert found(root) == [("missing_labels", 1001, None, 25), ("missing_labels", 1002, None, 25),
                           ("nothing_graded", None, None, 1)]
    assert audit_folder(root, workers=1).fatal


@pytest.mark.parametrize("where", ["sample", "series", "images"])
def test_a_study_in_both_parts(tmp_path, where):
    root = write_clean(tmp_path, test_studies=(2001, 2002))
    if where == "images":
        (root / "test_images" / "1002").mkdir()
    elif where == "series":
        edit(root / "test_series_descriptions.csv", ("2002,20021,", "1002,20021,"))
    else:
        edit(root / SAMPLE, ("2002_", "1002_"))
    findings = [one for one in audit_folder(root, workers=1).findings if one.kind == Kind.STUDY_IN_BOTH_PARTS]
    assert [(one.part, one.study_id) for one in findings] == [(None, 1002)]
    named = {"images": "test_images/", "series": "test_series_descriptions.csv", "sample": SAMPLE}
    assert findings[0].detail == f"train.csv, train_series_descriptions.csv, train_images/, {named[where]}"
    assert "study_in_both_parts" not in [kind for kind, *_ in found(root, parts=("train",))]
