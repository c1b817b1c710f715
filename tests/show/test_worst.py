"""The picture of the worst locations: which cases, what is marked on them, and what is said where nothing can be."""

import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

from lsdc.competition import open_folder, read_study
from lsdc.show import draw_worst, worst_cases
from lsdc.show import worst as room
from lsdc.show.paint import PREDICTED
from lsdc.show.views import Slice
from lsdc.show.worst import COLUMNS, DPI, GAP, HEADER, MARGIN, SIDE, TITLE, TRUE
from lsdc.taxonomy import Level
from tests.builders import write_competition

CANAL_SERIES = 10012


def errors_of(distances: dict, condition="canal", side="midline", study=1001) -> pd.DataFrame:
    """Rows of `target_errors`: true places 30 mm apart in z on the middle slice, found so far below; None is a miss."""
    rows = []
    for number, (level, distance) in enumerate(distances.items()):
        true = np.array([4.0, 4.0, -5.0 - 30 * number])
        found = true - [0, 0, distance] if distance is not None else [np.nan] * 3
        rows.append({"study_id": study, "condition": condition, "side": side, "level": level,
                     **dict(zip(("true_x_mm", "true_y_mm", "true_z_mm"), true, strict=True)),
                     **dict(zip(("x_mm", "y_mm", "z_mm"), found, strict=True)),
                     "distance_mm": np.nan if distance is None else float(distance),
                     "exact": distance is not None and distance <= 15, "series_id": CANAL_SERIES,
                     "found_by": "prior" if distance is None else "detector", "confidence": 0.4})
    return pd.DataFrame(rows)


@pytest.fixture
def folder(tmp_path):
    return write_competition(tmp_path / "data")


def tile(path, number=0) -> np.ndarray:
    """The image part of one tile."""
    left, top = MARGIN + number % COLUMNS * (SIDE + GAP), HEADER + TITLE
    image = cv2.imread(str(path))[:, :, ::-1]
    return image[round(top * DPI): round((top + SIDE) * DPI), round(left * DPI): round((left + SIDE) * DPI)]


def near(image: np.ndarray, colour: str) -> np.ndarray:
    """(H, W) bool: pixels of this colour."""
    wanted = [int(colour[place: place + 2], 16) for place in (1, 3, 5)]
    return np.abs(image.astype(int) - wanted).max(axis=2) <= 12


def pixels_of(image: np.ndarray, colour: str) -> int:
    return int(near(image, colour).sum())


def middle_of(image: np.ndarray, colour: str) -> np.ndarray:
    """(2,) mean x, y of the pixels of this colour."""
    return np.argwhere(near(image, colour)).mean(axis=0)[::-1]


def test_the_worst_of_each_study_and_condition_located_ones_first():
    errors = pd.concat([
        errors_of({"l1_l2": 20, "l2_l3": 34, "l3_l4": 2}, study=1),
        errors_of({"l1_l2": None, "l2_l3": 3}, study=2),
        errors_of({"l1_l2": 5, "l2_l3": 1}, study=3),
        errors_of({"l1_l2": 60}, study=3, condition="foraminal", side="left"),
    ])
    errors.loc[(errors["study_id"] == 3) & (errors["level"] == "l2_l3"), "true_x_mm"] = np.nan  # nothing to compare
    cases = worst_cases(errors)
    assert list(zip(cases["study_id"], cases["level"], cases["wrong"], cases["of"], strict=True)) == [
        (3, "l1_l2", 1, 1), (1, "l2_l3", 2, 3), (2, "l1_l2", 1, 2), (3, "l1_l2", 0, 1)]
    assert len(worst_cases(errors, 2)) == 2


def test_true_and_found_places_are_marked_where_they_are(folder, tmp_path):
    """90 mm on 330 pixels: the cross lies 20 mm below the ring, both beside the middle of the tile."""
    draw_worst(open_folder(folder), errors_of({"l3_l4": 20}), tmp_path / "a.png", truth="annotated points")
    ring = tile(tmp_path / "a.png")[:, 60:]  # without the level's name at the edge
    arm = near(ring, PREDICTED).sum(axis=1).argmax()  # the row of the cross' level arm
    assert arm - middle_of(ring, TRUE)[1] == pytest.approx(20 / 90 * SIDE * DPI, abs=3)
    assert middle_of(ring, PREDICTED)[0] == pytest.approx(middle_of(ring, TRUE)[0], abs=3)
    assert middle_of(ring, TRUE)[1] == pytest.approx((45 - 10) / 90 * SIDE * DPI, abs=4)


