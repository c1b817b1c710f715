"""Crops cut once and kept, so that training reads no DICOM: one small array of bytes for each study.

A study's crops lie in `<study_id>.<digest>.npy`, (n, views, slices, size, size) uint8, beside `<study_id>.json` with
their rows, a checksum of both, and the key of what they were made of: settings, points, and the files of the series
used. Another key means stale, another checksum damaged, and the study is cut again; so is one of which a file could not
be read for a reason that may pass. Who reads the former crops meanwhile still finds them: they have another name, and
leave when they are older by a week. Folds and runs on one data folder with equal crop settings share a store; another
data folder, which may have the same study ids and be trained on at the same time, has its own.
"""

import hashlib
import logging
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.competition import CompetitionFolder, read_study
from lsdc.config.sections import CropSettings
from lsdc.crops.points import point_locations
from lsdc.crops.views import VIEWS, cut_views
from lsdc.errors import DataError, StorageError
from lsdc.files import content_hash, file_hash, files_in, locked, need_space, read_json, write_json, written_aside
from lsdc.processes import each
from lsdc.tables import GRADES, POINTS

VERSION = 3  # raised when the same inputs give other crops
STORE_GIGABYTES, MEGABYTES_PER_VIEW = 0.1, 4.0  # of room, with some to spare; of each study
FORMER_S = 7 * 86400.0  # after which crops that were cut again leave
FEW_STUDIES = 16  # not worth starting processes for

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class CropStore:
    """Crops of many studies.

    rows: study_id, condition, side, level, file, offset (bytes in the file); and, lists by view as in `Views`, seen,
    valid (a list of each view's slices), mm_per_px, slice_mm, covered (None where there is none).
    """

    folder: Path
    rows: pd.DataFrame
    settings: CropSettings

    def __len__(self) -> int:
        return len(self.rows)

    def image(self, file: str, offset: int) -> np.ndarray:
        """(views, slices, size, size) uint8 of a row, read from its file."""
        size = self.settings.size_px
        shape = (VIEWS[self.settings.views], self.settings.slices, size, size)
        flat = np.fromfile(self.folder / Path(file).name, np.uint8, count=int(np.prod(shape)), offset=offset)
        if flat.size < np.prod(shape):
            raise StorageError("a stored crop is cut short", where=self.folder / file,
                               remedy="remove this file and run again: it is cut anew")
        return flat.reshape(shape)


def open_store(
    folder: CompetitionFolder, points: pd.DataFrame, settings: CropSettings, root: Path, *,
    shown: CropSettings | None = None, workers: int = 1,
) -> CropStore:
    """The crops around POINTS rows of the training part, in their order; what is missing or stale is cut first.

    root: where stores live. shown: as of `cut`. workers: processes that read and cut, 0 for every core. A point that
    cannot be cut is left out and named in the log. DataError when none can.
    """
    made_of = {"version": VERSION, "data": str(folder.root.resolve()), **{
        name: one.model_dump(mode="json") for name, one in (("settings", settings), ("shown", shown or settings))}}
    place = Path(root) / content_hash(made_of)[:16]
    studies = {int(study): rows for study, rows in points.groupby("study_id", sort=False)}
    with locked(place):  # what several processes need, one cuts; the others find it there
        _cut_missing(folder, studies, (settings, shown), place, workers)
        rows = [row for study in studies for row in _rows(place, study)]
    if not rows:
        raise DataError("not one annotated point can be cut", got=f"{len(points)} points of {len(studies)} studies",
                        where=folder.root, remedy="look at the log above for what is wrong with each")
    return CropStore(place, pd.DataFrame(rows), settings)


