"""A report of a run on a dirty phantom, whose headers name patients and whose texts try to be markup."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest

from lsdc.bench.simulated import simulate_run
from lsdc.competition import CompetitionFolder, open_folder
from lsdc.config import Settings, load_settings
from lsdc.report.pages import write_report
from lsdc.runs import RunFolder
from lsdc.tables import LOCATION_NOTES, LOCATIONS, PREDICTIONS

EVIL = "\"'><img src=x onerror=alert(1)><script>alert('&')</script>"
IDENTITY = {"PatientName": "Doe^Jane", "PatientID": "MRN-4711", "PatientBirthDate": "19510203", "PatientSex": "F",
            "InstitutionName": "Somewhere General", "ReferringPhysicianName": "Foster^Bob", "StudyDate": "20240506",
            "PatientAddress": "7 Hidden Lane", "StationName": "ROOM9", "AccessionNumber": "ACC-0815"}
SETTINGS = ("evaluation.bootstrap=60",)


@dataclass(frozen=True)
class Reported:
    """A report, its run and data; lost: study and series that were taken away after the run was made."""

    place: Path
    run: RunFolder
    folder: CompetitionFolder
    settings: Settings
    lost: tuple[int, int]

    @property
    def studies(self) -> list[int]:
        return self.folder.study_ids("train")

    def page(self, name: str) -> str:
        return (self.place / name).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def reported(dirty_phantom, tmp_path_factory) -> Reported:
    root = tmp_path_factory.mktemp("reported")
    shutil.copytree(dirty_phantom / "truth", root / "truth")
    shutil.copytree(dirty_phantom / "competition", root / "competition",
                    ignore=shutil.ignore_patterns("test_images"))
    (root / "competition" / "test_images").symlink_to(dirty_phantom / "competition" / "test_images")
    _plant_headers(root / "competition" / "train_images")
    folder, settings = open_folder(root / "competition"), load_settings("configs/smoke.yaml", SETTINGS)
    run = simulate_run(root / "runs" / "mine", folder, settings)
    _plant_texts(run)
    lost = _take_away(run, folder)
    write_report(run, folder, settings, run.report, workers=1)
    return Reported(run.report, run, folder, settings, lost)


def _plant_headers(images: Path) -> None:
    for path in images.glob("*/*/*"):
        try:
            dataset = pydicom.dcmread(path)
        except Exception:  # noqa: S112 (the phantom's broken files)
            continue
        for name, value in IDENTITY.items():
            setattr(dataset, name, value)
        dataset.ManufacturerModelName = EVIL
        dataset.save_as(path)


def _plant_texts(run: RunFolder) -> None:
    """A reason and a note that are markup, in fold 0."""
    here = run.fold(0)
    predictions = PREDICTIONS.read(here.predictions)
    predictions.loc[0, "fallback"] = EVIL
    PREDICTIONS.write(predictions, here.predictions)
    study = int(predictions.row_id[0].split("_")[0])
    LOCATION_NOTES.write(LOCATION_NOTES.frame([{"study_id": study, "series_id": None, "note": EVIL, "count": 2,
                                                "fold": 0}]), here.location_notes)


def _take_away(run: RunFolder, folder: CompetitionFolder) -> tuple[int, int]:
    """Remove a sagittal T2 series that canals were found on."""
    places = LOCATIONS.read(run.fold(1).locations)
    canal = places[(places.condition == "canal") & places.series_id.notna()].iloc[0]
    study, series = int(canal.study_id), int(canal.series_id)
    shutil.rmtree(folder.series_folder("train", study, series))
    return study, series
