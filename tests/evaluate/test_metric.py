import subprocess
import sys
from math import log

import numpy as np
import pandas as pd
import pytest

from lsdc.bench.stages.published_metric import published_score, solution_of
from lsdc.errors import TableError
from lsdc.evaluate.graded import graded
from lsdc.evaluate.metric import cell_sums, ratio, score
from lsdc.evaluate.probabilities import probabilities
from lsdc.taxonomy import SEVERITY_COLUMNS, Condition, Level

P = list(SEVERITY_COLUMNS)


def agrees(grades, predictions) -> None:
    ours = score(grades, predictions)
    for name, value in published_score(solution_of(grades), predictions).items():
        assert getattr(ours, name) == pytest.approx(value, abs=1e-12), name
    rows, ordered = graded(grades), predictions.set_index("row_id").loc[graded(grades).row_ids].reset_index()
    sample = in_sample_order(predictions)
    swapped = sample.iloc[[0, 2, 1, *range(3, len(sample))]]
    for one in (predictions, ordered, ordered[::-1], sample, swapped):
        assert list(vars(score(rows, one)).values()) == pytest.approx(list(vars(ours).values()), nan_ok=True, abs=0)


def in_sample_order(predictions: pd.DataFrame) -> pd.DataFrame:
    study = predictions["row_id"].str.split("_").str[0].astype("int64")
    return predictions.assign(study=study).sort_values(["study", "row_id"]).drop(columns="study")


def test_the_order_of_the_sample_is_known(make_grades, make_predictions):
    grades = make_grades(12)
    rows, predictions = graded(grades), make_predictions(grades).sample(frac=1, random_state=3)
    sample = in_sample_order(predictions)
    where = rows.order.in_known_order(sample["row_id"])
    assert list(sample["row_id"].iloc[where]) == list(rows.row_ids)
    ordered = predictions.set_index("row_id").loc[rows.row_ids].reset_index()
    assert list(rows.order.in_known_order(ordered["row_id"])) == list(range(len(ordered)))
    for other in (predictions, sample[:-1], sample.iloc[[0, 2, 1, *range(3, len(sample))]], sample.iloc[::-1]):
        assert rows.order.in_known_order(other["row_id"]) is None


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_the_published_definition(make_grades, make_predictions, seed):
    grades = make_grades(12, seed)
    assert grades["severity"].isna().any()
    agrees(grades, make_predictions(grades, seed))


def test_equal_at_the_ends_of_the_scale(make_grades, make_predictions):
    grades = make_grades(6)
    sure = make_predictions(grades)
    sure[P] = np.eye(3)[np.arange(len(sure)) % 3]
    agrees(grades, sure)


@pytest.mark.parametrize("rates", [(0.8, 0.2, 0, 0), (0, 0, 1, 0)])
def test_any_severe_of_one_class(make_grades, make_predictions, rates):
    grades = make_grades(4, rates=rates)
    agrees(grades, make_predictions(grades))


def test_a_study_without_canal_labels_is_not_in_any_severe(make_grades, make_predictions):
    grades = make_grades(5)
    grades.loc[(grades["condition"] == "canal") & (grades["study_id"] == 900), "severity"] = pd.NA
    agrees(grades, make_predictions(grades))


def test_weights_and_raw_maxima_by_hand(make_grades):
    """One study: canal severe at L4/L5 and moderate at L1/L2, all else normal."""
    grades = make_grades(1, rates=(1, 0, 0, 0))
    canal = grades["condition"] == "canal"
    grades.loc[canal & (grades["level"] == "l4_l5"), "severity"] = "severe"
    grades.loc[canal & (grades["level"] == "l1_l2"), "severity"] = "moderate"
    predictions = _predictions(grades, [0.7, 0.2, 0.1])
    predictions.loc["900_spinal_canal_stenosis_l4_l5", P] = [0.5, 0.2, 0.3]
    predictions.loc["900_spinal_canal_stenosis_l2_l3", P] = [0.3, 0.1, 0.6]  # the largest severe, on a normal level
    ours = score(grades, predictions.reset_index())
    assert ours.canal == pytest.approx(-(4 * log(0.3) + 2 * log(0.2) + 2 * log(0.7) + log(0.3)) / 9, abs=1e-12)
    assert ours.foraminal == pytest.approx(-log(0.7), abs=1e-12)
    assert ours.any_severe == pytest.approx(-log(0.6), abs=1e-12)
    assert ours.total == pytest.approx((ours.canal + 2 * -log(0.7) + -log(0.6)) / 4, abs=1e-12)
    assert (ours.rows, ours.studies) == (25, 1)


