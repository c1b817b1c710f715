import os

import pandas as pd
import pytest

from lsdc.errors import TableError
from lsdc.tables import FOLDS, GRADES, LOCATIONS, PREDICTIONS, SERIES

GRADE = {"study_id": 7, "condition": "canal", "side": "midline", "level": "l1_l2", "severity": None}


def test_write_and_read_are_exact(tmp_path):
    rows = [{"row_id": "1_a", "normal_mild": 0.1 + 0.2, "moderate": 1 / 3, "severe": 1e-17, "fold": 0, "model": "m",
             "fallback": None}]
    PREDICTIONS.write(PREDICTIONS.frame(rows), tmp_path / "p.csv")
    back = PREDICTIONS.read(tmp_path / "p.csv")
    assert back[["normal_mild", "moderate", "severe"]].iloc[0].tolist() == [0.1 + 0.2, 1 / 3, 1e-17]
    assert back.fallback.isna().all()


def test_missing_stays_missing_and_ids_stay_whole(tmp_path):
    row = dict.fromkeys(LOCATIONS.columns) | GRADE | {"confidence": 0.0, "found_by": "prior", "fold": 1}
    row.pop("severity")
    other = row | {"study_id": 8, "series_id": 4290000001, "slice_index": 3, "x_px": 1.5}
    LOCATIONS.write(LOCATIONS.frame([row, other]), tmp_path / "l.csv")
    back = LOCATIONS.read(tmp_path / "l.csv")
    assert back.series_id.isna().tolist() == [True, False]
    assert back.series_id[1] == 4290000001
    assert back.x_mm.isna().all()


def test_every_fault_at_once():
    frame = pd.DataFrame([GRADE | {"study_id": "1.5"}, GRADE | {"condition": "canl", "level": None}])
    with pytest.raises(TableError) as caught:
        GRADES.check(frame, "here.csv")
    text = str(caught.value)
    assert "3 faults" in text
    assert "study_id: 1 values are not finite int64 numbers: '1.5'" in text
    assert "condition: 1 values not among canal, foraminal, subarticular: 'canl'" in text
    assert "level: 1 values are missing (first at row 2)" in text
    assert "here.csv" in text


def test_a_bad_cell_hides_no_other_and_no_shared_key():
    frame = pd.DataFrame({"study_id": ["1", "x", "1", "2.5", None], "fold": ["0", "1", "2", "inf", "1e30"]})
    with pytest.raises(TableError) as caught:
        FOLDS.check(frame)
    assert caught.value.got.split("\n          ") == [
        "study_id: 2 values are not finite int64 numbers: 'x', '2.5'",
        "study_id: 1 values are missing (first at row 5)",
        "fold: 2 values are not finite int64 numbers: 'inf', '1e30'",
        "2 rows share their key (study_id): 1",
    ]
    cells, faults = FOLDS.examine(frame)
    assert len(faults) == 4
    assert cells.study_id.dropna().tolist() == [1, 1]
    assert cells.fold.dropna().tolist() == [0, 1, 2]


def test_keys_are_unique():
    with pytest.raises(TableError, match="2 rows share their key"):
        FOLDS.frame([{"study_id": 1, "fold": 0}, {"study_id": 1, "fold": 1}])


def test_columns_are_all_and_only_the_declared():
    with pytest.raises(TableError, match=r"columns missing: plane(.|\n)*columns unknown: series_description"):
        SERIES.check(pd.DataFrame({"study_id": [1], "series_id": [2], "series_description": ["Axial T2"]}))


def test_nothing_is_written_from_a_table_with_faults(tmp_path):
    with pytest.raises(TableError):
        FOLDS.write(pd.DataFrame({"study_id": [1], "fold": ["x"]}), tmp_path / "folds.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("data", "problem"), [
    ("study_id,fold\n1001,0\n".encode("utf-16"), r"NUL bytes \(utf-16\?\)"),
    (b"study_id,fold\n10\x0001,0\n", "NUL bytes"),
    (b"study_id,fold\n1001,\xe9\n", "can't decode byte 0xe9"),
    (b"study_id,fold\n7,1001,0\n7,1002,1\n", "rows have more cells than its header has names"),
    (b"study_id,fold\n1001,0\n1002,1,2\n", "Expected 2 fields in line 3, saw 3"),
    (b"study_id,fold" + b",x" * 100_000, "100002 columns"),
    (b"study_id,fold\n1001," + b"9" * 3_000_000, "a cell of 3000000 characters"),
    (b"study_id,fold\n1001,\"0\n1002,1\n", "EOF inside string"),
    (b"\n\n", "No columns to parse"),
])
def test_what_is_no_csv_of_ours(tmp_path, data, problem):
    (tmp_path / "folds.csv").write_bytes(data)
    with pytest.raises(TableError, match=problem) as caught:
        FOLDS.read(tmp_path / "folds.csv")
    assert len(str(caught.value)) < 1000


def test_what_could_be_read_without_an_end_is_no_csv(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    for name in ("pipe.csv", "zero.csv"):
        with pytest.raises(TableError, match="no file, but a pipe or a device"):
            FOLDS.read(tmp_path / name)


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfstudy_id,fold\n1001,0\n", b"study_id,fold\r1001,0\r",
                                  b"study_id,fold\r\n\r\n1001,0", b'"study_id","fold"\n"1001","0"\n'])
def test_marks_line_ends_and_quotes_do_not_matter(tmp_path, data):
    (tmp_path / "folds.csv").write_bytes(data)
    assert FOLDS.read(tmp_path / "folds.csv").to_numpy().tolist() == [[1001, 0]]
