"""Quirks occur by their rates, can be forced, and do what they say."""

import numpy as np
import pytest

from lsdc.phantom.quirks import RATES, TEST_RATES, draw_quirks, gap_numbers, unlabelled
from lsdc.phantom.study import plan_study
from lsdc.taxonomy import TARGETS, Condition, Plane


def test_rates():
    random = np.random.default_rng(0)
    drawn = [draw_quirks(random, "test") for _ in range(20_000)]
    for name, rate in TEST_RATES.items():
        assert np.mean([name in quirks for quirks in drawn]) == pytest.approx(rate, abs=0.012)


def test_forced_and_unknown():
    assert draw_quirks(np.random.default_rng(0), "train", forced=RATES) == set(RATES)
    with pytest.raises(ValueError, match=r"unknown quirks.*no_such"):
        draw_quirks(np.random.default_rng(0), "train", forced=["no_such"])


def test_gaps_keep_the_order():
    numbers = gap_numbers(np.random.default_rng(1), tuple(range(20, 0, -1)))
    assert np.all(np.diff(numbers) < 0)
    assert max(numbers) > 20


def test_missing_labels_are_mostly_upper_recesses():
    random = np.random.default_rng(2)
    missing = np.array([unlabelled(random) for _ in range(2000)])
    by_condition = {condition: missing[:, [target.condition == condition for target in TARGETS]].sum()
                    for condition in Condition}
    assert missing.sum() / 2000 == pytest.approx(572 / 185, abs=0.5)
    assert by_condition[Condition.SUBARTICULAR] / missing.sum() == pytest.approx(517 / 572, abs=0.05)


def test_plans_show_their_quirks():
    plans = [plan_study(3, "train", index) for index in range(60)]
    axial = {plan.index: sum(series.plane == Plane.AXIAL_T2 for _, series in plan.series) for plan in plans}
    assert {index for index, count in axial.items() if count > 1} == {
        plan.index for plan in plans if "several_axial" in plan.quirks}
    assert any(count > 1 for count in axial.values())
    assert all(plan.labelled.all() == ("missing_labels" not in plan.quirks) for plan in plans)
    place = {(target.condition_title, target.level.title): index for index, target in enumerate(TARGETS)}
    assert all(plan.labelled[place[point["condition"], point["level"]]] for plan in plans for point in plan.points)
