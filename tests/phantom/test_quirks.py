"""Quirks occur by their rates, can be forced by name, are recorded where they are, and do what they say."""

from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLosslessSV1, RLELossless

from lsdc.competition import open_folder, read_study
from lsdc.config import PhantomSettings
from lsdc.dicom import orientation_of, read_series
from lsdc.errors import ConfigError
from lsdc.phantom import generate
from lsdc.phantom.misread import unlabelled
from lsdc.phantom.planting import gap_numbers
from lsdc.phantom.points import target_place
from lsdc.phantom.quirks import ALL, QUIRKS, draw_quirks, forced_quirks
from lsdc.phantom.study import plan_study
from lsdc.taxonomy import TARGETS, Condition, Level, Plane, Side, Target
from tests.conftest import DIRTY

OF_STUDIES = [name for name, quirk in QUIRKS.items() if quirk.kind != "folder"]


@pytest.mark.parametrize("part", ["train", "test"])
def test_rates(part):
    random = np.random.default_rng(0)
    drawn = [draw_quirks(random, part) for _ in range(20_000)]
    for name, quirk in QUIRKS.items():
        assert np.mean([name in quirks for quirks in drawn]) == pytest.approx(quirk.rate_in(part), abs=0.012), name


@pytest.mark.parametrize("name", OF_STUDIES)
def test_every_quirk_can_be_forced_by_name(name):
    settings = PhantomSettings(train_studies=4, test_studies=4, seed=3, quirks=(name,), variants=())
    part = "train" if QUIRKS[name].kind == "labels" else "test"
    for index in range(4):
        plan = plan_study(settings.seed, part, index, forced_quirks(settings, part, index))
        assert name in {one.quirk for one in plan.planted}


def test_an_unknown_quirk_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"unknown quirks(.|\n)*multi_frame(.|\n)*no_such"):
        generate(tmp_path, DIRTY.model_copy(update={"quirks": ("no_such",)}), workers=1)
    with pytest.raises(ConfigError, match=r"too few test studies(.|\n)*wanted: 8"):
        generate(tmp_path, DIRTY.model_copy(update={"test_studies": 3}), workers=1)
    assert not list(tmp_path.iterdir())


def test_forced_quirks_without_room_are_named(tmp_path, caplog):
    crowd = ("rescaled", "rle", "jpeg_lossless", "signed", "monochrome1", "eight_bit")
    generate(tmp_path, PhantomSettings(train_studies=1, test_studies=1, seed=105, quirks=crowd, variants=()), workers=1)
    planted = pd.read_csv(tmp_path / "truth" / "quirks.csv").groupby("study_id").quirk.agg(set)
    lacking = {name: sum(name not in quirks for quirks in planted) for name in crowd}
    assert sum(lacking.values()) >= 2
    for name, count in lacking.items():
        assert (f"quirk {name} found no place in {count} of 2 studies" in caplog.text) == (count > 0)


@pytest.mark.parametrize("seed", range(6))
def test_all_deals_out_every_quirk(seed):
    settings = PhantomSettings(train_studies=2, test_studies=8, seed=seed, quirks=(ALL,), variants=())
    found = set()
    for part, count in (("train", 2), ("test", 8)):
        for index in range(count):
            plan = plan_study(seed, part, index, forced_quirks(settings, part, index))
            found |= {one.quirk for one in plan.planted}
    assert found == set(OF_STUDIES)


def test_gaps_keep_the_order():
    numbers = gap_numbers(np.random.default_rng(1), tuple(range(20, 0, -1)))
    assert np.all(np.diff(numbers) < 0)
    assert max(numbers) > 20
    assert min(numbers) == 1


def test_missing_labels_are_mostly_upper_recesses():
    random = np.random.default_rng(2)
    missing = np.array([unlabelled(random) for _ in range(2000)])
    by_condition = {condition: missing[:, [target.condition == condition for target in TARGETS]].sum()
                    for condition in Condition}
    assert missing.sum() / 2000 == pytest.approx(572 / 185, abs=0.5)
    assert by_condition[Condition.SUBARTICULAR] / missing.sum() == pytest.approx(517 / 572, abs=0.05)


