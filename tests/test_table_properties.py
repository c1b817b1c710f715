"""Every declared table comes back from its file as it was; row ids and submissions keep what they are given."""

import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lsdc.tables
from lsdc.submit.writer import check_submission, write_submission
from lsdc.tables import SUBMISSION, Column, Table, for_spreadsheets, read_csv, write_csv
from lsdc.taxonomy import TARGETS, parse_row_id, row_id

TABLES = {table.name: table for table in vars(lsdc.tables).values() if isinstance(table, Table)}
# a csv cannot tell an empty text from none
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=12)
WHOLE = st.integers(-(2**53), 2**53)
quick = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def cells(column: Column) -> st.SearchStrategy:
    values = st.sampled_from(column.closed) if column.closed else {
        "string": TEXTS, "float64": st.floats(allow_nan=False, allow_infinity=False)}.get(column.dtype, WHOLE)
    return values | st.none() if column.missing else values


@st.composite
def frames(draw, table: Table) -> pd.DataFrame:
    row = st.fixed_dictionaries({name: cells(column) for name, column in table.columns.items()})
    return table.frame(draw(st.lists(row, max_size=5, unique_by=lambda one: tuple(one[name] for name in table.key))))


@pytest.mark.parametrize("name", sorted(TABLES))
@quick
@given(st.data())
def test_what_is_written_is_read(name, data):
    frame = data.draw(frames(TABLES[name]))
    with tempfile.TemporaryDirectory() as folder:
        TABLES[name].write(frame, Path(folder) / "table.csv")
        back = TABLES[name].read(Path(folder) / "table.csv")
        TABLES[name].write(back, Path(folder) / "again.csv")
        assert (Path(folder) / "again.csv").read_bytes() == (Path(folder) / "table.csv").read_bytes()
    words = [column for column, declared in TABLES[name].columns.items() if declared.words]
    wanted = TABLES[name].check(frame.assign(**for_spreadsheets(frame[words])))
    pd.testing.assert_frame_equal(back, wanted, check_exact=True)


@quick
@given(st.lists(TEXTS | st.none(), min_size=1), st.floats(allow_nan=False, allow_infinity=False))
def test_any_text_and_number_comes_back(texts, number):
    frame = pd.DataFrame({"a": pd.Series(texts, dtype="string"), "b": number})
    with tempfile.TemporaryDirectory() as folder:
        write_csv(frame, Path(folder) / "table.csv")
        back = read_csv(Path(folder) / "table.csv")
    assert back["a"].fillna("").tolist() == frame["a"].fillna("").tolist()
    assert back["b"].astype(float).tolist() == [number] * len(frame)


@given(st.integers(0, 10**30), st.sampled_from(TARGETS))
def test_row_ids_both_ways(study, target):
    assert parse_row_id(row_id(study, target)) == (study, target)


@given(st.text(st.sampled_from("0179٧１² +-_"), max_size=4), st.sampled_from(TARGETS))
def test_a_row_id_is_written_in_one_way(study, target):
    try:
        parsed = parse_row_id(text := f"{study}_{target.column}")
    except ValueError:
        return
    assert row_id(*parsed) == text


@quick
@given(st.lists(st.sampled_from(range(50)), min_size=1, max_size=8, unique=True), st.randoms(use_true_random=False))
def test_a_submission_has_the_samples_order_whatever_the_predictions(places, random):
    sample = [row_id(1000 + place // 25, TARGETS[place % 25]) for place in places]
    rows = [{"row_id": row, "normal_mild": 0.5, "moderate": 0.5 - place / 200, "severe": place / 200}
            for row, place in zip(sample, places, strict=True)]
    wanted = SUBMISSION.frame(rows)
    random.shuffle(rows)
    with tempfile.TemporaryDirectory() as folder:
        write_submission(pd.DataFrame(rows), sample, Path(folder) / "submission.csv")
        check_submission(Path(folder) / "submission.csv", sample)
        pd.testing.assert_frame_equal(SUBMISSION.read(Path(folder) / "submission.csv"), wanted)
