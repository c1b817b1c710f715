import numpy as np
import pytest

from lsdc.evaluate.bootstrap import compare
from lsdc.evaluate.comparison import compare_models
from lsdc.evaluate.graded import graded
from lsdc.evaluate.prediction_files import Answers
from tests.evaluate.phantoms import normal, phantom_grades, submission, weighted


def model(name, values, answered=None):
    values = values.copy()
    if answered is not None:
        values[~answered] = np.nan
    return Answers(name, (), values, 0, np.full(len(values), np.nan))


@pytest.fixture(scope="module")
def case():
    grades, truth = phantom_grades(50)
    return grades, graded(grades), weighted(truth)


def test_a_pair_is_what_compare_says(case, settings):
    grades, rows, values = case
    other = normal(values**0.5)
    (pair,) = compare_models(grades, rows, [model("a", values), model("b", other)], settings)["pairs"]
    wanted = compare(grades, submission(grades, values), submission(grades, other), settings)
    total = pair["differences"]["total"]
    assert [total["value"], *total["interval"]] == pytest.approx(
        [wanted.value, wanted.interval.low, wanted.interval.high])
    assert (total["p_better"], total["inside_noise"], total["why"]) == (wanted.p_better, wanted.inside_noise, "")
    assert (pair["first"], pair["second"], pair["studies"], pair["rows"]) == ("a", "b", 50, 1250)


def test_partial_models_are_compared_on_what_both_answer(case, settings):
    grades, rows, values = case
    canal = (grades["condition"] == "canal").to_numpy(bool)
    late = (grades["study_id"] > 20).to_numpy(bool)
    models = [model("a", values, canal), model("b", normal(values**0.5), late), model("c", values, ~canal)]
    found = compare_models(grades, rows, models, settings)
    pairs = {(pair["first"], pair["second"]): pair for pair in found["pairs"]}
    assert pairs["a", "b"]["rows"] == 30 * 5
    differences = pairs["a", "b"]["differences"]
    assert differences["canal"]["value"] < 0
    assert differences["total"]["value"] is None
    assert "foraminal: none of 300 labelled rows answered" in differences["total"]["why"]
    assert pairs["a", "c"]["differences"]["canal"]["why"] == "no labelled row that both answer"
    assert found["best"] == []


def test_the_best_of_three(case, settings):
    grades, rows, values = case
    models = [model("flat", normal(values**0.3)), model("right", values), model("same", values)]
    best = compare_models(grades, rows, models, settings)["best"]
    assert {one["name"]: one["share"] for one in best} == pytest.approx({"flat": 0, "right": 0.5, "same": 0.5})


def test_planted_winner_is_found_with_the_stated_error_rates(settings):
    """60 draws of 60 studies: noise on the log probabilities of both models alike is called a difference in about 5 %
    of the draws; a model without that noise is found to be better in nearly all, and never to be worse.
    """
    few, draw = settings.model_copy(update={"bootstrap": 300}), np.random.default_rng(2)
    called, found, wrong = 0, 0, 0
    for seed in range(60):
        grades, truth = phantom_grades(60, seed=seed)
        rows, values = graded(grades), weighted(truth)
        one, other = (normal(values * np.exp(0.8 * draw.normal(size=values.shape))) for _ in range(2))
        null, planted = (
            compare_models(grades, rows, [model("a", first), model("b", other)], few)["pairs"][0]
            ["differences"]["total"] for first in (one, values))
        called += not null["inside_noise"]
        found += not planted["inside_noise"] and planted["value"] < 0
        wrong += not planted["inside_noise"] and planted["value"] > 0
    assert called <= 9  # binomial around 3 to 4 of 60 (percentile intervals are a little short)
    assert found >= 54
    assert wrong == 0
