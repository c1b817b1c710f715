"""A fitted blend: steps applied one after the other. Needs numpy and pandas only, so that a submission can use it."""

from dataclasses import dataclass

import numpy as np

from lsdc.blend.formulas import apply_step, with_weights
from lsdc.blend.stack import Answers


@dataclass(frozen=True, eq=False)
class Fitted:
    """A step (pool, temperature, vector, second_level, any_severe) with its parameters."""

    kind: str
    parameters: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Chain:
    """Fitted steps, the first a pool."""

    steps: tuple[Fitted, ...]

    def plain(self, answers: Answers) -> np.ndarray:
        """(n, 25, 3) probabilities without the metric's weights."""
        p = None
        for step in self.steps:
            p = apply_step(step.kind, step.parameters, answers, p)
        return p

    def __call__(self, answers: Answers) -> np.ndarray:
        """(n, 25, 3) probabilities that carry the metric's weights and sum to 1."""
        return with_weights(self.plain(answers))
