from dataclasses import replace

import pandas as pd
import pytest

from lsdc.competition import open_folder
from lsdc.errors import DataError, TableError
from lsdc.taxonomy import TARGETS, Severity
from tests.builders import write_competition


def test_tables_joined_by_key(tmp_path):
    def severity(study, target):
        if target == TARGETS[3]:
            return None
        return Severity.SEVERE if (study, target) == (1002, TARGETS[7]) else Severity.NORMAL_MILD

    folder = open_folder(write_competition(tmp_path, severity=severity))
    assert folder.study_ids("train") == [1001, 1002]
    assert folder.study_ids("test") == [2001]
    assert len(folder.grades) == 50
    first = folder.grades[folder.grades.study_id == 1001]
    assert [(row.condition, row.side, row.level) for row in first.itertuples()] == list(TARGETS)
    assert folder.grades.severity.isna().sum() == 2  # missing stays missing
    severe = folder.grades[folder.grades.severity == "severe"]
    assert severe[["study_id", "condition", "side", "level"]].to_numpy().tolist() == [[1002, *TARGETS[7]]]
    assert folder.points[["x_px", "y_px"]].iloc[0].tolist() == [3.5, 2.25]
    assert folder.sample[0].endswith("left_neural_foraminal_narrowing_l1_l2")  # the sample's own order
    assert folder.series_of(2001).plane.tolist() == ["sagittal_t1", "sagittal_t2", "axial_t2"]
    with pytest.raises(DataError, match="not in this folder"):
        folder.part_of(5)


def test_a_study_may_stand_in_both_parts(tmp_path):
    folder = open_folder(write_competition(tmp_path, test_studies=(1001,)))
    assert folder.part_of(1001) == "train"
    assert folder.study_ids("test") == [1001]


def test_one_unknown_description_costs_that_series_only(tmp_path, caplog):
    root = write_competition(tmp_path)
    path = root / "test_series_descriptions.csv"
    path.write_text(path.read_text().replace("Axial T2", "Axial PD"))
    assert set(open_folder(root).series["test"].plane) == {"sagittal_t1", "sagittal_t2"}
    assert "series 20013 is left out, its description 'Axial PD' is none of Sagittal T1" in caplog.text


def test_all_faults_of_all_files_at_once(tmp_path):
    root = write_competition(tmp_path)
    (root / "sample_submission.csv").unlink()
    table = pd.read_csv(root / "train.csv")
    table.iloc[0, 3] = "Sever"
    table.to_csv(root / "train.csv", index=False)
    points = pd.read_csv(root / "train_label_coordinates.csv").drop(columns="x")
    points.to_csv(root / "train_label_coordinates.csv", index=False)
    descriptions = (root / "test_series_descriptions.csv").read_text().replace("T2", "T3").replace("T1", "T3")
    (root / "test_series_descriptions.csv").write_text(descriptions)
    with pytest.raises(TableError) as caught:
        open_folder(root)
    text = str(caught.value)
    assert "4 faults" in text
    assert "sample_submission.csv: a csv file is missing" in text
    assert f"train.csv: {TARGETS[2].column}: 1 values not among Normal/Mild, Moderate, Severe: 'Sever'" in text
    assert "train_label_coordinates.csv: columns missing: x (it has: study_id, " in text
    assert "test_series_descriptions.csv: series_description: none of 3 is among Sagittal T1, " in text
    assert "'Axial T3' (1 rows)" in text
    assert "`lsdc audit FOLDER` lists every fault row by row" in text


def test_no_fault_hides_another(tmp_path):
    """In a column, in a key and between tables, in one file and in several: each has its line, count and example."""
    root = write_competition(tmp_path, studies=(1001, 1002, 1003))
    path = root / "train.csv"
    head, first, second, third = path.read_text().splitlines()
    first = first.replace("Normal/Mild", "Sever", 1)
    path.write_text("\n".join([head, first, second, second, third.replace("1003", "abc")]) + "\n")
    path = root / "train_label_coordinates.csv"
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace("Spinal Canal", "Spinel Canal").replace("L1/L2", "L1/L3")
    lines[2] = lines[2].replace("3.25", "left")
    lines[3] = lines[3].replace("1001,", "77,")
    lines[4] = lines[4].replace("1001,", "?,")
    path.write_text("\n".join([*lines, lines[7]]) + "\n")
    path = root / "train_series_descriptions.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[4]]) + "\n")
    with pytest.raises(TableError, match="10 faults") as caught:
        open_folder(root)
    assert [line.partition(" not among")[0] for line in caught.value.got.split("\n          ")] == [
        "train.csv: study_id: 1 values are not finite int64 numbers: 'abc'",
        f"train.csv: {TARGETS[0].column}: 1 values",
        "train.csv: 2 rows share their key (study_id): 1002",
        "train_label_coordinates.csv: study_id: 1 values are not finite int64 numbers: '?'",
        "train_label_coordinates.csv: condition: 1 values",
        "train_label_coordinates.csv: level: 1 values",
        "train_label_coordinates.csv: y: 1 values are not finite float64 numbers: 'left'",
        "train_label_coordinates.csv: 2 rows share their key (study_id, series_id, instance_number, condition, level): "
        "1002, 10022, 2, Spinal Canal Stenosis, L2/L3",
        "train_series_descriptions.csv: 2 rows share their key (study_id, series_id): 1002, 10021",
        "train_label_coordinates.csv: 2 studies are not in train.csv (6 points): 77, 1003",  # 1003 is abc's
    ]


