"""The candidates among which a blend is chosen, the simplest first, and their chains of fitted steps."""

from collections.abc import Sequence

import numpy as np

from lsdc.blend.chain import Chain, Fitted
from lsdc.blend.fit import Step, fit_step
from lsdc.blend.formulas import apply_step
from lsdc.blend.stack import Stack

SINGLE, MEAN = Step("pool", "single"), Step("pool", "mean")
WEIGHTS, BY_LEVEL = Step("pool", "weights", ridge=0.1), Step("pool", "weights by level", ridge=0.3)
TEMPERATURE, VECTOR = Step("temperature", ridge=0.1), Step("vector", ridge=0.3)
FIRM, MILD = Step("second_level", ridge=10.0), Step("second_level", ridge=1.0)
ANY_SEVERE = Step("any_severe", ridge=0.3)

CANDIDATES: dict[str, tuple[Step, ...]] = {
    "best single model": (SINGLE,),
    "mean": (MEAN,),
    "weights": (WEIGHTS,),
    "weights, temperature": (WEIGHTS, TEMPERATURE),
    "weights, temperature, any severe": (WEIGHTS, TEMPERATURE, ANY_SEVERE),
    "weights by level, temperature": (BY_LEVEL, TEMPERATURE),
    "weights, vector": (WEIGHTS, VECTOR),
    "weights, vector, any severe": (WEIGHTS, VECTOR, ANY_SEVERE),
    "second level, firm": (WEIGHTS, TEMPERATURE, FIRM),
    "second level, firm, any severe": (WEIGHTS, TEMPERATURE, FIRM, ANY_SEVERE),
    "second level, mild": (WEIGHTS, TEMPERATURE, MILD),
    "second level, mild, any severe": (WEIGHTS, TEMPERATURE, MILD, ANY_SEVERE),
}
OF_ONE_MODEL = {
    "as it is": "mean", "temperature": "weights, temperature",
    "temperature, any severe": "weights, temperature, any severe", "vector": "weights, vector",
    "vector, any severe": "weights, vector, any severe",
    **{name: name for name in CANDIDATES if name.startswith("second level")},
}


def candidates_for(models: Sequence[str]) -> dict[str, tuple[Step, ...]]:
    """Chains of steps by name, the simplest first; of one model those that do not mix."""
    if len(models) > 1:
        return dict(CANDIDATES)
    return {own: (MEAN, *CANDIDATES[name][1:]) for own, name in OF_ONE_MODEL.items()}


def fit_chains(candidates: dict[str, tuple[Step, ...]], stack: Stack) -> dict[str, Chain]:
    """Every candidate fitted on the studies of a stack; steps that candidates begin with alike are fitted once."""
    done: dict[tuple[Step, ...], tuple[tuple[Fitted, ...], np.ndarray | None]] = {(): ((), None)}

    def fitted(steps: tuple[Step, ...]) -> tuple[tuple[Fitted, ...], np.ndarray | None]:
        if steps not in done:
            before, p = fitted(steps[:-1])
            last = fit_step(steps[-1], stack, p)
            done[steps] = (*before, last), apply_step(last.kind, last.parameters, stack.answers, p)
        return done[steps]

    return {name: Chain(fitted(steps)[0]) for name, steps in candidates.items()}
