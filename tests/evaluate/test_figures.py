import json

import numpy as np
import pandas as pd
import pytest

from lsdc.competition.priors import prior_predictions, prior_table
from lsdc.errors import TableError
from lsdc.evaluate.figures import fallback_shares, figures_of
from lsdc.evaluate.metric import TERMS, score
from lsdc.evaluate.table import PHANTOM_LINE, text_of
from lsdc.taxonomy import Condition, Level


@pytest.fixture
def case(make_grades, make_predictions, make_answer, settings):
    """A good model between priors of other studies and a floor that is better still."""
    grades = make_grades(20)
    priors = prior_predictions(prior_table(make_grades(60, seed=5)), grades["study_id"].unique().tolist())
    return {"grades": grades, "predictions": make_answer(grades, 0.7), "priors": priors,
            "floor": make_answer(grades, 0.8), "settings": settings}


def named(figures: dict) -> dict[str, dict]:
    return {row["name"]: row for row in figures["scores"]}


def test_each_row_is_the_score_of_its_table(case, make_grades):
    figures = figures_of(**case)
    rows = named(figures)
    assert list(rows) == ["model", "priors", "priors_of_scored", "floor", "uniform"]
    for name, table in (("model", case["predictions"]), ("priors", case["priors"]), ("floor", case["floor"])):
        ours = score(case["grades"], table)
        assert [rows[name][term] for term in (*TERMS, "total")] == [getattr(ours, t) for t in (*TERMS, "total")]
    own = prior_predictions(prior_table(case["grades"], smoothing=0), case["grades"]["study_id"].unique().tolist())
    assert rows["priors_of_scored"]["total"] == score(case["grades"], own).total
    for row in rows.values():
        low, high = row["intervals"]["total"]
        assert low <= row["total"] <= high


def test_share_of_the_way_and_paired_difference(case):
    figures = figures_of(**case)
    rows = named(figures)
    priors, model, floor = (rows[name]["total"] for name in ("priors", "model", "floor"))
    assert figures["share_of_way"]["value"] == pytest.approx((priors - model) / (priors - floor))
    low, high = figures["share_of_way"]["interval"]
    assert 0 < low < figures["share_of_way"]["value"] < high < 1
    against = figures["model_minus_priors"]
    assert against["value"] == pytest.approx(model - priors)
    assert against["p_better"] == 1
    assert not against["inside_noise"]


def test_the_floor_is_all_the_way_and_the_priors_none(case):
    assert figures_of(**case | {"predictions": case["floor"]})["share_of_way"]["value"] == 1
    tie = figures_of(**case | {"predictions": case["priors"]})
    assert tie["share_of_way"]["value"] == 0
    assert tie["model_minus_priors"]["inside_noise"]


def test_priors_of_the_scored_studies_are_the_best_table(case):
    """Among tables, weight-multiplied rates of the scored studies themselves have the least loss by condition."""
    rows = named(figures_of(**case))
    for term in ("canal", "foraminal", "subarticular"):
        assert rows["priors_of_scored"][term] < rows["priors"][term]
        assert rows["priors_of_scored"][term] < rows["uniform"][term]


def test_cells_cover_conditions_and_levels(case):
    figures = figures_of(**case)
    cells = [(cell["condition"], cell["level"]) for cell in figures["cells"]]
    assert cells == [(condition, level) for condition in Condition for level in Level]
    assert sum(cell["rows"] for cell in figures["cells"]) == figures["rows"] == case["grades"]["severity"].notna().sum()
    for cell in figures["cells"]:
        assert cell["floor"] < cell["model"] < cell["priors"]


def test_intervals_of_cells_hold_their_score(case, make_predictions):
    for cell in figures_of(**case | {"predictions": make_predictions(case["grades"])})["cells"]:
        assert cell["interval"][0] < cell["model"] < cell["interval"][1]


def test_agreement_calibration_and_weights_are_there(case):
    figures = figures_of(**case)
    assert figures["decision"] == "weighted"
    groups = {(one["condition"], one["level"], one["side"]): one for one in figures["agreement_by_group"]}
    for one in figures["agreement"]:  # the same figures as in the short list
        same = groups[one["condition"], "all", "all"]["figures"]
        assert (same["linear_kappa"]["value"], same["accuracy"]["value"]) == (one["linear_kappa"], one["accuracy"])
        assert same["linear_kappa"]["interval"] == one["interval"]
    assert [one["condition"] for one in figures["calibration"]] == ["all", *Condition]
    assert [one["condition"] for one in figures["metric_weights"]] == ["all", *Condition]
    text = text_of(figures)
    for words in ("Gwet's AC1", "sensitivity, severe", "Calibration (ECE", "exponent (1: in, 0: not in)"):
        assert words in text


