import pytest

from lsdc.errors import DataError
from lsdc.report import read_runs, rows_of, text_of_runs, warnings_of
from tests.report.runs import write_run


def rows(root, *names):
    return rows_of(read_runs(root, names))


def test_a_row_holds_what_is_on_the_disk(tmp_path):
    write_run(tmp_path, "one")
    assert rows(tmp_path) == [{
        "run": "one", "state": "scored", "notes": [], "set": "A", "config": "smoke + 1 set",
        "data": {"name": "phantom-9-2-seed1", "folder": "/somewhere/phantom-9-2-seed1/competition",
                 "fingerprint": "f" * 64},
        "folds": {"located": [0, 1], "finished": [0, 1], "of": 3}, "studies": 4,
        "score": {"total": 0.5, "interval": [0.4, 0.6], "level": 0.95, "folds": [0, 1], "priors": 0.8, "floor": 0.4,
                  "inside_noise": False, "share_of_way": {"value": pytest.approx(0.75), "interval": [0.1, 0.9]},
                  "linear_kappa": pytest.approx({"canal": 0.7, "foraminal": 0.6, "subarticular": 0.5})},
        "seconds": {"detector": 480, "classifier": 240, "training": 720}, "peak_memory_gb": 1.6,
        "network": "test_resnet", "commits": ["aaaabbbbcccc", "ddddeeeeffff"], "begun": "2024-10-08T07:06:05+00:00",
    }]


def test_the_text_is_a_line_for_each_run(tmp_path):
    write_run(tmp_path, "one")
    write_run(tmp_path, "real", floor=None, fingerprint="r" * 64)
    write_run(tmp_path, "new", evaluated=False)
    told = rows(tmp_path)
    text = text_of_runs(told, warnings_of(told))
    line = next(line for line in text.splitlines() if line.startswith("one "))
    assert " ".join(line.split()) == (
        "one A 4 2/2/3 0.5000 0.4000 to 0.6000 0.8000 0.4000 75.0 % 10.0 % to 90.0 % 0.70 0.60 0.50 smoke + 1 set "
        "test_resnet phantom-9-2-seed1 12.0 (8.0 + 4.0) 1.6 aaaabbbbcccc + 1 2024-10-08")
    real = next(line for line in text.splitlines() if line.startswith("real "))
    assert "0.8000" in real
    assert real.split()[9:12] == ["-", "-", "-"]  # floor, way, interval
    assert "not evaluated" in next(line for line in text.splitlines() if line.startswith("new "))
    assert "new: not evaluated: make evaluate" in text
    assert "95 %" in text


def test_a_narrow_terminal_gets_two_tables(tmp_path):
    write_run(tmp_path, "one")
    text = text_of_runs(rows(tmp_path), [], width=130)
    assert max(map(len, text.splitlines())) <= 130
    assert len([line for line in text.splitlines() if line.startswith("one ")]) == 2
    assert text_of_runs(rows(tmp_path), [], width=500) == text_of_runs(rows(tmp_path), [])


def test_runs_on_the_same_studies_stand_together_best_first(tmp_path):
    write_run(tmp_path, "a", total=0.6)
    write_run(tmp_path, "b", total=0.5)
    write_run(tmp_path, "c", finished=(0,), total=0.3)
    write_run(tmp_path, "d", fingerprint="e" * 64)
    write_run(tmp_path, "e", evaluated=False)
    told = rows(tmp_path)
    assert [(row["run"], row["set"]) for row in told] == [("b", "A"), ("a", "A"), ("d", "B"), ("c", "C"), ("e", None)]
    (warning,) = warnings_of(told)
    assert "3 different sets of studies" in warning
    assert "C: 2 studies of phantom-9-2-seed1, fold 0" in warning
    assert "Warning: These scores" in text_of_runs(told, [warning])
    assert warnings_of(rows(tmp_path, "a", "b", "e")) == []


def test_intervals_of_different_levels_are_told(tmp_path):
    write_run(tmp_path, "a")
    told = rows(tmp_path)
    other = told[0] | {"score": told[0]["score"] | {"level": 0.5}}
    assert "not all of one level" in warnings_of([told[0], other])[0]


def test_a_difference_inside_the_noise_is_told(tmp_path):
    write_run(tmp_path, "a", inside_noise=True)
    assert "a: its difference from the priors is inside the noise" in text_of_runs(rows(tmp_path), [])


def test_only_folders_with_plain_names_are_runs(tmp_path):
    write_run(tmp_path, "one")
    (tmp_path / ".two.aside").mkdir()
    (tmp_path / "notes.txt").touch()
    assert [row["run"] for row in rows(tmp_path)] == ["one"]
    assert rows(tmp_path / "nowhere") == []
    with pytest.raises(DataError, match=r"no run of this name(.|\n)*wanted: two(.|\n)*got:    one"):
        rows(tmp_path, "one", "two")


def test_a_run_of_an_older_version_has_dashes(tmp_path):
    run = write_run(tmp_path, "one")
    run.environment.write_text('{"data": {"folder": "/x/rsna-2024", "fingerprint": "1"}}')
    (row,) = rows(tmp_path)
    assert (row["config"], row["begun"], row["data"]["name"], row["state"]) == (None, None, "phantom rsna-2024",
                                                                               "scored")
    assert row["commits"] == ["ddddeeeeffff"]
