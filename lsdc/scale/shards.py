"""`lsdc predict` with its studies graded by tasks: the same story and the same file, other hands."""

import logging
import time
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from lsdc.competition import CompetitionFolder
from lsdc.config import ComputeSettings
from lsdc.errors import FullDiskError, StorageError
from lsdc.ranks import rank
from lsdc.scale.launcher import LOOK_S, Ended, Launcher, story
from lsdc.scale.tasks import Task
from lsdc.scale.terms import Launch
from lsdc.submit.crew import Crew, choose_crew
from lsdc.submit.dealing import graded
from lsdc.submit.effort import Effort, Pace
from lsdc.submit.hands import Processes, hired
from lsdc.submit.outcome import Ledger, Outcome
from lsdc.submit.parts import Part, Parts
from lsdc.submit.pipeline import predict_test_part
from lsdc.submit.recipe import Recipe
from lsdc.submit.terms import Terms
from lsdc.submit.worker import Job

LOOKING = 10  # times as long as a look takes until the next one, where that is longer than usual

log = logging.getLogger(__name__)


def predict_in_shards(data: Path, recipe: Recipe, compute: ComputeSettings, terms: Terms, launch: Launch, shards: int
                      ) -> Outcome:
    """`predict_test_part` with the studies that are left to do split into so many shards, a task for each.

    The answers are those of one machine, and so are the errors; a shard that failed at every try leaves priors.
    LsdcError, before anything is written, where the launcher is not there.
    """
    launcher, made = Launcher(launch), {}

    def choose(recipe: Recipe, folder: CompetitionFolder, compute: ComputeSettings, studies: int) -> Crew:
        parts = Parts(Path(terms.work).absolute(), recipe.key(precision=compute.precision))
        made["hands"] = Shards(launcher, folder, recipe, compute, parts, min(shards, studies), strict=terms.strict)
        return Crew((), "precision as each shard's log says", (), f"{min(shards, studies)} shards ({launch.cluster})")

    with closing(launcher):
        return predict_test_part(data, recipe, compute, terms, choose=choose, hire=lambda crew: made["hands"])


class Shards:
    """Hands (see hands.py) that take all jobs, split them, and hear of a study when its part is on the disk."""

    def __init__(self, launcher: Launcher, folder: CompetitionFolder, recipe: Recipe, compute: ComputeSettings,
                 parts: Parts, count: int, *, strict: bool = True):
        self.launcher, self.folder, self.recipe, self.compute = launcher, folder, recipe, compute
        self.parts, self.count, self.strict = parts, count, strict
        self.jobs: list[Job] = []
        self.dealt: dict[str, tuple[int, ...]] = {}  # studies of each task
        self.open: dict[int, Effort] | None = None  # studies that nothing was heard of; None: nothing has begun
        self.lanes = min(count, launcher.at_once or count)
        self.own: Processes | None = None  # that do the rest where tasks cannot answer
        self.left: deque[Job] = deque()  # for these

    def room(self) -> int:
        return 1 if self.open is None else 0

    def give(self, job: Job) -> None:
        self.jobs.append(job)

    def wait(self, seconds: float | None) -> list[Part]:
        """LsdcError where the cluster refuses a task. FullDiskError where tasks or what they found cannot be written;
        in a lenient run with tasks of this machine it grades what is left itself then, for which no disk is needed.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while self.own is None:
            began = time.monotonic()
            if (found := self._look()) or (until is not None and time.monotonic() >= until):
                return found
            time.sleep(max(LOOK_S, LOOKING * (time.monotonic() - began)))
        while self.left and self.own.room() > 0:
            self.own.give(self.left.popleft())
        return self.own.wait(None if until is None else max(0.0, until - time.monotonic()))

    def processes(self) -> list[int]:
        return self.own.processes() if self.own else self.launcher.processes()

    def close(self) -> None:
        self.launcher.close()
        if self.own:
            self.own.close()

    def _look(self) -> list[Part]:
        """Parts that nobody has heard of yet."""
        if self.open is None:
            self._begin()
        try:
            ended, full = self.launcher.step(), None
        except FullDiskError as error:
            ended, full = [], error
        found = self._there()
        for one in ended:
            if one.full:
                full = FullDiskError(
                    "the disk is full", where=self.parts.folder, got=f"{one.task.name}: {one.failure}",
                    remedy="free some space and run again: studies that are kept there are not graded anew")
            else:
                found += self._last(one)
        if full is not None and self.open:
            found += self._without_tasks(full)
        return found

    def _there(self) -> list[Part]:
        return [self._heard(part) for study in sorted(self.parts.there() & self.open.keys())
                if (part := self._read(study))]

    def _heard(self, part: Part) -> Part:
        del self.open[part.study_id]
        return part

    def _without_tasks(self, error: FullDiskError) -> list[Part]:
        """End the tasks: what they kept, and processes for all else."""
        if self.strict or not self.launcher.local:
            raise error
        log.warning("the studies that are left are graded without --launch: %s", error)
        self.launcher.close()
        found = self._there()
        self.left = deque(job for job in self.jobs if job.study_id in self.open)
        if self.left:
            self.own = hired(choose_crew(self.recipe, self.folder, self.compute, len(self.left)))
            self.lanes = self.own.lanes
        return found

    def _begin(self) -> None:
        self.open = {job.study_id: job.effort for job in self.jobs}
        for study in self.open:  # of an earlier run, which failed or got less effort: a part that comes now is new
            self.parts.forget(study)
        for number in range(self.count):
            studies = self.dealt[f"shard{number}"] = tuple(job.study_id for job in self.jobs[number::self.count])
            self.launcher.add(Task(f"shard{number}", grade_shard, (
                self.folder, self.recipe, self.compute, self.parts, studies, self.jobs[0].effort, self.strict),
                self.parts.folder))

    def _read(self, study: int) -> Part | None:
        return self.parts.read(self.folder, study)

    def _last(self, ended: Ended) -> list[Part]:
        """What is still open of a shard that is over: as it says itself, or failed."""
        if ended.failure is None:
            return [self._heard(part) for part in ended.value if part.study_id in self.open]
        log.warning("%s", story(ended))
        left = [study for study in self.dealt[ended.task.name] if study in self.open]
        return [self._heard(self._read(study) or Part(
            study, effort=self.open[study], failed=f"its shard failed: {ended.failure}")) for study in left]


def grade_shard(folder: CompetitionFolder, recipe: Recipe, compute: ComputeSettings, parts: Parts,
                studies: Sequence[int], effort: Effort, strict: bool = True) -> list[Part]:
    """The part of each of these studies, those that are there already as they are; each is kept as it comes.

    StorageError in a strict run where one cannot be kept; a lenient one returns it nevertheless. What
    `predict_test_part` does for them, in a process that may be killed and started again.
    """
    if rank():  # where a task has several processes, the first does it
        return []
    there = {study: part for study in studies if (part := parts.read(folder, study))}
    todo = [study for study in studies if study not in there]
    pace = Pace((effort,), None, 1, time.monotonic, time.monotonic())
    crew = choose_crew(recipe, folder, compute, len(todo)) if todo else None
    if crew is not None:
        log.info("%d studies in %s, %s", len(todo), crew.lanes, crew.precision)
    with closing(graded(todo, crew, hired, pace, Ledger())) as made:
        for part in made:
            try:
                parts.keep(part)
            except StorageError as error:
                if strict:
                    raise
                log.warning("study %s is not kept: %s", part.study_id, error)
            there[part.study_id] = part
    return [there[study] for study in studies]
