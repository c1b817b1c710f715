import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score

from lsdc.evaluate.agreement import accuracy, confusion_sums, linear_kappa
from lsdc.evaluate.graded import graded
from lsdc.evaluate.probabilities import probabilities
from lsdc.taxonomy import SEVERITY_COLUMNS, Condition


def test_equal_to_scikit_learn(make_grades, make_predictions):
    grades = make_grades(9)
    predictions = make_predictions(grades)
    rows = graded(grades)
    values = probabilities(predictions, rows.row_ids)
    whole = confusion_sums(rows, values).sum(axis=0)
    for number, condition in enumerate(Condition):
        of = (grades["condition"].eq(condition) & grades["severity"].notna()).to_numpy(bool)
        read = grades["severity"][of].map(SEVERITY_COLUMNS.index).to_numpy(int)
        predicted = values[of].argmax(axis=1)
        assert linear_kappa(whole[number]) == pytest.approx(cohen_kappa_score(read, predicted, weights="linear"))
        assert accuracy(whole[number]) == pytest.approx(accuracy_score(read, predicted))


def test_kappa_by_hand():
    assert linear_kappa(np.diag([5, 3, 2])) == 1
    assert linear_kappa(np.outer([5, 3, 2], [4, 4, 2]) / 10) == pytest.approx(0)  # independent readers
    assert np.isnan(linear_kappa(np.diag([9, 0, 0])))  # one grade only: chance agrees as well
    assert linear_kappa(np.stack([np.diag([5, 3, 2])] * 4)).shape == (4,)
