import time

import numpy as np
import pytest

from lsdc.errors import TableError
from lsdc.evaluate.bootstrap import (
    Interval,
    compare,
    difference,
    interval,
    replicate_counts,
    replicate_quantiles,
    replicate_sums,
    score_replicates,
    share_of_way,
)
from lsdc.evaluate.graded import graded
from lsdc.evaluate.metric import StudySums, score, study_sums, terms_and_total
from lsdc.evaluate.probabilities import probabilities


def test_each_replicate_draws_as_many_studies_as_there_are(settings):
    sums = replicate_sums(np.ones((30, 1)), settings)
    assert sums.shape == (400, 1)
    assert (sums == 30).all()


def test_replicates_spread_like_the_standard_error(settings):
    values = np.arange(200.0)[:, None]
    means = replicate_sums(values, settings.model_copy(update={"bootstrap": 4000})) / 200
    assert means.mean() == pytest.approx(values.mean(), abs=0.3)
    assert means.std() == pytest.approx(values.std() / np.sqrt(200), rel=0.05)


def test_the_same_settings_draw_the_same_studies(settings):
    values = np.random.default_rng(0).normal(size=(20, 2))
    first = replicate_sums(values, settings)
    np.testing.assert_array_equal(first, replicate_sums(values, settings))
    np.testing.assert_allclose(first[:, 1], replicate_sums(values[:, 1:], settings)[:, 0])
    assert not np.array_equal(first, replicate_sums(values, settings.model_copy(update={"seed": 4})))


def test_a_replicate_is_the_score_of_the_drawn_studies(make_grades, make_predictions, settings):
    """Counts of one replicate, recovered by giving each study its own column, repeat the studies they count."""
    grades = make_grades(6)
    predictions = make_predictions(grades)
    rows = graded(grades)
    sums = study_sums(rows, probabilities(predictions, rows.row_ids))
    counts = replicate_sums(np.eye(6), settings)[7]
    wanted = terms_and_total(counts @ sums.loss, counts @ sums.weight)
    np.testing.assert_allclose(score_replicates([sums], settings)[0, 7], wanted)
    one = terms_and_total(sums.loss.sum(axis=0), sums.weight.sum(axis=0))
    assert one[-1] == pytest.approx(score(grades, predictions).total)


def test_percentile_interval(settings):
    half = settings.model_copy(update={"interval": 0.5})
    assert interval(np.arange(101.0), half) == Interval(25, 75)
    assert interval(np.array([1.0, np.nan, 3.0]), half) == Interval(1.5, 2.5)
    assert np.isnan(interval(np.array([np.nan]), settings).low)


def test_the_better_of_two_is_found(make_grades, make_answer, settings):
    grades = make_grades(20)
    found = compare(grades, make_answer(grades, 0.8), make_answer(grades, 0.6), settings)
    assert found.value == pytest.approx(-np.log(0.8 / 0.6), abs=0.1)
    assert found.interval.high < 0
    assert found.p_better == 1
    assert not found.inside_noise


def test_a_table_against_itself_is_a_tie(make_grades, make_predictions, settings):
    grades = make_grades(10)
    predictions = make_predictions(grades)
    found = compare(grades, predictions, predictions.sample(frac=1, random_state=1), settings)
    assert (found.value, found.p_better, found.inside_noise) == (0, 0.5, True)


def test_equally_good_tables_are_inside_the_noise(make_grades, make_predictions, settings):
    grades = make_grades(30)
    found = compare(grades, make_predictions(grades, 1), make_predictions(grades, 2), settings)
    assert found.inside_noise
    assert found.interval.low < 0 < found.interval.high
    assert 0.02 < found.p_better < 0.98


def test_nominal_error_rate_of_a_paired_comparison(settings):
    """Two models of equal skill: the 95 % interval misses 0 in about 5 % of samples."""
    draw = np.random.default_rng(1)
    missed = 0
    for _ in range(200):
        gap = draw.normal(size=80)
        missed += not difference(gap.mean(), replicate_sums(gap[:, None], settings)[:, 0] / 80, settings).inside_noise
    assert 3 <= missed <= 22  # binomial around 10 to 12 of 200 (percentile intervals are a little short)


def test_different_studies_cannot_be_paired(settings):
    one, other = (StudySums(np.arange(count), np.ones((count, 4)), np.ones((count, 4))) for count in (3, 4))
    with pytest.raises(TableError, match="needs the same studies"):
        score_replicates([one, other], settings)


def test_share_of_the_way():
    np.testing.assert_allclose(share_of_way(np.array([0.8, 0.8, 0.8]), np.array([0.8, 0.6, 0.4]), np.array(0.4)),
                               [0, 0.5, 1])
    assert np.isnan(share_of_way(np.array([0.4, 0.3]), np.array([0.3, 0.3]), np.array([0.4, 0.4]))).all()


def test_two_thousand_replicates_of_two_thousand_studies_take_seconds(settings):
    draw = np.random.default_rng(0)
    sums = StudySums(np.arange(2000), draw.random((2000, 4)), np.ones((2000, 4)))
    start = time.perf_counter()
    score_replicates([sums, sums, sums], settings.model_copy(update={"bootstrap": 2000}))
    assert time.perf_counter() - start < 10


def test_quantiles_of_drawn_studies_repeat_their_values(settings):
    """Each replicate's quantile is that of the values of its studies, each as often as it was drawn."""
    draw = np.random.default_rng(5)
    values, study = draw.normal(size=60), draw.integers(9, size=60)
    counts = np.concatenate(list(replicate_counts(9, settings)))
    found = replicate_quantiles(values, study, 9, [0.5, 0.95], settings)
    assert found.shape == (400, 2)
    for row, often in zip(found[:50], counts[:50], strict=True):
        np.testing.assert_array_equal(row, np.quantile(np.repeat(values, often[study]), [0.5, 0.95],
                                                       method="inverted_cdf"))


def test_quantiles_of_nothing_are_missing(settings):
    assert np.isnan(replicate_quantiles(np.empty(0), np.empty(0, int), 4, [0.5], settings)).all()
    one = replicate_quantiles(np.ones(1), np.zeros(1, int), 2, [0.5], settings)[:, 0]
    assert set(one[np.isfinite(one)]) == {1.0}
    assert np.isnan(one).sum() == (np.concatenate(list(replicate_counts(2, settings)))[:, 0] == 0).sum() > 0
