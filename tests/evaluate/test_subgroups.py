"""Totals of groups of studies, against the scorer on those studies alone."""

import pytest

from lsdc.evaluate import compare, score
from lsdc.evaluate.graded import graded
from lsdc.evaluate.probabilities import probabilities
from lsdc.evaluate.subgroups import subgroup_figures


@pytest.fixture
def made(make_grades, make_predictions):
    grades = make_grades(12)
    model, priors = make_predictions(grades, 1), make_predictions(grades, 2)
    rows = graded(grades)
    values = [probabilities(table, rows.row_ids) for table in (model, priors)]
    return grades, model, priors, rows, values


def part(frame, studies, key="study_id"):
    ids = frame[key] if key in frame else frame["row_id"].str.split("_").str[0].astype(int)
    return frame[ids.isin(studies)]


def test_a_group_scores_as_its_studies_alone_do(made, settings):
    grades, model, priors, rows, values = made
    studies = grades["study_id"].unique().tolist()
    groups = {study: "many" if number < 7 else "few" for number, study in enumerate(studies[:11])}  # one in no group
    found = subgroup_figures(rows, *values, groups, settings)
    assert [(one["name"], one["studies"]) for one in found] == [("many", 7), ("few", 4)]
    for one, mine in zip(found, (studies[:7], studies[7:11]), strict=True):
        own, theirs = (part(table, mine) for table in (model, priors))
        labels = part(grades, mine)
        assert one["rows"] == labels["severity"].notna().sum()
        assert one["model"] == pytest.approx(score(labels, own).total)
        assert one["priors"] == pytest.approx(score(labels, theirs).total)
        gap = compare(labels, own, theirs, settings)
        assert one["minus_priors"]["value"] == pytest.approx(gap.value)
        assert one["minus_priors"]["interval"] == pytest.approx([gap.interval.low, gap.interval.high])
        assert one["interval"][0] < one["model"] < one["interval"][1]


def test_one_study_has_no_interval_and_a_missing_term_says_so(made, settings):
    grades, *_, rows, values = made
    study = int(grades["study_id"].iloc[0])
    (one,) = subgroup_figures(rows, *values, {study: "alone"}, settings)
    assert one["interval"] == [None, None]
    assert one["minus_priors"]["inside_noise"] is None
    assert one["model"] is not None
    without = grades[grades["study_id"] == study].assign(
        severity=lambda frame: frame["severity"].where(frame["condition"] != "canal"))
    rows = graded(without)
    (one,) = subgroup_figures(rows, *(table[: len(without)] for table in values), {study: "no canal"}, settings)
    assert (one["model"], one["why"]) == (None, "no labelled row for canal, any-severe")
