import numpy as np
import pytest

from lsdc.evaluate.between_folds import between_folds
from lsdc.evaluate.file_text import fold_text
from lsdc.evaluate.graded import graded
from lsdc.evaluate.metric import score, study_sums
from tests.evaluate.phantoms import normal, phantom_grades, submission, weighted


@pytest.fixture(scope="module")
def case():
    grades, truth = phantom_grades(120)
    return grades, weighted(truth), np.arange(120) % 4


def test_totals_are_the_folds_own_scores(case, settings):
    grades, values, fold = case
    found = between_folds(study_sums(graded(grades), values), fold.astype(float), settings)
    table = submission(grades, values)
    for one in found["folds"]:
        of = np.repeat(fold == one["fold"], 25)
        assert one["total"]["value"] == pytest.approx(score(grades[of], table[of]).total)
        rest = score(grades[~of], table[~of]).total
        assert one["minus_others"]["value"] == pytest.approx(one["total"]["value"] - rest)
    assert found["sd"] == pytest.approx(np.std([one["total"]["value"] for one in found["folds"]], ddof=1))
    assert 0.3 < found["sd"] / found["sd_by_chance"] < 2.5  # the folds differ by chance alone
    assert "the draw of studies alone makes about" in fold_text(found)


def test_a_fold_that_is_worse_stands_out(case, settings):
    grades, values, fold = case
    spoilt = np.where(np.repeat(fold == 2, 25)[:, None], normal(values[::-1] ** 0.5), values)
    found = between_folds(study_sums(graded(grades), spoilt), fold.astype(float), settings)
    noise = [one["minus_others"]["inside_noise"] for one in found["folds"]]
    assert not noise[2]
    assert found["folds"][2]["minus_others"]["interval"][0] > 0
    assert found["sd"] > 2 * found["sd_by_chance"]


def test_one_fold_has_nothing_beside_it(case, settings):
    grades, values, _ = case
    sums = study_sums(graded(grades), values)
    assert between_folds(sums, np.zeros(120), settings) is None
    assert between_folds(sums, np.full(120, np.nan), settings) is None
    assert fold_text(None) == ""