def test_wrong_points_are_wrong_as_recorded():
    plain = plan_study(3, "train", 0)
    places = {(row["condition"], row["level"]): (row["series_id"], row["x"], row["y"]) for row in plain.points}
    assert len(places) == 25

    def changed(quirk: str) -> dict:
        points = plan_study(3, "train", 0, frozenset({quirk})).points
        return {key: there for row in points
                if (there := (row["series_id"], row["x"], row["y"])) != places[key := (row["condition"], row["level"])]}

    swapped = changed("sides_swapped")
    assert len(swapped) == 10
    assert all(there == places[condition.replace("Left", "_").replace("Right", "Left").replace("_", "Right"), level]
               for (condition, level), there in swapped.items())
    off = changed("level_off_by_one")
    assert len({condition.split()[-1] for condition, _ in off}) == 1
    assert all(there in [place for (name, one), place in places.items() if name == condition and one != level]
               for (condition, level), there in off.items())
    assert len(off) in (4, 8)
    ((condition, _), (series_id, *_)), = changed("point_on_wrong_series").items()
    assert condition == "Spinal Canal Stenosis"
    other = dict(plain.series)[series_id]
    assert other.plane == Plane.SAGITTAL_T1
    wrong, = [row for row in plan_study(3, "train", 0, frozenset({"point_on_wrong_series"})).points
              if row["series_id"] == series_id and row["condition"] == condition]
    index = other.instance_numbers.index(wrong["instance_number"])
    place = other.stored_plane(index).to_patient(np.array([wrong["x"], wrong["y"]]))
    level = next(level for level in Level if level.title == wrong["level"])
    canal = target_place(plain.patient, Target(Condition.CANAL, Side.MIDLINE, level))
    assert np.linalg.norm(place - canal) < 8  # on the canal of the other series


def rows_of(root: Path) -> pd.DataFrame:
    rows = pd.read_csv(root / "truth" / "quirks.csv")
    return rows.astype({"study_id": "Int64", "series_id": "Int64", "instance_number": "Int64"})


def files(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir()) if path.stat().st_size > 2000]


def one_value(name: str):
    return lambda series, row: {getattr(one, name) for one in files(series)}


SHOWS = {  # what a series with a quirk shows: (look, wanted)
    "empty_series": (lambda series, row: list(series.iterdir()), []),
    "series_not_on_disk": (lambda series, row: series.exists(), False),
    "series_not_in_table": (lambda series, row: series.is_dir(), True),
    "unknown_description": (lambda series, row: series.is_dir(), True),
    "other_body_part": (one_value("BodyPartExamined"), {"KNEE"}),
    "no_pixel_spacing": (lambda series, row: any("PixelSpacing" in one for one in files(series)), False),
    "no_position": (lambda series, row: "ImagePositionPatient" in pydicom.dcmread(
        series / f"{row.instance_number}.dcm"), False),
    "mixed_matrix": (lambda series, row: len({one.pixel_array.shape for one in files(series)}), 2),
    "two_orientations": (lambda series, row: len({tuple(np.round(one.ImageOrientationPatient, 3))
                                                  for one in files(series)}) > 1, True),
    "single_slice": (lambda series, row: len(files(series)), 1),
    "duplicated_numbers": (lambda series, row: pydicom.dcmread(
        series / f"{row.instance_number}.dcm").InstanceNumber, 1),
    "duplicated_slice": (lambda series, row: len(files(series)) - len(
        {tuple(one.ImagePositionPatient) for one in files(series)}), 1),
    "gapped_numbers": (lambda series, row: max(int(one.InstanceNumber) for one in files(series)) > len(files(series)),
                       True),
    "monochrome1": (one_value("PhotometricInterpretation"), {"MONOCHROME1"}),
    "eight_bit": (one_value("BitsAllocated"), {8}),
    "signed": (lambda series, row: min(one.pixel_array.min() for one in files(series)) < 0, True),
    "rescaled": (one_value("RescaleSlope"), {0.5}),
    "multi_frame": (lambda series, row: [int(one.NumberOfFrames) == len(one.pixel_array) for one in files(series)],
                    [True]),
    "constant_image": (lambda series, row: {float(one.pixel_array.std()) for one in files(series)}, {0.0}),
    "truncated_file": (lambda series, row: _pixels_fail(series / f"{row.instance_number}.dcm"), True),
    "zero_byte_file": (lambda series, row: (series / f"{row.instance_number}.dcm").stat().st_size, 0),
    "not_dicom": (lambda series, row: (series / f"{row.instance_number}.dcm").read_bytes()[:5], b"Sorry"),
    "jpeg_lossless": (lambda series, row: _syntaxes(series), {JPEGLosslessSV1}),
    "jpeg_2000": (lambda series, row: _syntaxes(series), {JPEG2000Lossless}),
    "rle": (lambda series, row: _syntaxes(series), {RLELossless}),
    "rotated_axes": (lambda series, row: _turned_by(series) in ("turned", "upside down"), True),
    "flipped_axes": (lambda series, row: _turned_by(series), "mirrored"),
    "repeated_sagittal": (lambda series, row: len(files(series)) > 5, True),
    "reversed_order": (lambda series, row: len(files(series)) > 5, True),
}


