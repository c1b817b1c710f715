"""Studies dealt out to those who grade, until all are done or the time is over."""

import logging
from collections import deque
from collections.abc import Callable, Iterator

from lsdc.progress import track
from lsdc.record import memory_of_processes_gb
from lsdc.submit.crew import Crew
from lsdc.submit.effort import Pace
from lsdc.submit.hands import Hands
from lsdc.submit.outcome import Ledger
from lsdc.submit.parts import Part
from lsdc.submit.worker import Job

log = logging.getLogger(__name__)


def graded(todo: list[int], crew: Crew, hire: Callable[[Crew], Hands], pace: Pace, ledger: Ledger) -> Iterator[Part]:
    """The studies' parts as they come, one or two studies of each process at a time. To be closed, which ends these.

    Before each study the clock is looked at: `pace` says how much is done for it. Until it has timed one, no process
    has a second study waiting, which would be given the whole effort unseen.
    """
    if not todo:
        return
    hands = hire(crew)
    try:
        yield from track(_dealt(deque(todo), hands, pace, ledger), "predict test studies", len(todo))
    finally:
        hands.close()


def _dealt(waiting: deque[int], hands: Hands, pace: Pace, ledger: Ledger) -> Iterator[Part]:
    working = 0
    while (waiting or working) and not pace.over:
        while waiting and hands.room() > 0 and not (pace.blind and working >= hands.lanes):
            hands.give(Job(waiting.popleft(), pace.effort))
            working += 1
        for part in hands.wait(pace.left()):
            working -= 1
            ledger.ended.append(pace.clock())
            ledger.memory_gb.append(memory_of_processes_gb(hands.processes()))
            if not part.failed:
                pace.note(part.effort, part.seconds)
            pace.lanes = hands.lanes
            if said := pace.look(len(waiting) + working):
                log.warning("%s", said)
            yield part