def test_the_weight_of_any_severe_is_the_largest_of_the_study(make_grades):
    """A study with a moderate canal (weight 2) and one with a severe canal (weight 4), severe .1 everywhere."""
    grades = make_grades(2, rates=(1, 0, 0, 0))
    canal = (grades["condition"] == "canal") & (grades["level"] == "l1_l2")
    grades.loc[canal & (grades["study_id"] == 900), "severity"] = "moderate"
    grades.loc[canal & (grades["study_id"] == 913), "severity"] = "severe"
    ours = score(grades, _predictions(grades, [0.7, 0.2, 0.1]).reset_index())
    assert ours.any_severe == pytest.approx(-(2 * log(0.9) + 4 * log(0.1)) / 6, abs=1e-12)


def test_uniform_predictions_cost_log_three(make_grades):
    grades = make_grades(3)
    ours = score(grades, _predictions(grades, [1 / 3] * 3).reset_index())
    assert (ours.canal, ours.foraminal, ours.subarticular) == pytest.approx([log(3)] * 3)


def test_missing_labels_are_not_scored(make_grades, make_predictions):
    grades = make_grades(4, rates=(0.6, 0.2, 0.2, 0))
    predictions = make_predictions(grades)
    before = score(grades, predictions)
    gone = grades["condition"].eq("foraminal") & grades["level"].eq("l1_l2")
    grades.loc[gone, "severity"] = pd.NA
    changed = predictions.copy()
    changed.loc[changed["row_id"].str.contains("foraminal_narrowing_l1_l2"), P] = [0.98, 0.01, 0.01]
    after = score(grades, changed)
    assert after == score(grades, predictions)  # what is said of unlabelled rows has no effect
    assert (after.canal, after.subarticular) == (before.canal, before.subarticular)
    assert after.foraminal != before.foraminal
    assert after.rows == before.rows - 8


def test_a_condition_without_labels_has_no_score_and_no_total(make_grades, make_predictions):
    grades = make_grades(3)
    grades.loc[grades["condition"] == "canal", "severity"] = pd.NA
    ours = score(grades, make_predictions(grades))
    assert np.isnan([ours.canal, ours.any_severe, ours.total]).all()
    assert np.isfinite([ours.foraminal, ours.subarticular]).all()


def test_inputs_stay_as_they_are_and_order_has_no_effect(make_grades, make_predictions):
    grades = make_grades(5)
    predictions = make_predictions(grades)
    kept = grades.copy(), predictions.copy()
    first = score(grades, predictions)
    pd.testing.assert_frame_equal(grades, kept[0])
    pd.testing.assert_frame_equal(predictions, kept[1])
    turned = score(grades.sample(frac=1, random_state=2), predictions.sample(frac=1, random_state=3))
    assert vars(turned) == pytest.approx(vars(first), abs=1e-12)


def test_cells_are_weighted_log_losses_of_condition_and_level(make_grades, make_predictions):
    grades = make_grades(8)
    predictions = make_predictions(grades)
    rows = graded(grades)
    sums = cell_sums(rows, probabilities(predictions, rows.row_ids))
    cells = ratio(sums.loss.sum(axis=0), sums.weight.sum(axis=0)).reshape(3, 5)
    for i, condition in enumerate(Condition):
        for j, level in enumerate(Level):
            only = grades.copy()
            only.loc[~(only["condition"].eq(condition) & only["level"].eq(level)), "severity"] = pd.NA
            assert getattr(score(only, predictions), condition.value) == pytest.approx(cells[i, j], abs=1e-12)


def test_grades_without_any_label(make_grades, make_predictions):
    grades = make_grades(2, rates=(0, 0, 0, 1))
    with pytest.raises(TableError, match="nothing to score"):
        score(grades, make_predictions(grades))


def test_grades_of_a_target_that_does_not_exist(make_grades, make_predictions):
    grades = make_grades(1)
    predictions = make_predictions(grades)
    grades.loc[0, "side"] = "left"
    with pytest.raises(TableError, match="canal/left/l1_l2"):
        score(grades, predictions)


def test_the_metric_needs_no_scikit_learn():
    heavy = ("sklearn", "scipy", "torch", "lightning")
    code = f"import lsdc.evaluate, sys; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def _predictions(grades: pd.DataFrame, values: list[float]) -> pd.DataFrame:
    ids = graded(grades).row_ids
    return pd.DataFrame([values] * len(ids), columns=P, index=ids)
