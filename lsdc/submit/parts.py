"""Finished studies kept on disk, so that a killed prediction goes on where it was."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from lsdc.competition import CompetitionFolder
from lsdc.errors import StorageError
from lsdc.files import files_in, read_json, write_json
from lsdc.submit.effort import Effort
from lsdc.submit.writer import SUM_TOLERANCE
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """What is known of a study: 25 probabilities and fallbacks in the order of TARGETS, and how they came about.

    failed: why no model looked at it to the end; then values are empty. files: what its images were, as `files_of` has
    it. seconds: by stage, and "whole".
    """

    study_id: int
    values: list[list[float]] = field(default_factory=list)
    fallback: list[str | None] = field(default_factory=list)
    effort: Effort | None = None
    failed: str | None = None
    faults: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    files: list = field(default_factory=list)
    device: str = ""


class Parts:
    """The parts of one recipe, below `work/<key>/`, one small file for each study."""

    def __init__(self, work: Path, key: str):
        self.folder = Path(work) / key

    def keep(self, part: Part) -> None:
        """StorageError when there is no room."""
        write_json(self.folder / f"{part.study_id}.json", asdict(part))

    def of(self, folder: CompetitionFolder) -> Iterator[Part]:
        """The parts of these studies whose images are still the same; damaged or stale ones are left out."""
        for study_id in folder.study_ids("test"):
            if (part := self.read(folder, study_id)) is not None:
                yield part

    def read(self, folder: CompetitionFolder, study_id: int) -> Part | None:
        """The part of one study; None where there is none, or it is damaged or stale."""
        path = self.folder / f"{study_id}.json"
        if not path.exists():
            return None
        try:
            told = read_json(path)
            part = Part(**told | {"effort": Effort(**told["effort"]) if told["effort"] else None})
            fits = part.failed or (are_probabilities(np.array(part.values, dtype=np.float64))
                                   and len(part.fallback) == len(TARGETS))
        except (StorageError, TypeError, KeyError, ValueError, OverflowError) as error:
            log.warning("study %s is predicted again: its part is damaged (%s)", study_id, error)
            return None
        return part if fits and part.study_id == study_id and part.files == files_of(folder, study_id) else None

    def there(self) -> set[int]:
        """Studies that have a part, whatever is in it."""
        try:
            return {int(one.stem) for one in self.folder.glob("*.json") if one.stem.isdecimal()}
        except OSError:
            return set()

    def forget(self, study_id: int) -> None:
        with suppress(OSError):
            (self.folder / f"{study_id}.json").unlink(missing_ok=True)


def are_probabilities(values: np.ndarray) -> bool:
    """Whether these are (25, 3) finite numbers, none below 0, that sum to 1."""
    return (values.shape == (len(TARGETS), len(SEVERITY_COLUMNS)) and bool(np.isfinite(values).all())
            and bool((values >= 0).all()) and float(np.abs(values.sum(axis=1) - 1).max()) < SUM_TOLERANCE)


def files_of(folder: CompetitionFolder, study_id: int) -> list:
    """What the images of a test study are: plane, names, sizes and times of the files of each series."""
    rows = folder.series_of(study_id, "test")
    return [[series_id, plane, files_in(folder.series_folder("test", study_id, series_id))]
            for series_id, plane in zip(rows.series_id.tolist(), rows.plane.tolist(), strict=True)]
