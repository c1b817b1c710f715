import pandas as pd
import pytest

from lsdc.competition import open_folder
from lsdc.competition.grades import read_grades
from lsdc.errors import TableError
from lsdc.taxonomy import TARGETS, Severity
from tests.builders import write_competition


@pytest.fixture
def folder(tmp_path):
    return write_competition(tmp_path / "data", severity=lambda study, target: Severity(len(target.column) % 3))


def test_the_same_grades_as_of_the_whole_folder(folder):
    wanted = open_folder(folder).grades
    (folder / "labels.csv").write_text((folder / "train.csv").read_text())
    for path in (folder / "train.csv", folder, folder / "labels.csv"):
        pd.testing.assert_frame_equal(read_grades(path), wanted)


@pytest.mark.parametrize(("change", "match"), [
    (lambda wide: wide.drop(columns=TARGETS[3].column), f"columns missing: {TARGETS[3].column}"),
    (lambda wide: wide.replace("Severe", "severe"), "not among Normal/Mild, Moderate, Severe: 'severe'"),
    (lambda wide: pd.concat([wide, wide]), "rows share their key"),
    (lambda wide: wide.iloc[:0], "no rows"),
    (lambda wide: wide.mask(wide.isin(["Severe", "Moderate"]), "Normal/Mild"), "one class only: every grade is Normal"),
    (lambda wide: wide.assign(**{target.column: "" for target in TARGETS}), "every grade is empty"),
    (lambda wide: pd.DataFrame({"row_id": ["1_x"], "normal_mild": [1], "moderate": [0], "severe": [0]}),
     "no table of true grades(.|\n)*got:    predictions"),
    (lambda wide: pd.DataFrame({"a": [1]}), "no table of true grades(.|\n)*another table, with the columns a"),
])
def test_a_table_that_is_no_truth_is_refused(folder, tmp_path, change, match):
    change(pd.read_csv(folder / "train.csv", dtype=str)).to_csv(tmp_path / "truth.csv", index=False)
    with pytest.raises(TableError, match=match) as caught:
        read_grades(tmp_path / "truth.csv")
    assert "truth.csv" in str(caught.value)
    assert "--truth" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(TableError, match=r"a csv file is missing\n  wanted: truth.csv"):
        read_grades(tmp_path / "truth.csv")
