"""Statistics of 2,000 studies of labels against the competition's, and the floor by the metric."""

import numpy as np
import pytest

from lsdc.bench.labels import CORRELATIONS, bench_labels, floor_total, label_statistics
from lsdc.files import read_json

MANY = 20_000  # enough for chance to move no figure further than is allowed


@pytest.fixture(scope="module")
def few():
    return label_statistics(11, 2000)


@pytest.fixture(scope="module")
def many():
    return label_statistics(12, MANY)


def test_all_figures_are_there(few):
    assert few["figure"].value_counts().to_dict() == {
        "rate": 45, "correlation": len(CORRELATIONS), "any severe canal": 1, "floor total": 1}
    assert few["got"].notna().all()
    assert dict(few.groupby("figure")["within"].max()) == {
        "rate": 0.01, "correlation": 0.08, "any severe canal": 0.03, "floor total": 0.01}


def test_two_thousand_studies_are_as_the_competition_but_for_chance(few):
    off = (few["got"] - few["wanted"]).abs()
    rates = few["figure"] == "rate"
    sampling = np.sqrt(few["wanted"] * (1 - few["wanted"]) / 2000)
    assert few[rates & (off > few["within"] + 3 * sampling)].empty
    assert few[(few["figure"] == "correlation") & (off > few["within"])].empty
    assert few[~rates & (off > few["within"] + 2 * few["chance"])].empty


def test_many_studies_are_as_the_competition(many):
    off = (many["got"] - many["wanted"]).abs()
    assert many[off > many["within"]].empty, many[off > many["within"]]


def test_chance_is_told_as_it_is(few, many):
    rate = few.iloc[9]  # canal L4/L5 normal, one row for each study
    assert rate["of"] == "canal L4/L5 normal_mild"
    assert rate["chance"] == pytest.approx(np.sqrt(0.751 * 0.249 / 2000), rel=0.6)  # told by ten parts
    assert many["chance"].mean() == pytest.approx(few["chance"].mean() / np.sqrt(MANY / 2000), rel=0.25)


def test_the_floor_of_one_study_by_hand():
    severity = np.zeros((1, 25), int)
    probabilities = np.tile([0.8, 0.1, 0.1], (1, 25, 1))  # weighted: .8, .2, .4 of 1.4
    rows, any_severe = -np.log(0.8 / 1.4), -np.log(1 - 0.4 / 1.4)
    assert floor_total(severity, probabilities) == pytest.approx((3 * rows + any_severe) / 4)


def test_text_marks_what_is_off_and_figures_are_saved(cache, monkeypatch):
    monkeypatch.setattr("lsdc.bench.labels.ANY_SEVERE_CANAL", 0.4)
    text = bench_labels(11, studies=200)
    marked = [line for line in text.splitlines() if line.rstrip().endswith("OFF")]
    assert [line.split()[:3] for line in marked] == [["any", "severe", "canal"]]
    saved = read_json(cache / "bench" / "labels.json")
    assert saved["studies"] == 200
    assert len(saved["figures"]) == 45 + len(CORRELATIONS) + 2
    assert saved["environment"]["cores"] >= 1
