"""What the stages are measured on: a few studies, the config's networks untrained, places as they were annotated."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lsdc.bench.locations import point_candidates
from lsdc.competition import CompetitionFolder, Study, read_study
from lsdc.competition.priors import prior_table
from lsdc.config import Settings
from lsdc.detect.beside import Beside, beside
from lsdc.detect.canvas import Canvases
from lsdc.detect.classes import TARGET_CLASSES
from lsdc.detect.detector import Detector, load_network
from lsdc.detect.landmarks import landmarks
from lsdc.detect.locations import locate_from_candidates
from lsdc.detect.shape import fit_shape, target_positions
from lsdc.dicom import SeriesStore
from lsdc.errors import DataError
from lsdc.grade.artefact import Classifier
from lsdc.grade.model import build_model
from lsdc.grade.predict import Grader
from lsdc.taxonomy import TARGETS, Target

STUDIES = 6  # of the training part: crops for the loader, and points for the spine's shape
FOLD = 0


@dataclass(frozen=True, eq=False)
class Ground:
    """folder: without a store. studies: ids of fully annotated ones; the first is the one that is looked at.

    scratch: a folder that goes when all is done. threads: of torch, here and in the process beside.
    What takes long to make is made when a stage first asks for it.
    """

    folder: CompetitionFolder
    settings: Settings
    studies: tuple[int, ...]
    scratch: Path
    threads: int
    closing: ExitStack = field(repr=False)

    @property
    def study_id(self) -> int:
        return self.studies[0]

    @cached_property
    def study(self) -> Study:
        return read_study(self.folder, self.study_id, "train")

    @cached_property
    def series_folders(self) -> list[Path]:
        return [self.folder.series_folder("train", self.study_id, one.series_id) for one in self.study.series]

    @cached_property
    def files(self) -> list[Path]:
        return [path for folder in self.series_folders for path in sorted(folder.glob("*.dcm"))]

    @cached_property
    def pixels(self) -> int:
        """Of all slices of the study."""
        return sum(image.size for image in self.slices)

    @cached_property
    def store(self) -> SeriesStore:
        return SeriesStore(self.scratch / "series", gigabytes=10.0)

    @cached_property
    def slices(self) -> list[np.ndarray]:
        """Every image of the study, as the process beside is shown it."""
        return [image for one in self.study.series for image in one.series.images]

    @cached_property
    def same_sizes(self) -> list[int]:
        """For each of `slices`, the longer side of the canvas that our detector sees."""
        return [max(Canvases.for_inference(one.series, self.settings.detector).size_hw)
                for one in self.study.series for _ in one.series.images]

    @cached_property
    def beside(self) -> Beside:
        return self.closing.enter_context(
            beside(self.slices, self.settings.detector, threads=self.threads, seed=self.settings.seed))

    @cached_property
    def detector(self) -> Detector:
        """With the network of the process beside, and the shape of these studies' spines."""
        shape = fit_shape([target_positions(landmarks(read_study(self.folder, one, "train"), self.folder.points))
                           for one in self.studies])
        return Detector(load_network(self.beside.network, torch.device("cpu")), self.settings.detector, shape, FOLD,
                        torch.device("cpu"), self.settings.compute.detect_batch)

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """What a detector would say that sees the annotated points and nothing else."""
        return point_candidates(self.study, self._points, self.detector.classes)

    @cached_property
    def named_candidates(self) -> pd.DataFrame:
        """The same of a detector whose classes are the targets, as the paper's are."""
        return point_candidates(self.study, self._points, TARGET_CLASSES)

    @cached_property
    def _points(self) -> dict[Target, np.ndarray]:
        return {one.target: one.position_mm for one in landmarks(self.study, self.folder.points)}

    @cached_property
    def locations(self) -> pd.DataFrame:
        return locate_from_candidates(self.study, self.candidates, self.detector, fold=FOLD).locations

    @cached_property
    def places(self) -> dict[Target, dict]:
        """The located targets as rows of LOCATIONS."""
        rows = self.locations[self.locations["found_by"] != "prior"].to_dict("records")
        return {Target(row["condition"], row["side"], row["level"]): row for row in rows}

    @cached_property
    def grader(self) -> Grader:
        torch.manual_seed(self.settings.seed)
        settings = self.settings
        model = build_model(settings.classifier.model_copy(update={"weights": None}), settings.crops).eval()
        return Grader(Classifier(model, settings.classifier, settings.crops, FOLD),
                      batch_size=settings.compute.batch_size)

    @cached_property
    def priors(self) -> pd.DataFrame:
        return prior_table(self.folder.grades)

    def fresh(self) -> Study:
        """The study as if it had just been read: nothing of it is remembered (the windows of its series are)."""
        return replace(self.study, series=tuple(replace(one, series=replace(one.series)) for one in self.study.series))


@contextmanager
def open_ground(folder: CompetitionFolder, settings: Settings, scratch: Path, *, threads: int) -> Iterator[Ground]:
    """The ground on a competition folder's training part; processes that it started end with the block.

    DataError without a study whose 25 targets are annotated.
    """
    counts = folder.points.drop_duplicates(["study_id", "condition", "side", "level"]).groupby("study_id").size()
    full = tuple(counts.index[counts == len(TARGETS)].tolist()[:STUDIES])
    if not full:
        raise DataError("no study to measure on", wanted="one with a point for each of its 25 targets",
                        where=folder.root)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with ExitStack() as closing:
            yield Ground(replace(folder, store=None), settings, full, scratch, threads, closing)
    finally:
        torch.set_num_threads(before)
