"""The folder on disk: spellings, orders, DICOM that others read, equal bytes, resuming, refusing."""

import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pydicom
import pytest
import SimpleITK

from lsdc.competition.folder import open_folder
from lsdc.competition.study import read_study
from lsdc.config import PhantomSettings
from lsdc.errors import ConfigError
from lsdc.phantom import generate
from lsdc.phantom.folder import chosen_indices
from lsdc.phantom.study import plan_study
from lsdc.tables import GRADES, KEYPOINTS, LATENTS
from lsdc.taxonomy import ANNOTATED_PLANE, TARGETS, Condition, Plane, Severity
from tests.phantom.conftest import SETTINGS, contents


def test_csv_files_are_spelled_as_the_competition_spells_them(phantom):
    folder = phantom / "competition"
    train = pd.read_csv(folder / "train.csv")
    assert list(train.columns[:7]) == [
        "study_id", *(f"spinal_canal_stenosis_{level}" for level in ("l1_l2", "l2_l3", "l3_l4", "l4_l5", "l5_s1")),
        "left_neural_foraminal_narrowing_l1_l2"]
    assert train.columns[-1] == "right_subarticular_stenosis_l5_s1"
    assert set(train.iloc[:, 1:].stack()) <= {"Normal/Mild", "Moderate", "Severe"}
    points = pd.read_csv(folder / "train_label_coordinates.csv")
    assert list(points.columns) == ["study_id", "series_id", "instance_number", "condition", "level", "x", "y"]
    assert "Left Neural Foraminal Narrowing" in set(points.condition)
    assert set(points.level) <= {"L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1"}
    for part in ("train", "test"):
        series = pd.read_csv(folder / f"{part}_series_descriptions.csv")
        assert list(series.columns) == ["study_id", "series_id", "series_description"]
        assert set(series.series_description) == {"Sagittal T1", "Sagittal T2/STIR", "Axial T2"}
    sample = pd.read_csv(folder / "sample_submission.csv")
    assert list(sample.columns) == ["row_id", "normal_mild", "moderate", "severe"]
    assert len(sample) == 25 * SETTINGS.test_studies
    assert sample.row_id.iloc[0].endswith("_left_neural_foraminal_narrowing_l1_l2")
    assert sample.row_id.iloc[-1].endswith("_spinal_canal_stenosis_l5_s1")


def test_truth_fits_its_tables_and_stays_outside(phantom):
    studies = pd.read_csv(phantom / "truth" / "studies.csv")
    assert list(studies.columns) == ["study_id", "part", "age", "sex", "scanner", "variant", "quirks"]
    latents = LATENTS.read(phantom / "truth" / "latents.csv")
    assert len(latents) == 25 * len(studies) == 75
    assert latents[["normal_mild", "moderate", "severe"]].sum(axis=1).to_numpy() == pytest.approx(1)
    keypoints = KEYPOINTS.read(phantom / "truth" / "keypoints.csv")
    assert (keypoints.structure.isin(list(Condition))).sum() == 75
    assert len(GRADES.read(phantom / "truth" / "grades.csv")) == 75
    assert json.loads((phantom / "truth" / "phantom.json").read_text())["settings"] == SETTINGS.model_dump(mode="json")
    assert not [path for path in (phantom / "competition").rglob("*") if "truth" in path.name or path.name[0] == "."]


def test_the_kit_reads_it_without_a_fault(phantom):
    folder = open_folder(phantom / "competition")
    truth = GRADES.read(phantom / "truth" / "grades.csv")
    known = folder.grades.dropna().merge(truth, on=["study_id", "condition", "side", "level"])
    assert len(known) >= 25
    assert (known.severity_x == known.severity_y).all()
    for part in ("train", "test"):
        for study_id in folder.study_ids(part):
            study = read_study(folder, study_id)
            assert not study.faults
            assert {entry.plane for entry in study.series} == set(Plane)


def test_points_lie_at_the_true_places(phantom):
    folder = open_folder(phantom / "competition")
    places = KEYPOINTS.read(phantom / "truth" / "keypoints.csv").set_index(["study_id", "structure", "level", "side"])
    studies = {study_id: read_study(folder, study_id) for study_id in folder.study_ids("train")}
    assert len(folder.points) > 40
    for point in folder.points.itertuples():
        entry = studies[point.study_id].by_id(point.series_id)
        assert entry.plane == ANNOTATED_PLANE[Condition(point.condition)]
        plane = entry.series.planes[entry.series.index_of_instance(point.instance_number)]
        place = places.loc[(point.study_id, point.condition, point.level, point.side)].to_numpy(float)
        off = plane.to_patient(np.array([point.x_px, point.y_px])) - place
        along = abs(off @ plane.normal)
        assert along <= 8
        assert np.sqrt(off @ off - along**2) < 7  # annotation noise of 1.2 to 1.5 mm in each direction


