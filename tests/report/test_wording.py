"""The draft report of hand-made studies, word by word."""

from dataclasses import replace

import numpy as np
import pytest

from lsdc.report.cases import Case, TargetCase
from lsdc.report.wording import draft, finding, found_words, impression, plain_reason
from lsdc.taxonomy import TARGETS, Condition, Level, Severity, Side, Target
from lsdc.weighting import weighted


def answer(*plain: float) -> tuple[float, float, float]:
    return tuple(weighted(np.array(plain)).tolist())


def case(**changed: TargetCase) -> Case:
    """All normal and seen by the detector, but for targets by column."""
    usual = {t.column: TargetCase(t, answer(0.95, 0.04, 0.01), found_by="detector", confidence=0.9,
                                  place_mm=(0.0, 0.0, 0.0)) for t in TARGETS}
    return Case(1, "train", tuple({**usual, **changed}.values()))


def one(condition, side, level, *plain, **more) -> dict[str, TargetCase]:
    target = Target(condition, side, level)
    return {target.column: TargetCase(target, answer(*plain), **more)}


CANAL = one(Condition.CANAL, Side.MIDLINE, Level.L4_L5, 0.02, 0.07, 0.91)
RECESS = one(Condition.SUBARTICULAR, Side.LEFT, Level.L4_L5, 0.2, 0.7, 0.1)
UNSURE = one(Condition.FORAMINAL, Side.RIGHT, Level.L5_S1, 0.6, 0.1, 0.3)
LOST = one(Condition.FORAMINAL, Side.LEFT, Level.L5_S1, 0.3, 0.3, 0.4, fallback="no sagittal_t1 series")


def test_findings_are_sentences_by_level_the_worst_first():
    report = {level.level: level for level in draft(case(**RECESS, **CANAL))}[Level.L4_L5]
    assert [said.text for said in report.findings] == [
        "Severe spinal canal stenosis (p\u00a0.91).", "Moderate left subarticular stenosis (p\u00a0.70)."]
    assert [said.key for said in report.findings] == ["canal-midline-l4_l5", "subarticular-left-l4_l5"]
    assert [said.text for said in report.normal] == [
        f"{name} (p\u00a0.95)" for name in ("left neural foramen", "right neural foramen", "right subarticular recess")]


def test_a_grade_that_only_its_cost_decides_is_possible_and_says_what_is_more_probable():
    (target,) = UNSURE.values()
    assert (target.grade, target.likeliest) == (Severity.SEVERE, Severity.NORMAL_MILD)
    assert finding(target) == ("Possibly severe right neural foraminal narrowing (p\u00a0.30; more probable: normal or "
                               "mild, p\u00a0.60).")


def test_what_priors_answered_is_not_assessed_whatever_they_say():
    report = draft(case(**LOST))[-1]
    assert report.findings == ()
    ((why, said),) = report.not_assessed
    assert (why, [each.text for each in said]) == ("no Sagittal T1 series", ["left neural foramen"])
    assert impression(case(**LOST)) == ["No moderate or severe stenosis at the levels assessed.",
                                        "Not assessed: 1 of 25 targets."]


def test_the_impression_names_levels_in_order():
    assert impression(case(**CANAL, **RECESS, **UNSURE)) == [
        "Severe: L4/L5 spinal canal.", "Possibly severe: L5/S1 right neural foramen.",
        "Moderate: L4/L5 left subarticular recess."]


def test_all_25_targets_are_said_once():
    for study in (case(), case(**CANAL, **LOST, **UNSURE)):
        keys = [said.key for level in draft(study)
                for said in (*level.findings, *level.normal, *(one for _, some in level.not_assessed for one in some))]
        assert sorted(keys) == sorted(target.key for target in study.targets)


def test_how_a_place_was_found():
    (target,) = CANAL.values()
    assert found_words(target) == "not located"
    seen = replace(target, found_by="detector", confidence=0.834)
    assert found_words(seen) == "seen by the detector (confidence .83)"
    assert "where its neighbours say" in found_words(replace(target, found_by="geometry"))
    assert "another plane" in found_words(replace(target, found_by="projected"))
    assert plain_reason("not located") == "its place was not found"


def test_a_study_without_any_assessed_canal_has_no_probability():
    lost = {t.column: TargetCase(t, answer(0.1, 0.1, 0.8), fallback="not located") for t in TARGETS
            if t.condition == Condition.CANAL}
    assert case(**lost).severe_canal is None
    assert case(**CANAL).severe_canal == pytest.approx(0.91)
    everything = {t.column: TargetCase(t, answer(1, 0, 0), fallback="x") for t in TARGETS}
    assert (case(**everything).uncertainty_bits, case(**everything).not_assessed) == (None, 25)