def test_everything_goes_through_json(case):
    figures = figures_of(**case)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_what_cannot_be_computed_is_none_and_said(case):
    grades = case["grades"].copy()
    grades.loc[grades["condition"] == "canal", "severity"] = pd.NA
    figures = figures_of(**case | {"grades": grades})
    assert named(figures)["model"]["total"] is None
    assert figures["share_of_way"]["value"] is None
    assert json.dumps(figures, allow_nan=False)
    assert "no labelled row for canal, any_severe, so there is no total" in text_of(figures)


def test_all_tables_must_answer_the_same_rows(case):
    with pytest.raises(TableError, match=r"1 rows are missing(.|\n)*where:  floor"):
        figures_of(**case | {"floor": case["floor"].iloc[1:]})


def test_fallbacks_are_counted_by_cause(case):
    predictions = case["predictions"].assign(fallback=pd.array([pd.NA] * 500, dtype="string"))
    predictions.loc[0:9, "fallback"] = "no sagittal_t1 series"
    predictions.loc[[10, 30, 60], "fallback"] = "not located"
    assert fallback_shares(predictions) == {
        "rows": 13, "of": 500, "share": 13 / 500,
        "causes": [{"cause": "no sagittal_t1 series", "rows": 10, "studies": 1},
                   {"cause": "not located", "rows": 3, "studies": 3}],
    }
    assert fallback_shares(case["predictions"])["rows"] == 0
    none = case["predictions"].assign(fallback=pd.array([pd.NA] * 500, dtype="string"))  # every row answered
    assert fallback_shares(none) == {"rows": 0, "of": 500, "share": 0.0, "causes": []}


def test_text_shows_what_the_figures_say(case):
    predictions = case["predictions"].assign(fallback=pd.array(["not located"] + [pd.NA] * 499, dtype="string"))
    figures = figures_of(**case | {"predictions": predictions})
    text = text_of(figures | {"folds": [0, 2]}, run="first")
    model = named(figures)["model"]
    assert "first: fold 0, 2, 20 studies" in text
    assert PHANTOM_LINE in text
    line = next(line for line in text.splitlines() if line.startswith("model "))
    assert [f"{model[term]:.4f}" for term in (*TERMS, "total")] == line.split()[1:6]
    for words in ("floor of the phantom", "priors fitted on the scored studies", "uniform", "L4/L5", "linear kappa",
                  "Answered by priors: 1 of 500 rows (0.2 %)", "not located", "P(model better) = 1.000",
                  f"Share of the way from priors to floor: {100 * figures['share_of_way']['value']:.1f} %"):
        assert words in text, words
    assert "inside the noise" not in text
    assert "nan" not in text


def test_text_warns_inside_the_noise_and_says_nothing_of_phantoms_on_real_data(case):
    text = text_of(figures_of(**case | {"predictions": case["priors"], "floor": None}))
    assert "inside the noise" in text
    assert "phantom" not in text
    assert "Share of the way" not in text


def test_text_of_locations(case):
    rows = [{"condition": "canal", "n": 5, "missed": 1, "id_rate": 0.8, "interval": [0.6, 1.0], "mean_mm": 5.0,
             "median_mm": 4.25, "p95_mm": None}]
    text = text_of(figures_of(**case) | {"locations": [{"truth": "annotated points", "rows": rows}]})
    line = next(line for line in text.splitlines() if "80.0 %" in line)
    assert line.split() == ["canal", "5", "1", "80.0", "%", "60.0", "%", "to", "100.0", "%", "5.0", "4.2", "-"]


def test_a_tiny_evaluation_shows_dashes_instead_of_failing(make_grades, make_predictions, settings):
    grades = make_grades(1, rates=(1, 0, 0, 0))
    priors = prior_predictions(prior_table(grades), [900])
    figures = figures_of(grades, make_predictions(grades), priors=priors, floor=priors, settings=settings)
    text = text_of(figures)
    assert np.isfinite(figures["scores"][0]["total"])
    assert figures["share_of_way"]["value"] is None
    assert "the priors are not above the floor" in text
