"""A fold's studies through its own trained models, each in a process of its own: reading one takes one core."""

import multiprocessing
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import pandas as pd
import torch

from lsdc.competition import CompetitionFolder, read_study
from lsdc.competition.priors import read_priors
from lsdc.config import ComputeSettings
from lsdc.detect import Detector, locate, match_boxes, measure_errors
from lsdc.device import choose_device, memory_of
from lsdc.grade import Grader
from lsdc.processes import each
from lsdc.runs import FoldFolder
from lsdc.tables import LOCATIONS
from lsdc.threads import cores

FEW = 13  # studies; fewer are done before processes have started
ON_GPU = 8  # processes at most that share one GPU, each with about 0.5 GB of it for itself
SHARING = "or compute.workers, whose processes share the memory"


class Located(NamedTuple):
    """What the detector's chain says of one study: LOCATIONS, LEVELS and LOCATION_NOTES; on a tuning study how far off
    it is (LOCATION_ERRORS), on a held-out one how its boxes fare (BOX_MATCHES).
    """

    study_id: int
    locations: pd.DataFrame
    levels: pd.DataFrame
    notes: pd.DataFrame
    errors: pd.DataFrame | None
    matches: pd.DataFrame | None


class _Models:
    """A fold's models, loaded where they are first used: the process that gets this, not the one that sends it."""

    def __init__(self, here: FoldFolder, compute: ComputeSettings):
        self.here, self.compute = here, compute

    @cached_property
    def device(self) -> torch.device:
        if multiprocessing.parent_process() is not None:
            torch.set_num_threads(1)  # the other cores have processes of their own
        return choose_device(self.compute)

    @cached_property
    def detector(self) -> Detector:
        return Detector.load(self.here.detector, self.device, batch=self.compute.detect_batch)

    @cached_property
    def grader(self) -> Grader:
        return Grader.load(self.here.classifier, self.device, batch_size=self.compute.batch_size)

    @cached_property
    def priors(self) -> pd.DataFrame:
        return read_priors(self.here.priors)


def locate_studies(
    folder: CompetitionFolder, here: FoldFolder, compute: ComputeSettings, held_out: Sequence[int],
    tuning: Sequence[int],
) -> Iterator[Located]:
    """Each study located by the fold's detector, the held-out ones first, in their order."""
    jobs = [*((study_id, False) for study_id in held_out), *((study_id, True) for study_id in tuning)]
    yield from each(_locate, jobs, what="locate studies", workers=_workers(compute), few=FEW,
                    shared=(folder, _Models(here, compute)))


def grade_studies(
    folder: CompetitionFolder, here: FoldFolder, compute: ComputeSettings, studies: Sequence[int]
) -> Iterator[pd.DataFrame]:
    """PREDICTIONS of each study, in their order, by the fold's classifier at its detector's locations."""
    locations = LOCATIONS.read(here.locations)
    jobs = [(study_id, locations[locations.study_id == study_id]) for study_id in studies]
    yield from each(_grade, jobs, what="grade studies", workers=_workers(compute), few=FEW,
                    shared=(folder, _Models(here, compute)))


def _workers(compute: ComputeSettings) -> int:
    wanted = compute.workers or cores()
    return wanted if choose_device(compute).type == "cpu" else min(wanted, ON_GPU)


def _locate(folder: CompetitionFolder, models: _Models, study_id: int, tuning: bool) -> Located:
    study, points = read_study(folder, study_id), folder.points[folder.points.study_id == study_id]
    with memory_of(models.device, lower=f"compute.detect_batch, {SHARING}"):
        found = locate(study, models.detector, fold=models.here.number)
        return Located(study_id, found.locations, found.levels, found.notes,
                       measure_errors(study, found.locations, points) if tuning else None,
                       None if tuning else match_boxes(study, models.detector, points))


def _grade(folder: CompetitionFolder, models: _Models, study_id: int, locations: pd.DataFrame) -> pd.DataFrame:
    with memory_of(models.device, lower=f"compute.batch_size, {SHARING}"):
        return models.grader.rows(read_study(folder, study_id), locations, models.priors)
