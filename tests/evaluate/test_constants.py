"""The algebra of constant predictions, whose values on the competition's labels are known (.9994 and .7897)."""

import numpy as np
import pytest

from lsdc.competition.priors import prior_predictions, prior_table, uniform_table
from lsdc.evaluate.graded import graded
from lsdc.evaluate.metric import score
from lsdc.taxonomy import SEVERITY_WEIGHTS, TARGETS, Condition
from tests.evaluate.phantoms import phantom_grades, submission, weighted


@pytest.fixture(scope="module")
def labels():
    grades, _ = phantom_grades(2000)
    severity = grades["severity"].map({"normal_mild": 0, "moderate": 1, "severe": 2}).to_numpy(int).reshape(-1, 25)
    return grades, severity


def test_uniform(labels):
    """ln 3 in each condition; any-severe with 1/3: ln 3 for severe studies (weight 4), ln 1.5 for the others."""
    grades, severity = labels
    found = score(grades, prior_predictions(uniform_table(), grades["study_id"].unique().tolist()))
    assert [found.canal, found.foraminal, found.subarticular] == pytest.approx([np.log(3)] * 3)
    worst = severity[:, :5].max(axis=1)
    weight = np.array(SEVERITY_WEIGHTS)[worst]
    assert found.any_severe == pytest.approx(
        (weight * np.where(worst == 2, np.log(3), np.log(1.5))).sum() / weight.sum())
    assert found.total == pytest.approx(0.9994, abs=0.01)  # the phantom's rates are the competition's


def test_weighted_prior_by_column(labels):
    """Its loss in a condition is the entropy of the weighted rates, columns weighted by their sum of weights."""
    grades, severity = labels
    priors = prior_table(grades, smoothing=0)
    found = score(grades, prior_predictions(priors, grades["study_id"].unique().tolist()))
    counts = np.stack([np.bincount(column, minlength=3) for column in severity.T]) * np.array(SEVERITY_WEIGHTS)
    rates = counts / counts.sum(axis=1, keepdims=True)
    loss = -(counts * np.log(rates)).sum(axis=1)
    for condition in Condition:
        of = [target.condition == condition for target in TARGETS]
        assert getattr(found, condition) == pytest.approx(loss[of].sum() / counts[of].sum())
    assert found.total == pytest.approx(0.7897, abs=0.02)


def test_no_other_table_is_better_and_forgetting_the_weights_costs(labels):
    grades, _ = labels
    studies = grades["study_id"].unique().tolist()
    priors = prior_table(grades, smoothing=0)
    best = score(grades, prior_predictions(priors, studies))
    plain = priors.to_numpy() / SEVERITY_WEIGHTS
    plain /= plain.sum(axis=1, keepdims=True)
    forgotten = score(grades, submission(grades, np.tile(plain, (len(studies), 1))))
    assert forgotten.total - best.total == pytest.approx(0.14, abs=0.02)  # .9307 and .79 on the competition's labels
    draw = np.random.default_rng(0)
    for _ in range(3):
        moved = priors.to_numpy() * np.exp(0.1 * draw.normal(size=(25, 3)))
        other = score(grades, submission(grades, np.tile(moved / moved.sum(axis=1, keepdims=True), (len(studies), 1))))
        for condition in Condition:
            assert getattr(other, condition) > getattr(best, condition)
    np.testing.assert_allclose(weighted(plain), priors.to_numpy())
    assert len(graded(grades).severity) == 50_000
