import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from lsdc.evaluate.calibration import BINS, View, calibration_figures, ece, reliability_sums
from lsdc.evaluate.calibration_text import calibration_text, reliability_text
from lsdc.evaluate.graded import graded
from lsdc.evaluate.plain import plain
from tests.evaluate.phantoms import normal, phantom_grades, weighted


@pytest.fixture(scope="module")
def case():
    grades, truth = phantom_grades(200)
    return graded(grades), truth


def views(rows, values, settings):
    return plain(calibration_figures(rows, values, settings))[0]["views"]


def test_curve_equals_scikit_learn(case, settings):
    rows, truth = case
    grade = views(rows, truth, settings)["as_they_stand"]["grades"][2]
    observed, predicted = calibration_curve(rows.severity == 2, truth[:, 2], n_bins=BINS)
    assert [one["observed"] for one in grade["bins"]] == pytest.approx(observed)
    assert [one["predicted"] for one in grade["bins"]] == pytest.approx(predicted)
    assert grade["observed"] == pytest.approx((rows.severity == 2).mean())


def test_ece_by_hand():
    """One grade in two bins: 4 rows at .5 of which 3 are it, 6 at 0 of which none; the others say .0 and have none."""
    sums = np.zeros((3, BINS, 3))
    sums[0, 5], sums[0, 0] = (4, 2, 3), (6, 0, 0)
    sums[1:, 0, 0] = 10
    assert ece(sums) == pytest.approx((1 / 10) / 3)
    assert np.isnan(ece(np.zeros((3, BINS, 3))))


def test_weights_count_rows_by_their_label(case):
    rows, truth = case
    sums = reliability_sums(rows, weighted(truth), View.WEIGHTED).sum(axis=(0, 3))  # (3, 3, 3)
    assert sums[..., 0].sum(axis=0) == pytest.approx([rows.weight.sum()] * 3)
    assert sums[:, 2, 2].sum() == 4 * (rows.severity == 2).sum()


def test_true_probabilities_are_calibrated_in_the_views_of_the_weights(case, settings):
    rows, truth = case
    found = views(rows, weighted(truth), settings)
    assert {view: one["beyond_chance"] for view, one in found.items()} == {
        "weighted": False, "plain": False, "as_they_stand": True}
    found = views(rows, truth, settings)
    assert {view: one["beyond_chance"] for view, one in found.items()} == {
        "weighted": True, "plain": True, "as_they_stand": False}


@pytest.mark.parametrize("power", [0.6, 2.0])
def test_planted_miscalibration_is_found(case, settings, power):
    """Too flat and too sharp: a temperature on the true probabilities."""
    rows, truth = case
    found = views(rows, normal(weighted(truth) ** power), settings)
    for view in ("weighted", "plain"):
        one = found[view]
        assert one["beyond_chance"]
        assert one["ece"]["interval"][0] > one["by_chance"]["limit"]


def test_chance_limit_is_kept_by_calibrated_predictions(settings):
    """Of calibrated predictions about 5 % are beyond the limit."""
    beyond = 0
    for seed in range(40):
        grades, truth = phantom_grades(12, seed=seed)
        found = calibration_figures(graded(grades), weighted(truth), settings.model_copy(update={"bootstrap": 2}))
        beyond += found[0]["views"]["plain"]["beyond_chance"]
    assert beyond <= 7  # binomial around 2 of 40


def test_text(case, settings):
    rows, truth = case
    figures = plain(calibration_figures(rows, weighted(truth), settings))
    assert [one["condition"] for one in figures] == ["all", "canal", "foraminal", "subarticular"]
    text = calibration_text(figures) + reliability_text(figures)
    assert "as they stand, rates counted with weights" in text
    assert "0.9 to 1.0" in text
    assert "nan" not in text
