import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    f1_score,
    recall_score,
)

from lsdc.evaluate.agreement import (
    Decision,
    confusion_sums,
    decided,
    dichotomous,
    gwet_ac1,
    kappa,
    linear_kappa,
    rates,
    why_not,
)
from lsdc.evaluate.graded import graded
from lsdc.evaluate.probabilities import probabilities
from lsdc.taxonomy import SEVERITY_COLUMNS, Condition

GOLDEN = np.array([[40, 6, 1], [5, 14, 3], [0, 4, 7]])


def test_equal_to_scikit_learn(make_grades, make_predictions):
    grades = make_grades(9)
    predictions = make_predictions(grades)
    rows = graded(grades)
    values = probabilities(predictions, rows.row_ids)
    found = rates(confusion_sums(rows, values).sum(axis=0))
    for number, condition in enumerate(Condition):
        of = (grades["condition"].eq(condition) & grades["severity"].notna()).to_numpy(bool)
        read = grades["severity"][of].map(SEVERITY_COLUMNS.index).to_numpy(int)
        predicted = values[of].argmax(axis=1)
        wanted = {
            "accuracy": accuracy_score(read, predicted), "balanced_accuracy": balanced_accuracy_score(read, predicted),
            "macro_f1": f1_score(read, predicted, average="macro"), "kappa": cohen_kappa_score(read, predicted),
            "linear_kappa": cohen_kappa_score(read, predicted, weights="linear"),
            "quadratic_kappa": cohen_kappa_score(read, predicted, weights="quadratic"),
        }
        for cut, name in ((1, "moderate"), (2, "severe")):
            wanted |= {f"sensitivity_{name}": recall_score(read >= cut, predicted >= cut),
                       f"specificity_{name}": recall_score(read < cut, predicted < cut),
                       f"kappa_{name}": cohen_kappa_score(read >= cut, predicted >= cut)}
        for name, value in wanted.items():
            assert found[name][number] == pytest.approx(value, abs=1e-12), (condition, name)


def test_golden_values_of_other_libraries():
    """statsmodels 0.15.0 `cohens_kappa` and irrCAC 0.4.4 `CAC(table).gwet` of the same matrix."""
    found = rates(GOLDEN)
    wanted = {"kappa": 0.5819581958195817, "linear_kappa": 0.6557659208261618, "quadratic_kappa": 0.73621103117506,
              "kappa_moderate": 0.693290734824281, "kappa_severe": 0.5783926218708826}
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name
    assert found["gwet_ac1"] == pytest.approx(0.66834, abs=5e-6)


def test_by_hand():
    assert linear_kappa(np.diag([5, 3, 2])) == 1
    assert linear_kappa(np.outer([5, 3, 2], [4, 4, 2]) / 10) == pytest.approx(0)  # independent readers
    assert np.isnan(linear_kappa(np.diag([9, 0, 0])))  # one grade only: chance agrees as well
    assert linear_kappa(np.stack([np.diag([5, 3, 2])] * 4)).shape == (4,)
    np.testing.assert_array_equal(dichotomous(GOLDEN, 1), [[40, 7], [5, 28]])
    np.testing.assert_array_equal(dichotomous(GOLDEN, 2), [[65, 4], [4, 7]])
    # Gwet's example of the kappa paradox: of two classes pe = 2 pi (1 - pi), and AC1 is .9408 where kappa is -.0234
    table = np.array([[118, 5], [2, 0]])
    share = (120 + 123) / 250
    chance = 2 * share * (1 - share)
    assert gwet_ac1(table) == pytest.approx((118 / 125 - chance) / (1 - chance))
    assert gwet_ac1(table) == pytest.approx(0.9408, abs=5e-5)
    assert kappa(table, 1 - np.eye(2)) == pytest.approx(-0.0234, abs=5e-5)


def test_what_cannot_be_computed_is_nan_and_said():
    only = np.array([[8, 1, 0], [0, 0, 0], [0, 0, 0]])
    found = rates(only)
    for name in ("balanced_accuracy", "kappa", "linear_kappa", "quadratic_kappa", "kappa_severe", "sensitivity_severe"):
        assert np.isnan(found[name]), name
        assert why_not(only, name).startswith("one class only"), name
    assert found["accuracy"] == pytest.approx(8 / 9)
    assert found["specificity_moderate"] == pytest.approx(8 / 9)
    two = np.array([[8, 1, 0], [1, 2, 0], [0, 0, 0]])
    assert why_not(two, "auroc_severe") == "one class only: no label is severe"
    assert why_not(two, "specificity_severe") == why_not(two, "auroc_moderate") == ""
    assert why_not(np.diag([0, 2, 3]), "auroc_moderate") == "one class only: every label is moderate or severe"
    assert why_not(np.zeros((3, 3)), "kappa") == "no labelled row"
    with np.errstate(all="raise"):
        assert np.isnan(list(rates(np.zeros((3, 3))).values())).all()


def test_the_two_decisions_differ_by_the_weights():
    """.5 .3 .2 as it stands is normal, and plainly even more so; .3 .3 .4 is severe only with the weights in it."""
    values = np.array([[0.5, 0.3, 0.2], [0.3, 0.3, 0.4]])
    assert decided(values, Decision.WEIGHTED).argmax(axis=1).tolist() == [0, 2]
    plain = decided(values, Decision.PLAIN)
    assert plain.argmax(axis=1).tolist() == [0, 0]
    np.testing.assert_allclose(plain[1], np.array([0.3, 0.15, 0.1]) / 0.55)
