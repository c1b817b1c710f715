"""How much is done for a study, and what is left out first when time runs short."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean

FLIP_SHARE = 0.65  # of crops and grading that is left without the mirrored look; both looks share the crops
FIRST = 3  # studies that are timed before a projection is believed; the first ones may be slow for once
RECENT = 30  # studies that a projection looks back on
RESERVE_S, RESERVE_SHARE = (2.0, 60.0), 0.02  # kept back for the last write: this share of the time, within these


@dataclass(frozen=True)
class Effort:
    """folds: how many of each run's folds look at a study. flip: whether its mirror image is looked at too."""

    folds: int
    flip: bool

    def __str__(self) -> str:
        return f"{self.folds} fold{'s' if self.folds > 1 else ''} of each run" + (", mirrored too" if self.flip else "")


def ladder(folds: int, *, flip: bool) -> tuple[Effort, ...]:
    """From the whole effort down: first without the mirrored look, then fold by fold."""
    steps = (Effort(folds, True),) if flip else ()
    return (*steps, *(Effort(count, False) for count in range(folds, 0, -1)))


@dataclass
class Pace:
    """Watches the clock and goes down the ladder, never up.

    deadline: by `clock` (monotonic seconds), None for as long as it takes. lanes: studies graded at the same time.
    """

    steps: tuple[Effort, ...]
    deadline: float | None
    lanes: int
    clock: Callable[[], float]
    began: float
    degraded: list[str] = field(default_factory=list)
    _at: int = 0
    _timed: list[tuple[Effort, dict[str, float]]] = field(default_factory=list)

    @property
    def effort(self) -> Effort:
        return self.steps[self._at]

    @property
    def ends(self) -> float | None:
        """When the last study must be done, so that the file can still be written."""
        if self.deadline is None:
            return None
        low, high = RESERVE_S
        return self.deadline - min(max(low, RESERVE_SHARE * (self.deadline - self.began)), high)

    def left(self) -> float | None:
        return None if self.ends is None else self.ends - self.clock()

    @property
    def over(self) -> bool:
        return self.ends is not None and self.clock() >= self.ends

    def note(self, effort: Effort, seconds: dict[str, float]) -> None:
        """A study was graded in these seconds: "whole" and its stages."""
        self._timed = [*self._timed, (effort, seconds)][-RECENT:]

    @property
    def blind(self) -> bool:
        """Whether there is a deadline and nothing is known yet of what a study takes."""
        return self.deadline is not None and not self._timed

    def projected(self, studies: int, effort: Effort | None = None) -> float | None:
        """Seconds that this many studies will take, the last ones with idle processes beside them; None while blind."""
        if not self._timed:
            return None
        return math.ceil(studies / self.lanes) * fmean(_scaled(seconds, made, effort or self.effort)
                                                       for made, seconds in self._timed)

    def look(self, studies: int) -> str | None:
        """Go down as far as the studies left to do ask for; what was given up, in words, or None.

        Of fewer than FIRST timed studies it is only believed that waiting for another would come too late: that after
        one more for each process the rest could not be done with the least effort.
        """
        before, left = self.effort, self.left()
        if left is None or (expected := self.projected(studies)) is None:
            return None
        if len(self._timed) < FIRST and self._can_wait(studies, left):
            return None
        while self._at + 1 < len(self.steps) and self.projected(studies) > left:
            self._at += 1
        if self.effort == before:
            return None
        said = (f"after {self.clock() - self.began:.0f} s: {studies} studies would take {expected:.0f} s more and "
                f"{max(left, 0):.0f} s are left: {self.effort} from here on (it was {before})")
        self.degraded.append(said)
        return said

    def _can_wait(self, studies: int, left: float) -> bool:
        after = max(studies - self.lanes, 0)
        return self.projected(min(studies, self.lanes)) + self.projected(after, self.steps[-1]) <= left


def _scaled(seconds: dict[str, float], made: Effort, wanted: Effort) -> float:
    """Whole seconds of a study that was graded with one effort, as with another."""
    folds = wanted.folds / made.folds
    flip = FLIP_SHARE if made.flip and not wanted.flip else 1.0
    places = seconds["detect"] + seconds["decode levels"]
    grade = seconds["crops and grade"]
    return seconds["whole"] + places * (folds - 1) + grade * (folds * flip - 1)
