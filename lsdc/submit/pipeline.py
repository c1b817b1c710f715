"""The story of a submission: valid from the first second, then better study by study, in time, whatever happens."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lsdc.competition.asked import SERIES_FILE, open_test_part, read_asked
from lsdc.config import ComputeSettings
from lsdc.errors import DataError, StorageError
from lsdc.files import write_json
from lsdc.progress import track
from lsdc.record import memory_of_processes_gb
from lsdc.submit.crew import Crew, choose_crew
from lsdc.submit.effort import Effort, Pace
from lsdc.submit.growing import GrowingSubmission
from lsdc.submit.hands import Hands, hired
from lsdc.submit.outcome import Ledger, Outcome, outcome_of
from lsdc.submit.parts import Part, Parts
from lsdc.submit.recipe import Recipe
from lsdc.submit.terms import Terms
from lsdc.submit.worker import Job

UNKNOWN = f"the study is not in {SERIES_FILE}"

log = logging.getLogger(__name__)


def predict_test_part(data: Path, recipe: Recipe, compute: ComputeSettings, terms: Terms, *,
                      hire: Callable[[Crew], Hands] = hired) -> Outcome:
    """Answer the sample submission of a competition folder, and leave it at `terms.out`.

    TableError where the sample cannot be answered, WeightsError where the models are not whole. In a strict run also
    DataError for a faulty test part and StorageError for a full disk; the file that is there by then stays valid.
    """
    asked = read_asked(data)
    submission = GrowingSubmission(terms.out, asked, recipe.priors(), clock=terms.clock)
    parts, ledger = Parts(terms.work, recipe.key(precision=compute.precision)), Ledger()
    folder, faults = open_test_part(data, asked)
    known = set(folder.series["test"].study_id)
    pace = Pace(recipe.efforts(), terms.deadline, 1, terms.clock, terms.began)
    todo = [study for study in asked.studies if study in known]
    todo = _taken_up(parts.of(folder), todo, pace.effort, submission, ledger)
    submission.write()  # from here on there is something to hand in
    _judge(faults, data, terms)
    for study_id in set(asked.studies) - known:
        submission.fail(study_id, UNKNOWN)
    crew = choose_crew(recipe, folder, compute, len(todo)) if todo else None
    for part in _graded(todo, crew, hire, pace, ledger):
        _keep(part, parts, ledger, terms)
        _put(part, submission, ledger)
        if submission.due:
            _write(submission, terms)
    submission.write()
    outcome = outcome_of(submission, terms, ledger, pace, crew, faults)
    _leave_summary(outcome, terms)
    return outcome


def _taken_up(found: Iterable[Part], studies: list[int], whole: Effort, submission: GrowingSubmission, ledger: Ledger
              ) -> list[int]:
    """Put in what an earlier run finished. What is left to do: at its end, what failed or got less effort then."""
    done, again = set(), []
    for part in found:
        _put(part, submission, ledger, quiet=True)
        if part.failed or part.effort != whole:
            again.append(part.study_id)
        else:
            done.add(part.study_id)
    ledger.kept = len(done)
    return [study for study in studies if study not in done and study not in again] + again


def _graded(todo: list[int], crew: Crew | None, hire: Callable[[Crew], Hands], pace: Pace, ledger: Ledger
            ) -> Iterator[Part]:
    """Deal the studies out, and give the parts as they come, until all are there or the time is over."""
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
        while waiting and hands.room() > 0:
            hands.give(Job(waiting.popleft(), pace.effort))
            working += 1
        for part in hands.wait(pace.left()):
            working -= 1
            ledger.ended.append(pace.clock())
            if not part.failed:
                pace.note(part.effort, part.seconds)
            ledger.memory_gb.append(memory_of_processes_gb(hands.processes()))
            pace.lanes = hands.lanes
            if said := pace.look(len(waiting) + working):
                log.warning("%s", said)
            yield part


def _put(part: Part, submission: GrowingSubmission, ledger: Ledger, *, quiet: bool = False) -> None:
    for fault in () if quiet else part.faults:
        log.warning("study %s: %s", part.study_id, fault)
    ledger.failed.pop(part.study_id, None)
    if part.failed:
        if not quiet:
            log.warning("study %s is answered by priors: %s", part.study_id, part.failed)
        ledger.failed[part.study_id] = part.failed
        submission.fail(part.study_id, part.failed)
    else:
        submission.put(part.study_id, part.values, part.fallback)


def _keep(part: Part, parts: Parts, ledger: Ledger, terms: Terms) -> None:
    ledger.graded.append(part)
    try:
        parts.keep(part)
    except StorageError as error:
        if terms.strict:
            raise
        if not ledger.lost_parts:
            log.warning("finished studies are not kept: %s", error)
        ledger.lost_parts += 1


def _write(submission: GrowingSubmission, terms: Terms) -> None:
    """An early write, of which a lenient run can do without."""
    try:
        submission.write()
    except StorageError as error:
        if terms.strict:
            raise
        submission.written_at = terms.clock()
        log.warning("the file is not renewed: %s", error)


def _judge(faults: list[str], data: Path, terms: Terms) -> None:
    for fault in faults:
        log.warning("%s", fault)
    if faults and terms.strict:
        raise DataError(f"this test part cannot be predicted as it is ({len(faults)} faults)", where=data,
                        got="\n          ".join(faults), wanted="a sample submission and its studies",
                        remedy=f"{terms.out} holds priors; mend the folder, or use --lenient")


def _leave_summary(outcome: Outcome, terms: Terms) -> None:
    try:
        write_json(terms.work / "summary.json", outcome.figures)
    except StorageError as error:
        if terms.strict:
            raise
        log.warning("no summary.json: %s", error)
