"""`lsdc predict` with its studies graded by tasks: the same story and the same file, other hands."""

import logging
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from lsdc.competition import CompetitionFolder
from lsdc.config import ComputeSettings
from lsdc.errors import StorageError
from lsdc.ranks import rank
from lsdc.scale.launcher import LOOK_S, Ended, Launcher, story
from lsdc.scale.tasks import Task
from lsdc.scale.terms import Launch
from lsdc.submit.crew import Crew, choose_crew
from lsdc.submit.dealing import graded
from lsdc.submit.effort import Effort, Pace
from lsdc.submit.hands import hired
from lsdc.submit.outcome import Ledger, Outcome
from lsdc.submit.parts import Part, Parts
from lsdc.submit.pipeline import predict_test_part
from lsdc.submit.recipe import Recipe
from lsdc.submit.terms import Terms
from lsdc.submit.worker import Job

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
        made["hands"] = Shards(launcher, folder, recipe, compute, parts, min(shards, studies))
        return Crew((), "precision as each shard's log says", (), f"{min(shards, studies)} shards ({launch.cluster})")

    with closing(launcher):
        return predict_test_part(data, recipe, compute, terms, choose=choose, hire=lambda crew: made["hands"])


class Shards:
    """Hands (see hands.py) that take all jobs, split them, and hear of a study when its part is on the disk."""

    def __init__(self, launcher: Launcher, folder: CompetitionFolder, recipe: Recipe, compute: ComputeSettings,
                 parts: Parts, count: int):
        self.launcher, self.folder, self.recipe, self.compute = launcher, folder, recipe, compute
        self.parts, self.count = parts, count
        self.jobs: list[Job] = []
        self.dealt: dict[str, tuple[int, ...]] = {}  # studies of each task
        self.open: dict[int, Effort] | None = None  # studies that nothing was heard of; None: nothing has begun
        self.lanes = min(count, launcher.at_once or count)

    def room(self) -> int:
        return 1 if self.open is None else 0

    def give(self, job: Job) -> None:
        self.jobs.append(job)

    def wait(self, seconds: float | None) -> list[Part]:
        """LsdcError where the cluster refuses a task."""
        if self.open is None:
            self._begin()
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            ended = self.launcher.step()
            there = self.parts.there()
            found = [part for study in sorted(there & self.open.keys()) if (part := self._read(study))]
            found += [part for one in ended for part in self._last(one, {part.study_id for part in found})]
            for part in found:
                del self.open[part.study_id]
            if found or (until is not None and time.monotonic() >= until):
                return found
            time.sleep(LOOK_S)

    def processes(self) -> list[int]:
        return self.launcher.processes()

    def close(self) -> None:
        self.launcher.close()

    def _begin(self) -> None:
        self.open = {job.study_id: job.effort for job in self.jobs}
        for study in self.open:  # of an earlier run, which failed or got less effort: a part that comes now is new
            self.parts.forget(study)
        for number in range(self.count):
            studies = self.dealt[f"shard{number}"] = tuple(job.study_id for job in self.jobs[number::self.count])
            self.launcher.add(Task(f"shard{number}", grade_shard, (
                self.folder, self.recipe, self.compute, self.parts, studies, self.jobs[0].effort), self.parts.folder))

    def _read(self, study: int) -> Part | None:
        return self.parts.read(self.folder, study)

    def _last(self, ended: Ended, heard: set[int]) -> list[Part]:
        """What is still open of a shard that is over: as it says itself, or failed."""
        if ended.failure is None:
            return [part for part in ended.value if part.study_id in self.open.keys() - heard]
        log.warning("%s", story(ended))
        left = [study for study in self.dealt[ended.task.name] if study in self.open.keys() - heard]
        return [self._read(study) or Part(study, effort=self.open[study], failed=f"its shard failed: {ended.failure}")
                for study in left]


def grade_shard(folder: CompetitionFolder, recipe: Recipe, compute: ComputeSettings, parts: Parts,
                studies: Sequence[int], effort: Effort) -> list[Part]:
    """The part of each of these studies, those that are there already as they are; each is kept as it comes.

    What `predict_test_part` does for them, in a process that may be killed and started again.
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
            except StorageError as error:  # what is returned counts
                log.warning("study %s is not kept: %s", part.study_id, error)
            there[part.study_id] = part
    return [there[study] for study in studies]
