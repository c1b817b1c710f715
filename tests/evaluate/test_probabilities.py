import numpy as np
import pandas as pd
import pytest

from lsdc.errors import TableError
from lsdc.evaluate.probabilities import probabilities

WANTED = pd.Index([f"1_row{number}" for number in range(6)], name="row_id")


def table(**rows) -> pd.DataFrame:
    """Six rows of .5 .3 .2, those named replaced; None drops one."""
    values = {name: [0.5, 0.3, 0.2] for name in WANTED} | {f"1_{name}": value for name, value in rows.items()}
    kept = {name: value for name, value in values.items() if value is not None}
    frame = pd.DataFrame(kept.values(), columns=["normal_mild", "moderate", "severe"])
    frame.insert(0, "row_id", kept.keys())
    return frame


def test_values_come_in_the_order_that_was_asked():
    values = probabilities(table(row2=[0, 0, 1]).iloc[::-1], WANTED)
    np.testing.assert_array_equal(values[2], [0, 0, 1])
    np.testing.assert_array_equal(values[[0, 5]], [[0.5, 0.3, 0.2]] * 2)


def test_every_fault_is_told_at_once():
    frame = table(row0=None, row1=[0.5, 0.3, np.nan], row2=[1.2, -0.2, 0], row3=[1, 0.6, 0.4], else_=[0.5, 0.3, 0.2])
    frame = pd.concat([frame, frame[frame["row_id"] == "1_row4"]])
    with pytest.raises(TableError) as caught:
        probabilities(frame, WANTED, where="a.csv")
    for fault in ("(6 faults)", "1 rows are missing: 1_row0", "1 rows are unknown: 1_else_",
                  "1 row_ids are duplicated: 1_row4", "1 rows hold values that are no finite numbers: 1_row1",
                  "1 rows hold negative values: 1_row2", "1 rows do not sum to 1 within 1e-6: 1_row3 (2)", "a.csv"):
        assert fault in str(caught.value)


@pytest.mark.parametrize(("value", "match"), [
    ([0.5, 0.3, np.inf], "no finite numbers"), ([0.5, 0.3, "x"], "no finite numbers"),
    ([0.5, 0.3, 0.20001], r"sum to 1 within 1e-6: 1_row3 \(1.00001\)"), ([0.5, 0.7, -0.2], "negative"),
])
def test_each_fault_alone(value, match):
    with pytest.raises(TableError, match=match):
        probabilities(table(row3=value), WANTED)


def test_a_sum_within_the_tolerance_passes_unchanged():
    values = probabilities(table(row3=[0.5, 0.3, 0.2000005]), WANTED)
    assert values[3, 2] == 0.2000005


def test_many_missing_rows_are_counted_and_some_shown():
    with pytest.raises(TableError, match=r"5 rows are missing: 1_row1, 1_row2, 1_row3 \.\.\."):
        probabilities(table(row1=None, row2=None, row3=None, row4=None, row5=None), WANTED)


def test_columns_missing():
    with pytest.raises(TableError, match=r"columns missing: severe \(it has: row_id, normal_mild, moderate\)"):
        probabilities(table().drop(columns="severe"), WANTED)


@pytest.mark.parametrize("kind", ["str", "string", object])
@pytest.mark.parametrize("wanted", [WANTED, WANTED.astype(object)])
def test_row_ids_of_every_kind_are_joined_alike(kind, wanted):
    frame = table(row2=[0, 0, 1]).astype({"row_id": kind})
    for rows in (frame, frame[::-1]):
        kept = rows.copy()
        values = probabilities(rows, wanted)
        np.testing.assert_array_equal(values, np.where(np.arange(6)[:, None] == 2, [0, 0, 1], [0.5, 0.3, 0.2]))
        values[:] = 0  # is nobody else's
        pd.testing.assert_frame_equal(rows, kept)
    frame.loc[4, "row_id"] = None
    with pytest.raises(TableError, match=r"1 rows are missing: 1_row4\s+1 rows are unknown: \(empty\)"):
        probabilities(frame, wanted)
