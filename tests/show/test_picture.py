"""The picture itself: drawn whatever the folder lacks, coloured by grade, made by `lsdc show`."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from lsdc.cli.commands import lsdc
from lsdc.competition import open_folder
from lsdc.config import PerCondition
from lsdc.errors import ConfigError, DataError
from lsdc.show import draw_studies
from lsdc.show.paint import PREDICTED, SEVERITY_COLOURS
from lsdc.tables import LOCATIONS
from lsdc.taxonomy import TARGETS, Severity
from tests.builders import write_competition, write_slice

BOX_MM = PerCondition(canal=4, foraminal=4, subarticular=4)


def severities(study: int, target) -> Severity | None:
    return {0: Severity.SEVERE, 1: Severity.MODERATE, 2: None}.get(TARGETS.index(target), Severity.NORMAL_MILD) \
        if study == 1001 else Severity.NORMAL_MILD


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return write_competition(tmp_path_factory.mktemp("show") / "data", severity=severities)


def picture(folder: Path, path: Path, studies, **more) -> np.ndarray:
    draw_studies(open_folder(folder), studies, path, box_mm=BOX_MM, **more)
    return cv2.imread(str(path))[:, :, ::-1]


def pixels_of(image: np.ndarray, colour: str) -> int:
    wanted = [int(colour[place: place + 2], 16) for place in (1, 3, 5)]
    return int((np.abs(image.astype(int) - wanted).max(axis=2) <= 3).sum())


def views(image: np.ndarray) -> np.ndarray:
    """The part of a picture of one study without its table of grades and legend."""
    return image[:, :1800]


def test_boxes_have_the_colours_of_the_grades(whole, tmp_path):
    mixed = picture(whole, tmp_path / "a.png", [1001])[:-50, :1250]
    normal = picture(whole, tmp_path / "b.png", [1002])[:-50, :1250]
    for severity, colour in SEVERITY_COLOURS.items():
        assert pixels_of(mixed, colour) > 10, severity
    assert pixels_of(normal, SEVERITY_COLOURS[Severity.NORMAL_MILD]) > 30
    assert pixels_of(normal, SEVERITY_COLOURS[Severity.SEVERE]) == 0


def test_a_row_for_each_study_of_either_part(whole, tmp_path):
    one = picture(whole, tmp_path / "a.png", [2001])
    three = picture(whole, tmp_path / "b.png", [1001, 1002, 2001])
    assert one.shape[1] == three.shape[1]
    assert three.shape[0] - one.shape[0] == pytest.approx(2 * (one.shape[0] - 50), abs=3)


def test_locations_are_drawn_as_crosses(whole, tmp_path):
    locations = LOCATIONS.frame([{
        "study_id": 1001, "condition": "canal", "side": "midline", "level": "l3_l4", "series_id": 10012,
        "slice_index": 1, "x_px": 6.0, "y_px": 5.0, "x_mm": 4.0, "y_mm": 6.0, "z_mm": -5.0, "confidence": 0.9,
        "found_by": "detector", "fold": 0}])
    assert pixels_of(picture(whole, tmp_path / "a.png", [1001], locations=locations)[:-50], PREDICTED) > 30
    assert pixels_of(picture(whole, tmp_path / "b.png", [1002], locations=locations)[:-50], PREDICTED) == 0


def empty_series(folder):
    for path in (folder / "10012").iterdir():
        path.unlink()


def no_series(folder):
    shutil.rmtree(folder / "10013")


def garbage(folder):
    for path in (folder / "10011").iterdir():
        path.write_bytes(b"" if path.name == "1.dcm" else b"no image")


def truncated(folder):
    for path in (folder / "10013").iterdir():
        path.write_bytes(path.read_bytes()[:-40])


def constant_single_slice(folder):
    for name in ("1.dcm", "3.dcm"):
        (folder / "10012" / name).unlink()


def not_finite(folder):
    write_slice(folder / "10012" / "2.dcm", np.full((16, 12), 9, np.uint16), position=(4, 0, 0), number=2,
                RescaleSlope="1e38", RescaleIntercept="1e39")


def another_orientation(folder):
    write_slice(folder / "10012" / "9.dcm", np.full((8, 8), 9, np.uint16), axes="axial", number=9)


def nothing(folder):
    shutil.rmtree(folder)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("damage", [empty_series, no_series, garbage, truncated, constant_single_slice, not_finite,
                                    another_orientation, nothing])
def test_no_damage_stops_the_picture(whole, tmp_path, damage):
    data = tmp_path / "data"
    shutil.copytree(whole, data)
    damage(data / "train_images" / "1001")
    image = picture(data, tmp_path / "a.png", [1001])
    assert (image.reshape(-1, 3).max(axis=1) > 200).sum() > 1000  # text at least


def test_clear_errors(whole, tmp_path):
    folder = open_folder(whole)
    with pytest.raises(DataError, match=r"not in this folder(.|\n)*got: +5"):
        draw_studies(folder, [5], tmp_path / "a.png", box_mm=BOX_MM)
    with pytest.raises(ConfigError, match=r"cannot show so many studies\n  wanted: 1 to 30\n  got:    31"):
        draw_studies(folder, [1001] * 31, tmp_path / "a.png", box_mm=BOX_MM)
    assert not (tmp_path / "a.png").exists()


def test_the_command_draws_the_studies_named_or_the_first(whole, tmp_path, monkeypatch):
    monkeypatch.setenv("LSDC_CACHE", str(tmp_path / "cache"))
    told = CliRunner().invoke(lsdc, ["show", "--data", str(whole)], catch_exceptions=False)
    assert told.exit_code == 0
    assert told.stdout.strip() == str(tmp_path / "cache" / "show" / "1001-1002.png")
    CliRunner().invoke(lsdc, ["show", "2001", "1002", "--data", str(whole), "--out", str(tmp_path / "b.png")],
                       catch_exceptions=False)
    assert cv2.imread(str(tmp_path / "b.png")).shape == cv2.imread(told.stdout.strip()).shape


def test_the_command_needs_no_training_tables(whole, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(whole, data)
    for path in [*data.glob("train*.csv")]:
        path.unlink()
    told = CliRunner().invoke(lsdc, ["show", "--data", str(data), "--out", str(tmp_path / "a.png")],
                              catch_exceptions=False)
    assert told.exit_code == 0
    assert (tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_phantom_draws_its_contact_sheet(tmp_path):
    made = ["--set", "phantom.train_studies=1", "--set", "phantom.test_studies=1", "--workers", "1"]
    told = CliRunner().invoke(lsdc, ["phantom", "--out", str(tmp_path / "phantom"), *made,
                                     "--sheet", str(tmp_path / "sheet.png")], catch_exceptions=False)
    assert told.exit_code == 0
    image = cv2.imread(str(tmp_path / "sheet.png"))
    grey = views(image)[100:700].mean(axis=2)
    assert (grey > 30).mean() > 0.3  # images, not words
