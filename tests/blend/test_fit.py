"""What was planted is found again."""

import numpy as np
import pytest

from lsdc.blend.candidates import ANY_SEVERE, BY_LEVEL, FIRM, MEAN, TEMPERATURE, VECTOR, WEIGHTS, fit_chains
from lsdc.blend.fit import priors_of
from lsdc.blend.layout import CONDITION, LEVEL_GROUP
from lsdc.blend.objective import study_sums, total
from lsdc.seeding import generator
from tests.blend.simulated import labels, model, stack_of


def chain_of(stack, *steps):
    return fit_chains({"it": steps}, stack)["it"]


def scored(stack, chain) -> float:
    return total(*study_sums(chain(stack.answers), stack.severity))


@pytest.mark.parametrize("step", [WEIGHTS, BY_LEVEL])
def test_planted_weights_are_recovered(step):
    """Labels are drawn from .8 a + .2 b for the canal, .3 a + .7 b elsewhere (and from b alone at upper recesses)."""
    draw = generator(5, "planted weights")
    a, b = draw.dirichlet([0.4, 0.4, 0.4], (2, 600, 25))
    share = np.where(CONDITION == 0, 0.8, 0.3)
    if step is BY_LEVEL:
        share = np.where((CONDITION == 2) & (LEVEL_GROUP == 0), 0.0, share)
    truth = share[:, None] * a + (1 - share[:, None]) * b
    severity = (draw.random((600, 25, 1)) > truth.cumsum(-1)).sum(-1).clip(max=2)
    stack = stack_of(severity, {"a": a, "b": b})
    found = np.exp(chain_of(stack, step).steps[0].parameters["logits"])
    found = (found / found.sum(-1, keepdims=True))[CONDITION, LEVEL_GROUP, 0]
    assert found == pytest.approx(share, abs=0.08)


def test_a_planted_temperature_is_recovered():
    z, severity = labels(500)
    sharp = stack_of(severity, {"a": model(z, 0.6, "a", sharpness=2.0)})
    found = chain_of(sharp, MEAN, TEMPERATURE)
    assert np.exp(found.steps[1].parameters["log_temperature"]) == pytest.approx(2.0, rel=0.15)
    calibrated = stack_of(severity, {"a": model(z, 0.6, "a")})
    assert scored(sharp, found) == pytest.approx(scored(calibrated, chain_of(calibrated, MEAN)), abs=0.01)


def test_vector_scaling_finds_weights_that_were_put_on_twice():
    z, severity = labels(500)
    twice = model(z, 0.6, "a") * (1, 2, 4)
    stack = stack_of(severity, {"a": twice / twice.sum(-1, keepdims=True)})
    found = chain_of(stack, MEAN, VECTOR)
    assert (found.steps[1].parameters["bias"] < -0.5 * np.log([2.0, 4.0])).all()  # their logarithms are taken off
    once = stack_of(severity, {"a": model(z, 0.6, "a")})
    assert scored(stack, found) == pytest.approx(scored(once, chain_of(once, MEAN)), abs=0.01)
    assert scored(stack, chain_of(stack, MEAN)) > scored(stack, found) + 0.03


def test_the_any_severe_step_trades_canal_for_any_severe():
    z, severity = labels(800)
    stack = stack_of(severity, {"a": model(z, 1.0, "a")})
    half = np.arange(800) < 400
    fit, unseen = stack.of(half), stack.of(~half)
    terms = []
    for steps in ((MEAN,), (MEAN, ANY_SEVERE)):
        loss, weight = study_sums(chain_of(fit, *steps)(unseen.answers), unseen.severity)
        terms.append(loss.sum(0) / weight.sum(0))
    before, after = terms
    assert after[3] < before[3] - 0.01
    assert after[[1, 2]] == pytest.approx(before[[1, 2]])
    assert after.mean() < before.mean()


def test_a_second_level_sees_the_rest_of_the_study():
    z, severity = labels(700)
    stack = stack_of(severity, {"a": model(z, 0.8, "a")})
    half = np.arange(700) < 500
    unseen = stack.of(~half)
    assert scored(unseen, chain_of(stack.of(half), MEAN, FIRM)) < scored(unseen, chain_of(stack.of(half), MEAN)) - 0.01


def test_priors_are_plain_rates():
    _, severity = labels(300)
    priors = priors_of(stack_of(severity, {"a": np.full((300, 25, 3), 1 / 3)}))
    assert priors == pytest.approx(np.stack([(severity == grade).mean(0) for grade in range(3)], axis=1), abs=0.02)
