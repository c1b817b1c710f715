import json

import numpy as np
import pandas as pd
import pytest

from lsdc.evaluate.agreement import Decision
from lsdc.evaluate.agreement_figures import agreement_figures
from lsdc.evaluate.agreement_text import NAMES, agreement_text, confusion_text, detail_text, published_text
from lsdc.evaluate.graded import graded
from lsdc.evaluate.groups import GROUPS
from lsdc.evaluate.plain import plain
from lsdc.evaluate.published import PUBLISHED, published_rows
from lsdc.taxonomy import TARGETS, Severity
from tests.evaluate.phantoms import phantom_grades, weighted


@pytest.fixture(scope="module")
def case():
    grades, truth = phantom_grades(60)
    return graded(grades), weighted(truth)


def named(figures):
    return {(one["condition"], one["level"], one["side"]): one for one in figures}


def test_groups_divide_the_targets():
    assert len(GROUPS) == 1 + 3 + 15 + 4
    by = {kind: sum(group.targets.sum() for group in GROUPS if of(group)) for kind, of in {
        "condition": lambda g: g.condition and not g.level and not g.side,
        "level": lambda g: g.level, "side": lambda g: g.side}.items()}
    assert by == {"condition": len(TARGETS), "level": len(TARGETS), "side": 20}


def test_every_group_has_every_figure_or_a_reason(case, settings):
    figures = plain(agreement_figures(*case, settings))
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    found = named(figures)
    assert len(found) == len(GROUPS)
    assert found["all", "all", "all"]["rows"] == sum(
        one["rows"] for key, one in found.items() if key[0] != "all" and key[1:] == ("all", "all"))
    for one in figures:
        assert set(one["figures"]) == set(NAMES)
        assert np.sum(one["confusion"]) == one["rows"] == sum(one["labels"])
        for name, figure in one["figures"].items():
            if figure["value"] is None:
                assert figure["why"], name
            elif one["condition"] == "all" or one["level"] == "all":
                low, high = figure["interval"]
                assert low <= figure["value"] <= high, name


def test_grades_follow_the_decision(case, settings):
    """Dividing by the weights answers severe less often and is right more often."""
    by_rule = {rule: agreement_figures(*case, settings, decision=rule, groups=GROUPS[:1])[0] for rule in Decision}
    severe = {rule: np.array(one["confusion"])[:, Severity.SEVERE].sum() for rule, one in by_rule.items()}
    assert severe[Decision.PLAIN] < severe[Decision.WEIGHTED]
    accuracy = {rule: one["figures"]["accuracy"]["value"] for rule, one in by_rule.items()}
    assert accuracy[Decision.PLAIN] > accuracy[Decision.WEIGHTED]


def test_intervals_are_clustered_by_study(settings):
    """The same rows said twice in each study leave the interval as wide; as studies of their own they narrow it."""
    grades, truth = phantom_grades(40)
    own = grades.assign(study_id=grades["study_id"] + 1000)
    twice = [graded(pd.concat([grades, own])), np.concatenate([weighted(truth)] * 2)]
    once = agreement_figures(graded(grades), weighted(truth), settings, groups=GROUPS[:1])[0]
    more = agreement_figures(*twice, settings, groups=GROUPS[:1])[0]
    width = [np.ptp(one["figures"]["linear_kappa"]["interval"]) for one in (once, more)]
    assert width[0] / width[1] == pytest.approx(np.sqrt(2), rel=0.25)


def test_text_says_why_there_is_a_dash(settings):
    grades, truth = phantom_grades(30)
    grades.loc[(grades["condition"] == "canal") & (grades["severity"] == "severe"), "severity"] = "moderate"
    figures = plain(agreement_figures(graded(grades), weighted(truth), settings))
    text = agreement_text(figures, "weighted")
    assert "as they stand (the metric's weights included)" in text
    assert "- canal, sensitivity, severe, AUROC, severe, kappa, severe: one class only: no label is severe" in text
    details = detail_text(figures)
    assert "L4/L5" in details
    assert " right " in details
    assert "nan" not in text + details
    assert confusion_text(figures).count("Normal/Mild") == 5


def test_published_rows_say_where_they_are_from():
    text = published_text(published_rows())
    assert text.startswith("Published on other data")
    assert all(one.source and one.figure in text for one in PUBLISHED)
