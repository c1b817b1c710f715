"""Pictures of tiny series: the right slice, the right pixel, everything on it, and words where there is none."""

import numpy as np
import pytest

from lsdc.competition import open_folder, read_study
from lsdc.report.cases import Case, TargetCase
from lsdc.report.slices import slices_of, thumbnail, write_grey
from lsdc.taxonomy import TARGETS, Condition, Plane, Side
from tests.builders import write_competition, write_slice

STUDY, T1, T2, AXIAL = 1001, 10011, 10012, 10013
ANSWER = (0.8, 0.1, 0.1)


@pytest.fixture
def study(tmp_path):
    """Sagittal slices 4 mm apart in x, 200 x 160 pixels of 1 mm, dark with a bright square at (y, z) = (0, 0) mm."""
    root = write_competition(tmp_path / "data")
    for series in (T1, T2):
        for number in (1, 2, 3):
            image = np.tile(np.arange(160, dtype=np.uint16), (200, 1))
            image[90:111, 70:91] = 1000
            write_slice(root / "train_images" / str(STUDY) / str(series) / f"{number}.dcm", image, number=number,
                        position=(4.0 * (number - 1), -80.0, 100.0))
    return read_study(open_folder(root), STUDY)


def case(*targets: TargetCase) -> Case:
    return Case(STUDY, "train", targets)


def target(number: int, series: int, index: int | None, place, **more) -> TargetCase:
    return TargetCase(TARGETS[number], ANSWER, series_id=series, slice_index=index, place_mm=place, found_by="detector",
                      confidence=0.5, **more)


def test_the_place_is_where_the_image_shows_it(study):
    (shown,), lost = slices_of(study, case(target(0, T2, 1, (4.0, 0.0, 0.0), true_mm=(4.0, 3.0, -6.0))), None)
    assert lost == {}
    assert (shown.plane, shown.number, shown.of, shown.instance) == (Plane.SAGITTAL_T2, 2, 3, 2)
    assert shown.mm_per_px == 1
    (mark,) = shown.marks
    y, x = np.argwhere(shown.image > 200).mean(axis=0)  # the middle of the square
    assert (mark.x, mark.y) == pytest.approx((x, y), abs=0.51)
    assert mark.true_xy == pytest.approx((mark.x + 3, mark.y + 6))
    assert mark.side == 20  # mm of a canal's box
    assert shown.letters == ("A", "P")


def test_targets_of_one_slice_share_a_picture_and_planes_have_an_order(study):
    foramen = next(number for number, one in enumerate(TARGETS) if one.condition == Condition.FORAMINAL
                   and one.side == Side.LEFT)
    shown, _ = slices_of(study, case(
        target(0, T2, 1, (4.0, 0.0, 30.0)), target(1, T2, 1, (4.0, 0.0, 0.0)),
        target(foramen, T1, 2, (8.0, 0.0, 0.0)), target(foramen + 1, T1, 0, (0.0, 0.0, 0.0))), None)
    assert [(one.series_id, one.number, len(one.marks)) for one in shown] == [(T2, 2, 2), (T1, 1, 1), (T1, 3, 1)]


def test_a_place_far_off_is_still_in_the_picture(study):
    far = target(1, T2, 1, (4.0, 70.0, 90.0))
    (shown,), _ = slices_of(study, case(target(0, T2, 1, (4.0, 0.0, 0.0)), far), None)
    height, width = shown.image.shape
    assert all(0 <= mark.x < width and 0 <= mark.y < height for mark in shown.marks)


def test_series_and_slices_that_are_gone_have_words(study):
    shown, lost = slices_of(study, case(target(0, 77, 0, (0.0, 0.0, 0.0)), target(1, T2, 9, (0.0, 0.0, 0.0)),
                                        TargetCase(TARGETS[2], ANSWER)), None)
    assert shown == []
    assert list(lost.values()) == ["series 77 cannot be read any more", "series 10012 has no slice 10 any more"]


def test_a_thumbnail_is_small_and_there_whenever_something_can_be_shown(study, tmp_path):
    shown, _ = slices_of(study, case(target(0, T2, 1, (4.0, 0.0, 0.0))), None)
    for slices in (shown, []):
        thumb = thumbnail(slices, study)
        assert thumb.shape == (64, 44)
        write_grey(thumb, tmp_path / "a" / "thumb.webp")
        assert 0 < (tmp_path / "a" / "thumb.webp").stat().st_size < 3000
    assert thumbnail([], type(study)(STUDY, (), ())) is None
