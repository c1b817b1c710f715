import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lsdc.evaluate.auroc import auroc, auroc_replicates, ranking
from lsdc.evaluate.bootstrap import replicate_counts


@pytest.mark.parametrize(("share", "digits"), [(0.2, 9), (0.2, 1), (0.8, 1)])
def test_equal_to_scikit_learn_with_ties_and_repeated_studies(settings, share, digits):
    """digits=1 makes many ties; the many are the negatives or the positives."""
    draw = np.random.default_rng(0)
    study, label = draw.integers(12, size=150), draw.random(150) < share
    score = np.round(draw.random(150) * 0.6 + 0.4 * label * draw.random(150), digits)
    (exact,), (drawn,) = auroc_replicates([ranking(score, label, study)], 12, settings)
    assert exact == pytest.approx(roc_auc_score(label, score), abs=1e-12)
    counts = np.concatenate(list(replicate_counts(12, settings)))
    for value, often in zip(drawn[:40], counts[:40], strict=True):
        assert value == pytest.approx(roc_auc_score(label, score, sample_weight=often[study]), abs=1e-12)


def test_one_class_is_nan():
    assert np.isnan(auroc(ranking(np.array([0.1, 0.2]), np.array([True, True]), np.array([0, 1])), np.ones((2, 1))))
    assert np.isnan(auroc(ranking(np.empty(0), np.empty(0, bool), np.empty(0, int)), np.ones((2, 1))))
