"""`kill -9` at random moments: a real command in a process group of its own, killed, and given again until it is done.

The moments are drawn uniformly over the time that an undisturbed run takes. A command that got done is begun anew in a
fresh place until all kills are spent, and each place's results are compared with the undisturbed ones.
"""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import Place
from tests.faults.results import differences, results

PATIENCE_S = 1800


@dataclass(frozen=True)
class Case:
    """A command of Python's, run in a place.

    made: files and folders of the place that are its results. make: what is there before the first run. after_kill:
    what must hold whenever a run was killed; None: what has its final name is as an undisturbed run leaves it. alone:
    by turns only the first process is killed, and the others have to end by themselves.
    """

    words: tuple
    made: tuple[str, ...]
    make: Callable[[Place], None] = lambda place: None
    after_kill: Callable[[Place], None] | None = None
    alone: bool = False


@dataclass
class Tally:
    """What was done to a command: kills, runs that went on after one, and places whose results were compared."""

    seconds: float
    kills: int = 0
    resumed: int = 0
    places: int = 0
    moments: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        moments = ", ".join(f"{moment:.1f}" for moment in self.moments)
        return (f"{self.kills} kills at {moments} s of {self.seconds:.1f} s, {self.resumed} runs went on, results of "
                f"{self.places} places compared")


@dataclass(frozen=True)
class Undisturbed:
    """A place in which a command got done, and how long it took."""

    folder: Path
    seconds: float


def undisturbed(case: Case, place: Place) -> Undisturbed:
    case.make(place)
    began = time.monotonic()
    _to_the_end(case, place)
    return Undisturbed(place.folder, time.monotonic() - began)


def kill_often(case: Case, quiet: Undisturbed, new_place: Callable[[], Place], *, kills: int, seed: int) -> Tally:
    """Kill a command so many times, and fail where that makes a difference."""
    draw = random.Random(seed)  # noqa: S311 (moments, no secrets)
    tally, wanted = Tally(quiet.seconds), results(quiet.folder, case.made)
    assert wanted
    while tally.kills < kills:
        place, done = new_place(), False
        case.make(place)
        while not done and tally.kills < kills:
            moment = draw.uniform(0, tally.seconds)
            done = not _killed(case, place, moment, alone=case.alone and tally.kills % 2 == 1)
            if not done:
                tally.kills += 1
                tally.resumed += 1
                tally.moments.append(moment)
                case.after_kill(place) if case.after_kill else _nothing_half_written(place.folder, case.made, wanted)
        if not done:
            _to_the_end(case, place)
        tally.places += 1
        assert not (other := differences(wanted, results(place.folder, case.made))), other
        assert not (left := left_aside(place.folder)), left
    print(f"\n{' '.join(map(str, case.words[:4]))}: {tally}")
    return tally


def _to_the_end(case: Case, place: Place) -> None:
    process = place.begin(*case.words)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said[-4000:]


def _killed(case: Case, place: Place, moment: float, *, alone: bool) -> bool:
    """Whether a run lived long enough to be killed after so many seconds."""
    process = place.begin(*case.words)
    try:
        _, said = process.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        process.kill() if alone else os.killpg(process.pid, signal.SIGKILL)
        end = time.monotonic() + 60
        while place.processes() and time.monotonic() < end:
            time.sleep(0.05)
        assert place.processes() == []
        process.communicate()
        return True
    assert process.returncode == 0, said[-4000:]
    return False


def _nothing_half_written(folder: Path, made: tuple[str, ...], wanted: dict) -> None:
    """What has its final name after a kill is what an undisturbed run leaves there."""
    there = results(folder, made)
    assert differences({name: wanted[name] for name in there.keys() & wanted.keys()}, {
        name: value for name, value in there.items() if name in wanted}) == []


def left_aside(folder: Path) -> list[str]:
    """What writers that were killed left beside the places of their files."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob(".*.aside"))