def test_a_miss_shows_the_truth_alone(folder, tmp_path):
    draw_worst(open_folder(folder), errors_of({"l3_l4": None}), tmp_path / "a.png", truth="annotated points")
    assert pixels_of(tile(tmp_path / "a.png"), TRUE) > 50
    assert pixels_of(tile(tmp_path / "a.png"), PREDICTED) == 0


def test_places_far_apart_are_both_shown(folder, tmp_path):
    draw_worst(open_folder(folder), errors_of({"l3_l4": 150}), tmp_path / "a.png", truth="annotated points")
    assert pixels_of(tile(tmp_path / "a.png")[:, 60:], TRUE) > 30
    assert pixels_of(tile(tmp_path / "a.png"), PREDICTED) > 30


def test_where_a_place_on_another_slice_is_said(folder):
    study = read_study(open_folder(folder), 1001)
    shown = Slice(study.by_id(CANAL_SERIES), 1)  # x = 4 mm
    say = room._where
    assert say(shown, study, np.array([4.0, 4, -5]), CANAL_SERIES) == "on this slice"
    assert say(shown, study, np.array([7.0, 4, -5]), CANAL_SERIES) == "1 slice (3 mm) away"
    assert say(shown, study, np.array([4.0, 4, -5]), 10013) == "on this slice, on Axial T2 series 10013"


def test_without_the_plane_the_slice_of_the_place_is_shown_else_words(folder, tmp_path):
    shutil.rmtree(folder / "train_images" / "1001" / str(CANAL_SERIES))
    elsewhere = errors_of({"l3_l4": 20}).assign(series_id=10011)
    draw_worst(open_folder(folder), elsewhere, tmp_path / "a.png", truth="annotated points")
    assert pixels_of(tile(tmp_path / "a.png"), TRUE) > 50
    nowhere = errors_of({"l3_l4": None}).assign(series_id=pd.array([None], "Int64"))
    draw_worst(open_folder(folder), nowhere, tmp_path / "b.png", truth="annotated points")
    assert pixels_of(tile(tmp_path / "b.png"), TRUE) == 0
    assert (tile(tmp_path / "b.png").max(axis=2) > 100).sum() > 100  # words


def test_nothing_to_compare_is_a_picture_that_says_so(folder, tmp_path):
    draw_worst(open_folder(folder), errors_of({"l3_l4": 20}).iloc[:0], tmp_path / "a.png", truth="annotated points")
    assert cv2.imread(str(tmp_path / "a.png")).max() > 100


def test_many_cases_fill_rows_of_four(folder, tmp_path):
    many = pd.concat([errors_of(dict.fromkeys([level.value for level in Level], 20), study=study, condition=condition,
                                side=side)
                      for study in (1001, 1002) for condition, side in (("canal", "midline"), ("foraminal", "left"),
                                                                        ("subarticular", "right"))])
    many.loc[many["study_id"] == 1002, "series_id"] = 10022
    draw_worst(open_folder(folder), many, tmp_path / "a.png", truth="true keypoints", run="mine")
    draw_worst(open_folder(folder), many, tmp_path / "b.png", truth="true keypoints", run="mine", count=4)
    six, four = (cv2.imread(str(tmp_path / name)).shape for name in ("a.png", "b.png"))
    assert six[1] == four[1]
    assert six[0] - four[0] == pytest.approx((TITLE + SIDE + GAP + room.CAPTION) * DPI, abs=1)


def test_the_name_of_a_run_is_not_read_as_a_formula(folder, tmp_path):
    draw_worst(open_folder(folder), errors_of({"l3_l4": 20}), tmp_path / "a.png", truth="true keypoints", run="$x^$")
    assert (tmp_path / "a.png").exists()
