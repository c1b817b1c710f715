import pytest

from lsdc.blend.cross_fit import CrossFitted, cross_fit
from lsdc.blend.stack import Stack
from tests.blend.simulated import labels, model, stack_of


@pytest.fixture(scope="session")
def two_models() -> Stack:
    """90 studies in 3 folds, two models of equal worth; the second lacks the first study and one canal row."""
    z, severity = labels(90)
    stack = stack_of(severity, {"a": model(z, 0.5, "a"), "b": model(z, 0.5, "b")}, folds=3)
    severity[1, 3:6] = -1  # labels are missing too
    for study, target in ((0, slice(None)), (5, 2)):
        stack.answers.plain[study, 1, target] = 0
        stack.answers.present[study, 1, target] = 0
    return stack


@pytest.fixture(scope="session")
def fitted(two_models) -> CrossFitted:
    return cross_fit(two_models)
