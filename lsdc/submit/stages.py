"""The stages of a study's way from its files to its rows, and a watch that times them."""

import time
from collections.abc import Callable

STAGES = ("read", "detect", "decode levels", "crops and grade")  # reading may happen while another study is graded
WHOLE = "whole"  # seconds from one study to the next

Lap = Callable[[str], None]


class Stopwatch:
    """Seconds by stage: a lap goes to the stage that it names, and begins the next."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter):
        self.clock, self.seconds, self.began = clock, dict.fromkeys(STAGES, 0.0), clock()
        self.last = self.began

    def __call__(self, stage: str) -> None:
        now = self.clock()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self.last
        self.last = now

    @property
    def whole(self) -> float:
        return self.last - self.began
