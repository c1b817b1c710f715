import numpy as np
import pandas as pd
import pytest

from lsdc.errors import TableError
from lsdc.evaluate.prediction_files import named_files, read_answers
from lsdc.evaluate.row_order import RowOrder

IDS = pd.Index([f"{study}_spinal_canal_stenosis_l{k}_l{k + 1}" for study in (1, 2) for k in range(1, 5)], name="row_id")


@pytest.fixture
def write(tmp_path):
    def make(name: str, rows: dict, **columns):
        frame = pd.DataFrame(list(rows.values()), columns=["normal_mild", "moderate", "severe"])
        frame.insert(0, "row_id", list(rows))
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        frame.assign(**columns).to_csv(path, index=False)
        return path

    return make


def good(*places) -> dict:
    return {IDS[place]: [0.5, 0.3, 0.2] for place in places}


def read(*words, **options):
    return read_answers(named_files(list(map(str, words))), RowOrder(IDS), **options)


def test_one_model_a_word_and_files_of_a_model_joined(write):
    a, b, c = write("a.csv", good(0, 1)), write("b.csv", good(2), fold=3), write("c.csv", good(4, 5))
    alone, other = read(a, c)
    assert (alone.name, other.name) == ("a", "c")
    assert np.flatnonzero(other.answered).tolist() == [4, 5]
    for words in ((f"mine={a},{b}",), (f"mine={a}", f"mine={b}")):
        (joined,) = read(*words)
        assert (joined.name, joined.files) == ("mine", (a, b))
        assert np.flatnonzero(joined.answered).tolist() == [0, 1, 2]
        assert joined.fold[2] == 3
        assert np.isnan(joined.fold[[0, 1, 3]]).all()
    assert read(f"{a},{b}")[0].name == "a"


def test_folders_stand_for_what_is_in_them(write, tmp_path):
    write("first/submission.csv", good(0))
    write("first/other.csv", good(1))
    write("run/fold0/predictions.csv", good(0))
    write("run/fold1/predictions.csv", good(4))
    write("some/x.csv", good(0))
    write("some/y.csv", good(1))
    found = read(tmp_path / "first", tmp_path / "run", tmp_path / "some")
    assert [one.name for one in found] == ["first", "run", "some"]
    assert [one.answered.sum() for one in found] == [1, 2, 2]
    assert list(named_files([str(tmp_path / "first" / "submission.csv")])) == ["first"]


def test_a_name_that_exists_as_it_stands_is_a_path(write, tmp_path):
    odd = write("x=1,2.csv", good(0))
    assert named_files([str(odd)]) == {"x=1,2": (odd,)}


@pytest.mark.parametrize(("words", "match"), [
    (("{a}", "{a}"), "two models of one name(.|\n)*NAME=FILE"), (("mine=",), "a model without a file"),
    (("{empty}",), "a folder without predictions(.|\n)*no csv file(.|\n)*empty"),
])
def test_words_that_cannot_be_used(write, tmp_path, words, match):
    a = write("a.csv", good(0))
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableError, match=match):
        named_files([word.format(a=a, empty=tmp_path / "empty") for word in words])


def test_every_fault_of_every_file_is_told_at_once(write, tmp_path):
    rows = good(0, 1) | {IDS[2]: [0.5, np.nan, 0.5], IDS[3]: [1.2, -0.2, 0], "9_spinal_canal_stenosis_l1_l2": [1, 0, 0],
                         "1.2.826_epidural": [1, 0, 0], "1_left_subarticular_stenosis_l1_l2": [1, 0, 0]}
    bad, sums = write("bad.csv", rows), write("sums.csv", good(5) | {IDS[4]: [2, 1, 1]})
    twice = pd.read_csv(write("twice.csv", good(6)))
    pd.concat([twice, twice]).to_csv(tmp_path / "twice.csv", index=False)
    again = write("again.csv", good(0, 7))
    (tmp_path / "wrong.csv").write_text("study,score\n1,2\n")
    (tmp_path / "empty.csv").write_text("row_id,normal_mild,moderate,severe\n")
    with pytest.raises(TableError) as caught:
        read(f"one={bad},{again}", sums, tmp_path / "twice.csv", tmp_path / "wrong.csv", tmp_path / "none.csv",
             tmp_path / "empty.csv")
    text = str(caught.value)
    for fault in (
        "bad.csv: 1 row_ids are not <study_id>_<condition>_<level> of this competition: 1.2.826_epidural",
        "bad.csv: 1 studies are unknown to the truth: 9",
        "bad.csv: 1 rows are unknown: 1_left_subarticular_stenosis_l1_l2",
        f"bad.csv: 1 rows hold values that are no finite numbers: {IDS[2]}",
        f"bad.csv: 1 rows hold negative values: {IDS[3]}",
        f"one: 1 rows are answered by several of its files: {IDS[0]} in",
        f"sums.csv: 1 rows do not sum to 1 within 1e-6: {IDS[4]} (4)",
        f"twice.csv: 1 row_ids are duplicated: {IDS[6]}",
        "wrong.csv: columns missing: row_id, normal_mild, moderate, severe (it has: study, score)",
        "none.csv: a csv file is missing", "empty.csv: no rows", "(11 faults)",
        "--normalise divides rows by their sums",
    ):
        assert fault in text, fault


def test_sums_are_corrected_only_when_asked_for(write):
    path = write("a.csv", good(0, 1) | {IDS[2]: [2, 1, 1]})
    with pytest.raises(TableError, match="do not sum to 1"):
        read(path)
    (found,) = read(path, normalise=True)
    assert found.values[2].tolist() == [0.5, 0.25, 0.25]
    assert found.normalised == 1
    with pytest.raises(TableError, match=r"1 rows have no sum to divide by: 1_spinal_canal_stenosis_l1_l2 \(inf\)"):
        read(write("huge.csv", {IDS[0]: [1e308] * 3}), normalise=True)
    for rows, match in (({IDS[0]: [0, 0, 0]}, "no sum to divide by"), ({IDS[0]: [2, -1, 0]}, "negative"),
                        ({IDS[0]: [2, np.nan, 0]}, "no finite numbers")):
        with pytest.raises(TableError, match=match):
            read(write("b.csv", rows), normalise=True)


def test_missing_rows_are_a_fault_when_all_were_asked_for(write):
    path = write("a.csv", good(*range(7)))
    assert read(path)[0].answered.sum() == 7
    with pytest.raises(TableError, match=f"a: 1 rows are missing: {IDS[7]}"):
        read(path, complete=True)
    assert read(f"m={path},{write('b.csv', good(7))}", complete=True)[0].answered.all()
