import numpy as np
import pandas as pd
import pytest

from lsdc.blend.cross_fit import cross_fit
from lsdc.blend.saved import Member
from lsdc.blend.sources import Source
from lsdc.blend.stack import rows_of
from lsdc.config import EvaluationSettings
from lsdc.evaluate import compare, score
from lsdc.report.blend import NESTED, Blending, blending
from lsdc.report.blend_text import text_of_blend
from lsdc.tables import GRADES, PREDICTIONS
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS
from lsdc.weighting import weighted
from tests.blend.simulated import labels, model, stack_of

SETTINGS = EvaluationSettings(bootstrap=200, interval=0.95, seed=3)


@pytest.fixture(scope="module")
def made() -> tuple[Blending, pd.DataFrame, dict]:
    """Two models of 60 studies, their blending, the grades, and each candidate's table."""
    with pytest.MonkeyPatch.context() as patch:
        from lsdc.blend.candidates import CANDIDATES

        patch.setattr("lsdc.blend.candidates.CANDIDATES",
                      {name: CANDIDATES[name] for name in ("best single model", "mean", "weights, temperature")})
        z, severity = labels(60)
        stack = stack_of(severity, {"a": model(z, 0.5, "a"), "b": model(z, 0.5, "b")}, folds=3)
        fitted = cross_fit(stack)
    studies = stack.answers.studies
    grades = GRADES.frame([{"study_id": study, **target._asdict(), "severity": SEVERITY_COLUMNS[grade]}
                           for study, row in zip(studies, severity, strict=True)
                           for target, grade in zip(TARGETS, row, strict=True)])
    sources = [Source(Member(name, run, (0, 1, 2), {"t": "1"}), PREDICTIONS.frame(
        rows_of(studies, weighted(stack.answers.plain[:, number])).assign(fold=0, model=name, fallback=None)))
        for number, (name, run) in enumerate((("a", "run-a"), ("b", None)))]
    result = blending(fitted, sources, grades, SETTINGS, commit="abc", folds_sha256="f")
    return result, grades, {**fitted.tables, NESTED: fitted.nested}


def test_scores_and_paired_gains_are_those_of_evaluate(made):
    result, grades, tables = made
    frames = {name: rows_of(np.unique(grades["study_id"]), table) for name, table in tables.items()}
    for row in result.figures["scores"]:
        assert row["total"] == pytest.approx(score(grades, frames[row["name"]]).total, abs=1e-12)
    wanted = compare(grades, frames[NESTED], frames["best single model"], SETTINGS)
    gain = result.figures["scores"][-1]["minus_reference"]
    assert gain["value"] == pytest.approx(wanted.value)
    assert gain["interval"] == pytest.approx([wanted.interval.low, wanted.interval.high])
    assert result.figures["scores"][0]["minus_reference"] is None


def test_the_record_holds_the_nested_score_only(made):
    result, *_ = made
    nested = result.figures["scores"][-1]
    assert result.blend.record["out_of_fold"]["total"] == nested["total"]
    assert result.blend.record["chosen"] == result.figures["chosen"]
    assert result.blend.models == ("a", "b")


def test_the_nested_predictions_can_be_scored_again(made):
    result, grades, _ = made
    assert score(grades, result.predictions).total == pytest.approx(result.figures["scores"][-1]["total"])
    assert result.predictions["fold"].nunique() == 3


def test_shares_add_up_and_the_text_says_what_is_chosen(made):
    result, *_ = made
    assert all(sum(one["shares"].values()) == pytest.approx(1) for one in result.figures["weights"])
    assert len(result.figures["weights"]) == 6
    text = text_of_blend(result.figures)
    assert f"Chosen: {result.figures['chosen']}" in text
    assert "the nested choice" in text
    assert "nan" not in text
    noisy = {**result.figures, "scores": [*result.figures["scores"][:-1], {
        **result.figures["scores"][-1],
        "minus_reference": {"value": -0.001, "interval": [-0.1, 0.1], "p_better": 0.5, "inside_noise": True}}]}
    assert "inside the noise" in text_of_blend(noisy)
