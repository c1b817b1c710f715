"""Those who grade without looking: answers are drawn, so that only what `lsdc predict` does around them costs time."""

import os
from collections import deque

import numpy as np

from lsdc.seeding import generator
from lsdc.submit.crew import Crew
from lsdc.submit.parts import Part, files_of
from lsdc.submit.stages import STAGES, WHOLE
from lsdc.submit.worker import Job
from lsdc.taxonomy import TARGETS


def drawn(study_id: int) -> list[list[float]]:
    """25 times three probabilities of a study, in the order of TARGETS."""
    return generator(0, "drawn answers", study_id).dirichlet(np.ones(3), len(TARGETS)).tolist()


class DrawnAnswers:
    """As `lsdc.submit.hands.Hands`: one study at a time in this process; what its files are is looked up, as always."""

    lanes = 1

    def __init__(self, crew: Crew):
        self.folder, self.device, self.jobs = crew.works[0].folder, crew.works[0].device, deque()

    def room(self) -> int:
        return 1 - len(self.jobs)

    def give(self, job: Job) -> None:
        self.jobs.append(job)

    def wait(self, seconds: float | None) -> list[Part]:
        job = self.jobs.popleft()
        return [Part(job.study_id, drawn(job.study_id), [None] * len(TARGETS), job.effort, None, [],
                     dict.fromkeys((*STAGES, WHOLE), 0.0), files_of(self.folder, job.study_id), self.device)]

    def processes(self) -> list[int]:
        return [os.getpid()]

    def close(self) -> None: ...
