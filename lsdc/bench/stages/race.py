"""Two ways of doing the same, timed in turns: ours, what a user would otherwise do, and what bounds both."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lsdc.errors import LsdcError

Work = Callable[[], object]
LEAST, MOST = 3, 9  # rounds
ENOUGH_S = 6.0  # of rounds, where there are enough of them


class Timed(NamedTuple):
    """What a work gives that took its own time, in another process or without what came before; seconds."""

    value: object
    seconds: float


@dataclass(frozen=True, eq=False)
class Rival:
    """Another way. times: how often it does in one call what ours is counted by; goal: how often ours should fit in.

    agrees: whether what ours gave and what it gave are the same; None where they are not meant to be.
    """

    name: str
    work: Work
    goal: float | None = None
    times: float = 1
    agrees: Callable[[object, object], bool] | None = None


@dataclass(frozen=True, eq=False)
class Race:
    """A stage: ours, and beside it other ways and the least that it could take on this machine.

    unit: what the seconds are of. times: how many of it ours does in one call. limited_by: what bounds it, in words;
    bound: that alone, as work (None: not measured), done bound_times in one call.
    """

    ours: Work
    unit: str
    limited_by: str
    rivals: tuple[Rival, ...] = ()
    bound: Work | None = None
    times: float = 1
    bound_times: float = 1


def run(race: Race, *, clock: Callable[[], float] = time.perf_counter) -> dict:
    """Everything once untimed, then in turns (ours, the rivals, the bound, ours, ...); figures for json.

    At least LEAST rounds; from then on until ENOUGH_S seconds or MOST rounds are spent. LsdcError, untimed, where a way
    that is to give the same as ours does not.
    """
    ways = [(race.ours, race.times), *((one.work, one.times) for one in race.rivals),
            *([(race.bound, race.bound_times)] if race.bound else [])]
    _compared(race)
    seconds, began = [[] for _ in ways], clock()
    while len(seconds[0]) < LEAST or (len(seconds[0]) < MOST and clock() - began < ENOUGH_S):
        for way, (work, times) in zip(seconds, ways, strict=True):
            way.append(_seconds(work, clock) / times)
    ours, others = seconds[0], seconds[1:len(race.rivals) + 1]
    return {
        "unit": race.unit, "limited_by": race.limited_by, "seconds": spread(ours), "rounds": len(ours),
        "bound": spread(seconds[-1]) if race.bound else None,
        "rivals": [{"name": one.name, "goal": one.goal, "compared": one.agrees is not None, "seconds": spread(its),
                    "ratio": spread([theirs / mine for theirs, mine in zip(its, ours, strict=True)])}
                   for one, its in zip(race.rivals, others, strict=True)],
    }


def _compared(race: Race) -> None:
    """Every way once; LsdcError where values differ that are to be the same."""
    ours = _value(race.ours())
    for rival in race.rivals:
        its = _value(rival.work())
        if rival.agrees is not None and not rival.agrees(ours, its):
            raise LsdcError(f"ours and {rival.name} give different values")
    if race.bound:
        race.bound()


def _value(told: object) -> object:
    return told.value if isinstance(told, Timed) else told


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and largest.

    >>> spread([3.0, 1.0, 2.0])
    {'median': 2.0, 'least': 1.0, 'largest': 3.0}
    """
    return {"median": statistics.median(values), "least": min(values), "largest": max(values)}


def _seconds(work: Work, clock: Callable[[], float]) -> float:
    start = clock()
    told = work()
    return told.seconds if isinstance(told, Timed) else clock() - start
