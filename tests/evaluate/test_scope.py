import numpy as np
import pytest

from lsdc.evaluate.comparison import exact_terms, why_of
from lsdc.evaluate.graded import graded
from lsdc.evaluate.metric import TERMS, score
from lsdc.evaluate.probabilities import probabilities
from lsdc.evaluate.scope import scope_of


@pytest.fixture
def case(make_grades, make_predictions):
    grades = make_grades(8)
    rows, predictions = graded(grades), make_predictions(grades)
    return grades, rows, predictions, probabilities(predictions, rows.row_ids)


def test_all_rows_answered_is_the_metric(case):
    grades, rows, predictions, values = case
    scope = scope_of(grades, rows, np.ones(len(grades), bool))
    ours = score(grades, predictions)
    assert exact_terms(scope, values).tolist() == [getattr(ours, name) for name in (*TERMS, "total")]
    assert scope.whole.all()
    assert [why_of(scope, number) for number in range(5)] == [""] * 5


def test_one_condition(case):
    """The canal alone gives its term and any-severe; the others say that they are not answered."""
    grades, rows, predictions, values = case
    scope = scope_of(grades, rows, (grades["condition"] == "canal").to_numpy(bool))
    found, ours = exact_terms(scope, values), score(grades, predictions)
    assert found[0] == pytest.approx(ours.canal)
    assert found[3] == pytest.approx(ours.any_severe)
    assert np.isnan(found[[1, 2, 4]]).all()
    assert scope.whole.tolist() == [True, False, False, True]
    assert why_of(scope, 1) == f"none of {scope.wanted[1]} labelled rows answered"
    assert why_of(scope, 4).startswith("foraminal: none of ")


def test_some_levels_leave_no_any_severe(case):
    grades, rows, _, values = case
    scope = scope_of(grades, rows, grades["level"].isin(["l4_l5", "l5_s1"]).to_numpy(bool))
    part = grades.assign(severity=grades["severity"].where(grades["level"].isin(["l4_l5", "l5_s1"])))
    wanted = score(part, _table(rows, values))
    found = exact_terms(scope, values)
    assert found[:3] == pytest.approx([wanted.canal, wanted.foraminal, wanted.subarticular])
    assert scope.why(0) == f"only {scope.scored[0]} of {scope.wanted[0]} labelled rows answered"
    assert np.isnan(found[4])


def test_a_study_that_lacks_a_canal_row_says_nothing_of_any_severe(case):
    grades, rows, _, values = case
    labelled = np.flatnonzero(rows.labelled)
    lost = labelled[rows.target == 2][0]  # a canal row
    answered = np.ones(len(grades), bool)
    answered[lost] = False
    scope = scope_of(grades, rows, answered)
    study = grades["study_id"][lost]
    canal = (grades["condition"] == "canal") & (grades["study_id"] == study)
    wanted = score(grades.assign(severity=grades["severity"].mask(canal)), _table(rows, values))
    assert exact_terms(scope, values)[3] == pytest.approx(wanted.any_severe)
    assert scope.why(3) == "only 7 of 8 studies with all their labelled canal rows answered"
    assert np.isnan(exact_terms(scope, values)[4])


def test_unlabelled_rows_may_be_missing_and_studies_may_be_outside(case):
    grades, rows, predictions, values = case
    scope = scope_of(grades, rows, rows.labelled)
    assert exact_terms(scope, values)[4] == pytest.approx(score(grades, predictions).total)
    some = grades["study_id"].isin(grades["study_id"].unique()[:3]).to_numpy(bool)
    scope = scope_of(grades, rows, some)
    wanted = score(grades[some], predictions[predictions["row_id"].isin(rows.row_ids[some])])
    assert exact_terms(scope, values)[4] == pytest.approx(wanted.total)
    assert len(scope.rows.studies) == 3
    assert scope_of(grades, rows, ~rows.labelled) is None


def _table(rows, values):
    import pandas as pd

    return pd.DataFrame(values, columns=["normal_mild", "moderate", "severe"]).assign(row_id=rows.row_ids)