def test_a_table_that_is_not_there_has_no_faults_of_its_cells(tmp_path):
    root = write_competition(tmp_path)
    (root / "train_series_descriptions.csv").unlink()
    points = pd.read_csv(root / "train_label_coordinates.csv").drop(columns="study_id")
    points.to_csv(root / "train_label_coordinates.csv", index=False)
    with pytest.raises(TableError, match="2 faults") as caught:
        open_folder(root)
    assert "columns missing: study_id" in str(caught.value)
    assert "train_series_descriptions.csv: a csv file is missing" in str(caught.value)


def test_no_point_on_a_listed_series(tmp_path):
    root = write_competition(tmp_path)
    points = pd.read_csv(root / "train_label_coordinates.csv", dtype=str)
    points.assign(series_id="5", x="?").to_csv(root / "train_label_coordinates.csv", index=False)
    with pytest.raises(TableError, match=r"2 faults(.|\n)*none of its 10 points is on a series of train_series_.*: 5"):
        open_folder(root)


def test_descriptions_that_are_all_empty(tmp_path):
    root = write_competition(tmp_path)
    path = root / "test_series_descriptions.csv"
    rows = pd.read_csv(path).assign(series_description=None)
    rows.to_csv(path, index=False)
    with pytest.raises(TableError, match=r"1 faults(.|\n)*none of 3 is among Sagittal T1, .*: empty \(3 rows\)"):
        open_folder(root)


def test_duplicated_study_is_a_fault(tmp_path):
    root = write_competition(tmp_path)
    table = pd.read_csv(root / "train.csv")
    pd.concat([table, table.iloc[:1]]).to_csv(root / "train.csv", index=False)
    with pytest.raises(TableError, match=r"2 rows share their key \(study_id\): 1001"):
        open_folder(root)


def test_images_of_another_place(tmp_path):
    root = write_competition(tmp_path)
    (root / "train_images" / "1001").rename(root / "moved1")
    assert open_folder(root).study_ids("train") == [1001, 1002]  # one study without files is its own matter
    (root / "train_images" / "1002").rename(root / "moved2")
    with pytest.raises(TableError, match="train_images/ has none of the 6 series"):
        open_folder(root)


def test_a_hidden_test_set_needs_no_training_tables(tmp_path):
    root = write_competition(tmp_path)
    for name in ("train.csv", "train_label_coordinates.csv", "train_series_descriptions.csv"):
        (root / name).unlink()
    folder = open_folder(root, training=False)
    assert folder.study_ids("test") == [2001]
    assert folder.grades.empty


def test_no_folder(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        open_folder(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "read as csv"),
        ("\x00\xff\xfe", "read as csv"),
        ("row_id,normal_mild,moderate,severe\n", "no rows"),
        ("row_id,normal_mild,moderate,severe\n12_nothing,1,0,0\n", "row_id: 1 values are not .*: '12_nothing'"),
    ],
)
def test_broken_sample(tmp_path, text, message):
    root = write_competition(tmp_path)
    (root / "sample_submission.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(TableError, match=message):
        open_folder(root)


def test_the_series_of_each_study_are_found_without_a_look_at_every_row(tmp_path, monkeypatch):
    studies = tuple(range(1001, 1013))
    folder = open_folder(write_competition(tmp_path, studies=studies, test_studies=studies[:3]))
    shuffled = folder.series["train"].sample(frac=1, random_state=3)
    folder = replace(folder, series={**folder.series, "train": shuffled})
    wanted = {study: shuffled[shuffled.study_id == study].sort_values("series_id") for study in studies}
    looked, compare, ids = [0], pd.Series.__eq__, CountedIds(studies)

    def counted(self, other):
        looked[0] += len(self)
        return compare(self, other)

    monkeypatch.setattr(pd.Series, "__eq__", counted)
    found = {study: folder.series_of(study) for study in studies}
    monkeypatch.undo()
    assert looked[0] <= len(shuffled)  # as much as one look, for all studies
    for study in studies:
        pd.testing.assert_frame_equal(found[study], wanted[study])
    assert folder.series_of(77, "train").empty
    folder = replace(folder, _studies={"train": ids, "test": []})
    assert {folder.part_of(study) for study in studies} == {"train"}
    assert ids.gone_through <= 1


class CountedIds(list):
    """Study ids that count how often they are gone through."""

    gone_through = 0

    def __iter__(self):
        self.gone_through += 1
        return super().__iter__()

    def __contains__(self, study):
        self.gone_through += 1
        return super().__contains__(study)