def test_levels_and_sides_are_in_order(phantom):
    places = KEYPOINTS.read(phantom / "truth" / "keypoints.csv")
    for _, study in places[places.structure.isin(list(Condition))].groupby("study_id"):
        canal = study[study.structure == "canal"].sort_values("level")
        assert np.all(np.diff(canal.z_mm) < -20)
        x = study.pivot_table(index=["structure", "level"], columns="side", values="x_mm").dropna(subset=["left"])
        assert np.all(x["left"] - x["right"] > 12)


def test_another_reader_sees_the_same_geometry_and_values(phantom):
    folder = open_folder(phantom / "competition")
    study = read_study(folder, folder.study_ids("train")[0])
    for entry in study.series:
        path = folder.series_folder("train", study.study_id, entry.series_id)
        number = entry.series.instance_numbers[3]
        image = SimpleITK.ReadImage(str(path / f"{number}.dcm"))
        plane = entry.series.planes[3]
        for xy in ((0, 0), (10, 50), (100, 7)):
            there = image.TransformIndexToPhysicalPoint((*xy, 0))
            assert np.allclose(plane.to_patient(np.array(xy, float)), there, atol=1e-3)
        assert np.array_equal(SimpleITK.GetArrayFromImage(image)[0], entry.series.images[3])


def test_files_are_valid_mr_images(phantom):
    paths = sorted((phantom / "competition").rglob("*.dcm"))
    headers = [pydicom.dcmread(path) for path in paths]
    assert len({header.SOPInstanceUID for header in headers}) == len(headers)
    assert all(header.SOPClassUID.name == "MR Image Storage" for header in headers)
    assert all(str(header.InstanceNumber) == path.stem for header, path in zip(headers, paths, strict=True))
    assert all(header.BitsStored == 12 and header.pixel_array.max() < 4096 for header in headers)
    assert all(header.pixel_array.std() > 20 for header in headers)
    assert len({header.FrameOfReferenceUID for header in headers}) == 3  # one per study


def test_same_bytes_for_other_process_counts_and_other_studies(phantom, tmp_path):
    generate(tmp_path, SETTINGS, workers=2)
    assert contents(tmp_path) == contents(phantom)
    fewer = tmp_path / "fewer"
    generate(fewer, SETTINGS.model_copy(update={"train_studies": 1}), workers=1)
    images = {name: data for name, data in contents(fewer).items() if name.endswith(".dcm")}
    assert images.items() < contents(phantom).items()


def test_goes_on_after_a_killed_run(phantom, tmp_path):
    code = ("from pathlib import Path; from lsdc.phantom import generate; from tests.phantom.conftest import SETTINGS;"
            f"generate(Path({str(tmp_path)!r}), SETTINGS, workers=1)")
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    first = tmp_path / "competition" / "train_images"
    while not (first.exists() and any(path.name.isdecimal() for path in first.iterdir())):
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (tmp_path / "truth" / "phantom.json").exists()
    done = next(path for path in first.iterdir() if path.name.isdecimal())
    made = done.stat().st_mtime_ns
    generate(tmp_path, SETTINGS, workers=1)
    assert done.stat().st_mtime_ns == made
    assert contents(tmp_path) == contents(phantom)


def test_a_whole_folder_is_left_alone(phantom):
    before = {path: path.stat().st_mtime_ns for path in phantom.rglob("*")}
    generate(phantom, SETTINGS, workers=2)
    assert {path: path.stat().st_mtime_ns for path in phantom.rglob("*")} == before


def test_other_settings_are_refused(phantom):
    with pytest.raises(ConfigError, match=r"made with other settings(.|\n)*remove this folder"):
        generate(phantom, PhantomSettings(train_studies=2, test_studies=1, seed=5, quirks=(), variants=()), workers=1)


def test_real_data_are_refused(phantom, tmp_path):
    shutil.copytree(phantom / "competition", tmp_path / "competition")
    with pytest.raises(ConfigError, match="no phantom"):
        generate(tmp_path, SETTINGS, workers=1)


def test_labels_follow_the_seed_alone(phantom):
    train = pd.read_csv(phantom / "competition" / "train.csv").set_index("study_id")
    latents = pd.read_csv(phantom / "truth" / "latents.csv").set_index("row_id")
    for study_id, cells in train.iterrows():
        for target in TARGETS:
            cell = cells[target.column]
            if isinstance(cell, str):
                severity = next(severity for severity in Severity if severity.title == cell)
                assert latents.loc[f"{study_id}_{target.column}", severity.column] > 1e-4


def test_only_studies_of_the_variants_that_are_asked_for():
    settings = SETTINGS.model_copy(update={"variants": ("six_lumbar", "transitional_s1")})
    found = chosen_indices(settings, "train", 6)
    assert found == sorted(set(found))
    by_plan = [index for index in range(found[-1] + 1)
               if plan_study(SETTINGS.seed, "train", index).patient.anatomy.variant in settings.variants]
    assert found == by_plan
    assert chosen_indices(SETTINGS, "train", 3) == [0, 1, 2]


def test_an_unknown_variant_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"(?s)unknown variants.*wanted: some of usual, six_lumbar.*got:    seven"):
        generate(tmp_path, SETTINGS.model_copy(update={"variants": ("seven",)}), workers=1)
