import numpy as np
import pytest

from lsdc.evaluate.calibration_text import weights_text
from lsdc.evaluate.graded import graded
from lsdc.evaluate.metric import score
from lsdc.evaluate.metric_weights import EXPONENTS, best_exponent, log_likelihoods, reweighted, weight_figures
from lsdc.evaluate.plain import plain
from tests.evaluate.phantoms import normal, phantom_grades, submission, weighted


@pytest.fixture(scope="module")
def case():
    grades, truth = phantom_grades(150)
    return grades, graded(grades), truth


@pytest.mark.parametrize(("power", "verdict"), [(0, "missing"), (1, "carried"), (2, "twice")])
def test_planted_weights_are_found(case, settings, power, verdict):
    _, rows, truth = case
    figures = plain(weight_figures(rows, weighted(truth, power), settings))
    assert [one["condition"] for one in figures] == ["all", "canal", "foraminal", "subarticular"]
    assert figures[0]["verdict"] == verdict
    low, high = figures[0]["exponent"]["interval"]
    assert low < power < high
    assert high - low < 0.4
    for gain in figures[0]["gains"]:
        assert gain["interval"][1] < 0


@pytest.mark.parametrize("power", [0, 1])
def test_a_flat_or_sharp_model_is_judged_right_too(case, settings, power):
    _, rows, truth = case
    for temperature in (0.7, 1.4):
        values = weighted(normal(truth**temperature), power)
        assert weight_figures(rows, values, settings)[0]["verdict"] == ("missing", "carried")[power]


def test_likelihood_by_hand():
    """q = w p with p = .5 .25 .25: at b = 1 the label's probability is p, at b = 0 it is q."""
    values = weighted(np.array([[0.5, 0.25, 0.25]]))
    found = log_likelihoods(values, np.array([2]))[0]
    assert found[EXPONENTS == 1] == pytest.approx(np.log(0.25))
    assert found[EXPONENTS == 0] == pytest.approx(np.log(4 * 0.25 / 2))
    assert best_exponent(-((EXPONENTS - 0.83) ** 2)) == pytest.approx(0.83)


def test_what_it_costs_is_told_and_nothing_is_changed(case, settings):
    grades, rows, truth = case
    found = reweighted(rows, truth, "missing")
    assert found["total"] == pytest.approx(score(grades, submission(grades, weighted(truth))).total)
    assert reweighted(rows, weighted(truth, 2), "twice")["total"] == pytest.approx(found["total"])
    assert reweighted(rows, truth, "carried") is None
    text = weights_text(plain(weight_figures(rows, truth, settings)), found)
    assert "Warning: the predictions do not carry the metric's weights" in text
    assert f"Multiplied by 1, 2, 4 and divided by their sums, they would score {found['total']:.4f}" in text


def test_what_cannot_be_told_is_said(settings):
    grades, truth = phantom_grades(3)
    rows = graded(grades)
    same = weight_figures(rows, np.full_like(truth, 1 / 3), settings)[0]
    assert (same["verdict"], same["why"]) == ("undecided", "the predictions say the same of every row")
    one = grades.assign(severity="moderate")
    assert weight_figures(graded(one), truth, settings)[0]["why"] == "one class only: every label is the same"
    few = weight_figures(graded(grades[grades["study_id"] == 1]), truth[:25], settings)
    assert all(found["why"] for found in few if found["verdict"] == "undecided")
    assert "nan" not in weights_text(plain(few))
    sure = np.eye(3)[rows.severity]  # probabilities of 0 and 1 are no error
    assert np.isfinite(log_likelihoods(sure, rows.severity)).all()