def _pixels_fail(path: Path) -> bool:
    with pytest.raises(ValueError, match="pixel data"):
        _ = pydicom.dcmread(path).pixel_array
    return True


def _syntaxes(series: Path) -> set:
    found = {one.file_meta.TransferSyntaxUID for one in files(series)}
    assert ExplicitVRLittleEndian not in found
    return found


def _turned_by(series: Path) -> str:
    plane = read_series(series).planes[0]
    across, down = (np.argmax(np.abs(step)) for step in (plane.step_x_mm, plane.step_y_mm))
    usual = {"sagittal": (1, 2), "axial": (0, 1)}[orientation_of(plane)]
    if (across, down) != usual:
        return "turned"
    wanted = {"sagittal": (1, -1), "axial": (1, 1)}[orientation_of(plane)]
    signs = (np.sign(plane.step_x_mm[across]) == wanted[0], np.sign(plane.step_y_mm[down]) == wanted[1])
    return {(True, True): "as usual", (False, False): "upside down"}.get(signs, "mirrored")


def test_files_show_what_is_recorded(dirty_phantom):
    rows = rows_of(dirty_phantom)
    assert set(rows.quirk) >= set(QUIRKS)
    images = dirty_phantom / "competition" / "test_images"
    looked = set()
    for row in rows[rows.series_id.notna() & (rows.quirk != "point_on_wrong_series")].itertuples():
        look, wanted = SHOWS[row.quirk]
        assert look(images / str(row.study_id) / str(row.series_id), row) == wanted, row
        looked.add(row.quirk)
    assert looked == set(SHOWS)


def test_tables_show_what_is_recorded(dirty_phantom):
    rows = rows_of(dirty_phantom)
    table = pd.read_csv(dirty_phantom / "competition" / "test_series_descriptions.csv").set_index("series_id")
    of = {quirk: rows[rows.quirk == quirk] for quirk in QUIRKS}
    assert not set(of["series_not_in_table"].series_id) & set(table.index)
    assert set(of["series_not_on_disk"].series_id) <= set(table.index)
    unknown = table.loc[of["unknown_description"].series_id].series_description
    assert not set(unknown) & {plane.description for plane in Plane}
    for study_id in of["missing_plane"].study_id:
        assert table[table.study_id == study_id].series_description.nunique() == 2
    assert set(of["ten_digit_ids"].study_id) == {study for study in table.study_id if study > 2**32} != set()
    sample = pd.read_csv(dirty_phantom / "competition" / "sample_submission.csv").row_id
    assert sorted(sample) != sample.tolist()
    assert len(sample) == 25 * DIRTY.test_studies
    images = dirty_phantom / "competition" / "test_images"
    for quirk, name in (("no_slice_thickness", "SliceThickness"),
                        ("no_spacing_between_slices", "SpacingBetweenSlices")):
        lacking = {int(path.parents[1].name) for path in images.rglob("*.dcm")
                   if path.stat().st_size > 2000 and pydicom.dcmread(path, stop_before_pixels=True).get(name) is None
                   and "PixelSpacing" in pydicom.dcmread(path, stop_before_pixels=True)}
        assert lacking == set(of[quirk].study_id)


def test_reading_never_stops_at_a_quirk(dirty_phantom, caplog):
    folder = open_folder(dirty_phantom / "competition")
    assert "is left out, its description" in caplog.text
    faults = {study_id: read_study(folder, study_id).faults for study_id in folder.study_ids("test")}
    text = "\n".join(fault for found in faults.values() for fault in found)
    for words in ("cannot be read", "an empty folder", "PixelSpacing is missing", "ImagePositionPatient is missing",
                  "another orientation", "same position", "multi-frame", "not a DICOM file", "cannot be decoded"):
        assert words in text, words
