"""What a prediction has so far, in the file, in its parts and in the ledger; and what a lenient run can do without."""

import logging
from collections.abc import Sequence
from pathlib import Path

from lsdc.competition import CompetitionFolder
from lsdc.competition.asked import SERIES_FILE
from lsdc.errors import DataError, LsdcError, StorageError
from lsdc.files import alone, write_json
from lsdc.submit.crew import Crew
from lsdc.submit.effort import Pace
from lsdc.submit.growing import GrowingSubmission
from lsdc.submit.outcome import Ledger, Outcome, outcome_of
from lsdc.submit.parts import Part, Parts
from lsdc.submit.terms import Terms

UNKNOWN = f"the study is not in {SERIES_FILE}"

log = logging.getLogger(__name__)


class Books:
    """Keeps submission, parts and ledger together. Whatever is caught here is told, and an error in a strict run."""

    def __init__(self, submission: GrowingSubmission, terms: Terms):
        self.submission, self.terms, self.ledger, self.faults = submission, terms, Ledger(), []
        self.parts: Parts | None = None  # of the recipe that is at work, as what follows
        self.pace: Pace | None = None
        self.crew: Crew | None = None

    def judge(self, faults: list[str], data: Path) -> None:
        """What is wrong with the folder. A strict run that ends here leaves priors, not another run's file that would
        pass for its own."""
        self.faults = faults
        for fault in faults:
            log.warning("%s", fault)
        if faults and self.terms.strict:
            self.submission.write()
            raise DataError(f"this test part cannot be predicted as it is ({len(faults)} faults)", where=data,
                            got="\n          ".join(faults), wanted="a sample submission and its studies",
                            remedy=f"{self.terms.out} is valid and holds priors only; mend the folder, or use "
                                   "`lsdc predict --lenient`")

    def take_up(self, folder: CompetitionFolder, parts: Parts, pace: Pace) -> list[int]:
        """Enter what an earlier run finished. What is left to do: at its end, what failed or got less effort then.

        Studies without a series in the table are answered by priors.
        """
        self.parts = parts
        known, done, again = set(folder.series["test"].study_id), set(), []
        for study_id in self.submission.asked.studies:
            if study_id not in known:
                self.submission.fail(study_id, UNKNOWN)
        for part in self.parts.of(folder):
            self._put(part)
            if part.failed or part.effort != pace.effort:
                again.append(part.study_id)
            else:
                done.add(part.study_id)
        self.ledger.kept = len(done)
        self.submission.write()
        left = known - done - set(again)
        fresh = [study for study in self.submission.asked.studies if study in left]
        return fresh + again

    def enter(self, part: Part) -> None:
        """A study that was graded, or failed."""
        self.ledger.note(part)
        for fault in part.faults:
            log.warning("study %s: %s", part.study_id, fault)
        if part.failed:
            log.warning("study %s is answered by priors: %s", part.study_id, part.failed)
        try:
            self.parts.keep(part)
        except StorageError as error:
            self._without(error, "finished studies are not kept" if not self.ledger.lost_parts else "")
            self.ledger.lost_parts += 1
        self._put(part)
        if self.submission.due:
            try:
                self.submission.write()
            except StorageError as error:
                self._without(error, "the file is not renewed")
                self.submission.written_at = self.terms.clock()

    def give_up(self, error: LsdcError, todo: list[int]) -> None:
        """What stops all grading: priors for the studies that are left."""
        self._without(error, "no more studies are graded")
        for study_id in set(todo) - {part.study_id for part in self.ledger.graded}:
            self.ledger.failed[study_id] = error.problem
            self.submission.fail(study_id, error.problem)

    def close(self, left_out: Sequence[str]) -> Outcome:
        """Write the file for the last time, and summary.json. StorageError where the file cannot be written."""
        self.submission.write()
        outcome = outcome_of(self.submission, self.terms, self.ledger, self.pace, self.crew, self.faults,
                             left_out)
        try:
            summary = self.terms.work / "summary.json"
            with alone(summary):
                write_json(summary, outcome.figures)
        except StorageError as error:
            self._without(error, "no summary.json")
        return outcome

    def _put(self, part: Part) -> None:
        self.ledger.failed.pop(part.study_id, None)
        if part.failed:
            self.ledger.failed[part.study_id] = part.failed
            self.submission.fail(part.study_id, part.failed)
        else:
            self.submission.put(part.study_id, part.values, part.fallback)

    def _without(self, error: LsdcError, said: str) -> None:
        if self.terms.strict:
            raise error
        if said:
            log.warning("%s: %s", said, error)