def _cut_missing(
    folder: CompetitionFolder, studies: dict[int, pd.DataFrame], settings: tuple[CropSettings, CropSettings | None],
    place: Path, workers: int,
) -> None:
    keys = {study: _key(folder, study, rows) for study, rows in studies.items()}
    missing = [study for study in studies if not _fresh(place, study, keys[study])]
    jobs = [(study, studies[study], keys[study]) for study in missing]
    megabytes = len(missing) * VIEWS[settings[0].views] * MEGABYTES_PER_VIEW
    need_space(place, STORE_GIGABYTES + megabytes / 1000, "the crops")
    light = replace(folder, grades=GRADES.empty(), points=POINTS.empty())  # it goes to each process
    for study, faults in each(_cut_study, jobs, what="cutting crops", workers=workers, few=FEW_STUDIES,
                              shared=(light, settings, place)) if jobs else ():
        log.debug("study %d cut, %d points left out", study, len(faults))


def _cut_study(
    folder: CompetitionFolder, settings: tuple[CropSettings, CropSettings | None], place: Path, study_id: int,
    points: pd.DataFrame, key: str,
) -> tuple[int, list[str]]:
    study = read_study(folder, study_id, "train")
    locations, faults = point_locations(study, points)
    among = {location["series_id"] for location in locations}
    images, rows = [], []
    for location in locations:
        try:
            views = cut_views(study, location, settings[0], among=among, shown=settings[1])
        except DataError as error:
            faults.append(f"study {study_id}, {location['condition']} {location['level']}: {error.problem}")
            continue
        rows.append({"study_id": study_id, **{name: location[name] for name in ("condition", "side", "level")},
                     **{name: [None if value != value else value for value in getattr(views, name).tolist()]
                        for name in ("mm_per_px", "slice_mm", "covered")},
                     "seen": views.seen.tolist(), "valid": views.valid.tolist()})
        images.append(np.round(views.image * 255).astype(np.uint8))
    _keep_former(place, study_id)
    if images:
        crops = np.stack(images)
        file = f"{study_id}.{hashlib.sha256(crops).hexdigest()[:16]}.npy"
        with written_aside(place / file) as aside:
            np.save(aside, crops)
            header = aside.stat().st_size - crops.nbytes
        for number, row in enumerate(rows):
            row |= {"file": file, "offset": header + number * images[0].nbytes}
        _remove_former(place / file, study_id)
    may_change = not study.passing.isdisjoint(points["series_id"].tolist())
    write_json(place / f"{study_id}.json", {"key": None if may_change else key, "rows": rows, "faults": faults,
                                            "checksum": _checksum(place, rows, faults)})
    return study_id, faults


def _keep_former(place: Path, study_id: int) -> None:
    """What was described until now may be in use: its week begins."""
    with suppress(StorageError, OSError, KeyError, IndexError, TypeError):
        os.utime(place / Path(read_json(place / f"{study_id}.json")["rows"][0]["file"]).name)


def _remove_former(file: Path, study_id: int) -> None:
    """Remove crops of a study that others took the place of a week ago: no training reads them any more."""
    for path in file.parent.glob(f"{study_id}.*.npy"):
        with suppress(OSError):
            if path.stat().st_mtime < file.stat().st_mtime - FORMER_S:
                path.unlink()


def _rows(place: Path, study: int) -> list[dict]:
    described = read_json(place / f"{study}.json")
    for fault in described["faults"]:
        log.warning("no crop: %s", fault)
    return described["rows"]


def _fresh(place: Path, study: int, key: str) -> bool:
    try:
        described = read_json(place / f"{study}.json")
        if described.get("key") != key:
            return False
        return described["checksum"] == _checksum(place, described["rows"], described["faults"])
    except (StorageError, OSError, KeyError, AttributeError, TypeError, ValueError):  # absent or damaged: cut again
        return False


def _checksum(place: Path, rows: list[dict], faults: list[str]) -> str:
    """Of a study's crops and their description; OSError where there are rows and no crops."""
    return content_hash([rows, faults, file_hash(place / Path(rows[0]["file"]).name) if rows else None])


def _key(folder: CompetitionFolder, study: int, points: pd.DataFrame) -> str:
    facts = [[series_id, files_in(folder.series_folder("train", study, series_id))]
             for series_id in sorted(set(points["series_id"].tolist()))]
    planes = folder.series_of(study, "train")[["series_id", "plane"]].astype(str).to_numpy().tolist()
    return content_hash({"points": points.astype(str).to_numpy().tolist(), "planes": planes, "files": facts})
