"""Latents and what a reader makes of them; the statistics of many labels are in tests/bench/test_labels.py."""

import numpy as np
import pytest

from lsdc.phantom.latents import READER_NOISE, covariance, draw_labels, severity_probabilities
from lsdc.phantom.study import plan_study, study_number
from lsdc.taxonomy import RATES, TARGETS


def test_expected_rates_are_those_of_the_competition():
    z = np.random.default_rng(0).standard_normal((200_000, 25))
    rates = severity_probabilities(z).mean(axis=0)
    for target, mean in zip(TARGETS, rates, strict=True):
        wanted = RATES[target.condition][list(type(target.level)).index(target.level)]
        assert mean == pytest.approx(wanted, abs=0.003), target


def test_probabilities_are_what_the_reader_does():
    z = np.linspace(-2, 2.5, 25)
    random = np.random.default_rng(3)
    noise = np.array([READER_NOISE[target.condition] for target in TARGETS])
    t = np.sqrt(1 - noise**2) * z + noise * random.standard_normal((100_000, 25))
    rates = np.array([RATES[target.condition][place % 5] for place, target in enumerate(TARGETS)])
    cuts = np.quantile(random.standard_normal(1_000_000), np.cumsum(rates / rates.sum(1, keepdims=True), axis=1)[:, :2])
    seen = (t[..., None] > cuts).sum(axis=-1)
    counted = np.stack([(seen == grade).mean(axis=0) for grade in range(3)], axis=1)
    assert severity_probabilities(z) == pytest.approx(counted, abs=0.02)


def test_covariance_is_one():
    assert np.diag(covariance()) == pytest.approx(np.ones(25))
    assert np.linalg.eigvalsh(covariance()).min() > 0


def test_labels_are_those_of_the_images():
    plan = plan_study(11, "train", 7)
    assert np.array_equal(plan.labels.severity, draw_labels(11, "train", 7).severity)
    assert np.array_equal(plan.labels.z, draw_labels(11, "train", 7).z)


def test_study_numbers_are_unique_and_of_seven_to_ten_digits():
    numbers = [study_number(5, part, index) for part in ("train", "test") for index in range(3000)]
    assert len(set(numbers)) == len(numbers)
    assert all(7 <= len(str(number)) <= 10 for number in numbers)
