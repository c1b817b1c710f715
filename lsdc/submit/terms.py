"""On what terms a test part is predicted: where to, until when, and what is not acceptable."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

FALLBACK_LIMIT = 0.10  # share of rows that priors may answer in a strict run


@dataclass(frozen=True)
class Terms:
    """out: the submission.csv. work: where finished studies are kept. deadline_s: seconds from `began` on, None: any.

    strict: a fault of the data, a study that failed or was not reached, or a share of priors above fallback_limit is an
    error at the end; else these are counted and reported only. clock: monotonic seconds.
    """

    out: Path
    work: Path
    strict: bool = True
    fallback_limit: float = FALLBACK_LIMIT
    deadline_s: float | None = None
    clock: Callable[[], float] = time.monotonic
    began: float = field(default=None)

    def __post_init__(self):
        if self.began is None:
            object.__setattr__(self, "began", self.clock())

    @property
    def deadline(self) -> float | None:
        return None if self.deadline_s is None else self.began + self.deadline_s
