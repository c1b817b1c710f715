"""A submission that is whole from the first moment: priors in every row, then better rows as they come."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.competition.asked import Asked
from lsdc.errors import StorageError, TableError
from lsdc.files import written_aside
from lsdc.submit.writer import check_submission, write_submission
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS, parse_row_id, row_id

OFTEN_S = 20.0  # a file is not written again sooner, nor than after 50 times what a write takes
NOT_REACHED, STRANGE = "not predicted", "its row_id names no target"


class GrowingSubmission:
    """The sample's rows, each with its probabilities and, where priors answer, the cause."""

    def __init__(self, path: Path, asked: Asked, priors: np.ndarray, *, clock: Callable[[], float] = time.monotonic):
        self.path, self.asked, self.priors, self.clock = Path(path), asked, priors, clock
        self.place = {text: number for number, text in enumerate(asked.rows)}
        strange, mean = set(asked.strange), priors.mean(axis=0)
        number = {target: index for index, target in enumerate(TARGETS)}
        self.values = np.stack([mean if text in strange else priors[number[parse_row_id(text)[1]]]
                                for text in asked.rows])
        self.fallback = [STRANGE if text in strange else NOT_REACHED for text in asked.rows]
        self.written_at, self.write_s, self.changed = float("-inf"), 0.0, True

    def put(self, study_id: int, values: Sequence, fallback: Sequence[str | None]) -> None:
        """The 25 rows of a study, in the order of TARGETS; those that the sample does not ask for are left out."""
        for target, row, cause in zip(TARGETS, values, fallback, strict=True):
            if (place := self.place.get(row_id(study_id, target))) is not None:
                self.values[place], self.fallback[place] = row, cause
        self.changed = True

    def fail(self, study_id: int, cause: str) -> None:
        """Priors in the rows of a study, and why."""
        self.put(study_id, self.priors, [cause] * len(TARGETS))

    @property
    def due(self) -> bool:
        return self.changed and self.clock() - self.written_at >= max(OFTEN_S, 50 * self.write_s)

    def begin(self) -> None:
        """Write the priors, unless a valid answer of an earlier run to the same sample is there.

        StorageError where something else than a file is in its place.
        """
        if self.path.exists() and not self.path.is_file():  # a device may be read without end
            raise StorageError("the submission is to be a file", where=self.path,
                               got="a folder" if self.path.is_dir() else "something else than a file",
                               remedy="name a file with --out, as in --out submission.csv")
        try:
            check_submission(self.path, list(self.asked.rows))
        except TableError:
            self.write()

    def write(self) -> None:
        """Write aside, read again, check, rename; StorageError when there is no room, and the old file stays."""
        began, sample = self.clock(), list(self.asked.rows)
        try:
            with written_aside(self.path) as aside:
                write_submission(self.rows(), sample, aside)
                check_submission(aside, sample)
        except StorageError as error:
            raise StorageError(error.problem, got=error.got, where=self.path, remedy="free some space, or choose "
                               "another place with --out; what was there before is whole") from error
        self.written_at, self.changed = self.clock(), False
        self.write_s = self.written_at - began

    def rows(self) -> pd.DataFrame:
        """row_id, the probabilities, fallback (None where a model answered)."""
        frame = pd.DataFrame(self.values, columns=list(SEVERITY_COLUMNS))
        frame.insert(0, "row_id", list(self.asked.rows))
        return frame.assign(fallback=pd.Series(self.fallback, dtype="string"))

    def causes(self) -> dict[str, int]:
        """Rows that priors answer, by cause, most first."""
        return dict(Counter(cause for cause in self.fallback if cause is not None).most_common())
