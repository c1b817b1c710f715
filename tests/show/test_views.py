"""Which slice a view shows, how it is turned, and what is marked on it."""

import numpy as np
import pytest

from lsdc.competition import Study, StudySeries
from lsdc.dicom import read_series
from lsdc.show.marks import Mark, annotated_marks, grade_of, predicted_marks
from lsdc.show.views import study_views
from lsdc.tables import GRADES, LOCATIONS, POINTS
from lsdc.taxonomy import Condition, Level, Plane, Severity, Side, Target
from tests.builders import write_series, write_slice

T1, T2, AXIAL = 1, 2, 3  # series ids
CENTRE_MM = 8.0  # x of the middle sagittal slice


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    """Sagittal slices at x = -24, -16, ... 40; axial ones at z = 0, 10, ... 140, all 1 mm per pixel."""
    root = tmp_path_factory.mktemp("study")
    for series_id in (T1, T2):
        write_series(root / str(series_id), count=9, step_mm=8, start=(-24, -40, 150), size=(160, 80))
    write_series(root / str(AXIAL), axes="axial", count=15, step_mm=10, start=(-32, -40, 0), size=(80, 80))
    planes = {T1: Plane.SAGITTAL_T1, T2: Plane.SAGITTAL_T2, AXIAL: Plane.AXIAL_T2}
    return Study(7, tuple(StudySeries(number, plane, read_series(root / str(number)))
                          for number, plane in planes.items()), ())


def without(study: Study, plane: Plane, *faults: str) -> Study:
    return Study(study.study_id, tuple(one for one in study.series if one.plane != plane), faults)


def mark(condition, level, place_mm, series_id, slice_index, side=Side.MIDLINE, **more) -> Mark:
    return Mark(Target(condition, side, level), np.array(place_mm, float), series_id, slice_index,
                more.pop("severity", None), **more)


def x_of(view):
    return view.source.origin_mm[0]


def z_of(view):
    return view.source.origin_mm[2]


def test_without_marks_the_middle_the_foramina_and_slices_from_head_to_foot(study):
    middle, right, left, *axial = study_views(study, [])
    assert (x_of(middle), x_of(right), x_of(left)) == (CENTRE_MM, CENTRE_MM - 16, CENTRE_MM + 16)
    assert [z_of(view) for view in axial] == [130, 100, 70, 40, 10]
    assert axial[0].title == "Axial T2, 1 of 5 (no level known)"
    assert middle.caption == "series 2   slice 5 of 9   instance 5"


def test_the_slice_with_most_points_is_shown_and_the_others_are_beside_it(study):
    marks = [mark(Condition.CANAL, level, (0, 0, 140 - 30 * number), T2, 3 if number < 2 else 6)
             for number, level in enumerate(Level)]
    middle = study_views(study, marks)[0]
    assert x_of(middle) == 24
    assert [one.target.level for one in middle.here] == [Level.L3_L4, Level.L4_L5, Level.L5_S1]
    assert [one.target.level for one in middle.beside] == [Level.L1_L2, Level.L2_L3]


def test_foramina_are_shown_by_side(study):
    marks = [mark(Condition.FORAMINAL, Level.L4_L5, (-16, 0, 50), T1, 1, Side.RIGHT),
             mark(Condition.FORAMINAL, Level.L4_L5, (32, 0, 50), T1, 7, Side.LEFT)]
    _, right, left, *_ = study_views(study, marks)
    assert (x_of(right), x_of(left)) == (-16, 32)
    assert [len(view.here) for view in (right, left)] == [1, 1]


def test_axial_slices_by_own_points_then_by_other_points(study):
    marks = [mark(Condition.SUBARTICULAR, Level.L1_L2, (-10, 0, 121), AXIAL, 12, Side.RIGHT),
             mark(Condition.SUBARTICULAR, Level.L1_L2, (10, 0, 128), AXIAL, 13, Side.LEFT),
             mark(Condition.SUBARTICULAR, Level.L1_L2, (11, 0, 131), AXIAL, 13, Side.LEFT),
             mark(Condition.CANAL, Level.L2_L3, (0, 0, 92), T2, 4),
             mark(Condition.FORAMINAL, Level.L4_L5, (-16, 0, 32), T1, 1, Side.RIGHT)]
    axial = study_views(study, marks)[3:]
    assert [z_of(view) for view in axial] == [130, 90, 60, 30, 0]  # L3/L4 and L5/S1 by a line through the others
    assert [len(view.here) for view in axial] == [2, 0, 0, 0, 0]
    assert [view.title for view in axial[:3]] == [
        "Axial T2, L1/L2", "Axial T2, L2/L3 (by other points)", "Axial T2, L3/L4 (by other points)"]


def test_annotated_points_choose_before_predicted_ones(study):
    marks = [mark(Condition.CANAL, level, (0, 0, 70), T2, 2, predicted=True) for level in Level]
    assert x_of(study_views(study, marks)[0]) == -8
    marks.append(mark(Condition.CANAL, Level.L3_L4, (0, 0, 70), T2, 5))
    view = study_views(study, marks)[0]
    assert x_of(view) == 16
    assert (len(view.here), len(view.beside)) == (1, 5)


def test_a_point_on_a_series_of_another_plane_is_shown_at_its_place(study):
    marks = [mark(Condition.CANAL, Level.L2_L3, (8, 5, 90), T1, 4),
             mark(Condition.CANAL, Level.L1_L2, (8, 5, 120), T2, 4)]
    view = study_views(study, marks)[0]
    assert [one.series_id for one in view.beside] == [T1]
    assert view.plane.to_pixel(view.beside[0].place_mm)[0] == pytest.approx((45, 60))  # 1 mm per pixel from (-40, 150)


def test_lines_are_where_the_axial_slices_cross(study):
    middle, _, _, *axial = study_views(study, [])
    assert len(middle.lines) == 5
    for line, view in zip(middle.lines, axial, strict=True):
        assert np.sort(line[:, 1]) == pytest.approx((-40, 39))  # from edge to edge of the axial image
        assert line[:, 0] == pytest.approx(CENTRE_MM)
        assert line[:, 2] == pytest.approx(z_of(view))


@pytest.mark.parametrize("faults", [
    (), ("series 9 (sagittal_t1): no readable slice in this series (an empty folder)",)])
def test_a_missing_plane_is_said_in_words(study, faults):
    views = study_views(without(study, Plane.SAGITTAL_T1, *faults), [])
    wanted = "series 9: no readable slice in this series (an empty folder)" if faults else \
        "no Sagittal T1 series in the table of series"
    assert [view.words for view in views] == ["", wanted, wanted, "", "", "", "", ""]
    assert all(view.image is None for view in views[1:3])


def test_a_series_far_from_the_others_is_the_last_to_be_shown(study, tmp_path):
    far = read_series(write_series(tmp_path / "far", count=9, step_mm=8, start=(-24, -40, -600), size=(160, 80)))
    odd = Study(7, (StudySeries(0, Plane.SAGITTAL_T2, far), *study.series), ())
    assert study_views(odd, [])[0].caption.startswith("series 2 ")


def test_images_that_are_not_of_the_plane_named_are_not_shown_as_such(study):
    swapped = {Plane.AXIAL_T2: Plane.SAGITTAL_T1, Plane.SAGITTAL_T1: Plane.AXIAL_T2}
    wrong = Study(7, tuple(StudySeries(one.series_id, swapped.get(one.plane, one.plane), one.series)
                           for one in study.series), ())
    views = study_views(wrong, [])
    assert views[0].image is not None
    assert {view.words for view in views[1:3]} == {"the series named Sagittal T1 have axial images"}
    assert {view.words for view in views[3:]} == {"the series named Axial T2 have sagittal images"}


def test_nothing_at_all_is_eight_views_in_words():
    views = study_views(Study(7, (), ()), [])
    assert len(views) == 8
    assert all("no " in view.words for view in views)


ORIENTATIONS = {  # of a sagittal image: axes, and how the upright image is stored
    "upright": (((0, 1, 0), (0, 0, -1)), lambda image: image),
    "turned": (((0, 0, -1), (0, 1, 0)), lambda image: image.T),
    "mirrored": (((0, -1, 0), (0, 0, -1)), lambda image: image[:, ::-1]),
    "upside down": (((0, -1, 0), (0, 0, 1)), lambda image: image[::-1, ::-1]),
}


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_every_orientation_is_shown_upright(tmp_path, name):
    axes, stored = ORIENTATIONS[name]
    upright = np.arange(30 * 20, dtype=np.uint16).reshape(30, 20)
    row, column = np.array(axes)
    first = np.array([5.0, -40, 100])  # centre of the upright image's first pixel
    first += 19 * np.array([0, 1, 0]) * ((row + column)[1] < 0) + 29 * np.array([0, 0, -1]) * ((row + column)[2] > 0)
    write_slice(tmp_path / "1.dcm", np.ascontiguousarray(stored(upright)), position=first, axes=axes)
    study = Study(7, (StudySeries(T2, Plane.SAGITTAL_T2, read_series(tmp_path)),), ())
    view = study_views(study, [mark(Condition.CANAL, Level.L3_L4, (5, -30, 92), T2, 0)])[0]
    assert view.image == pytest.approx(upright, abs=1e-3)
    assert view.plane.to_pixel(view.here[0].place_mm)[0] == pytest.approx((10, 8))


def test_marks_come_from_the_tables(study):
    grades = GRADES.frame([
        {"study_id": 7, "condition": "canal", "side": "midline", "level": "l1_l2", "severity": "severe"},
        {"study_id": 7, "condition": "canal", "side": "midline", "level": "l2_l3", "severity": None}])
    point = {"study_id": 7, "series_id": T2, "instance_number": 4, "condition": "canal", "side": "midline",
             "x_px": 30.0, "y_px": 50.0}
    points = POINTS.frame([{**point, "level": "l1_l2"}, {**point, "level": "l2_l3"},
                           {**point, "level": "l3_l4", "instance_number": 77},
                           {**point, "level": "l4_l5", "series_id": 66}, {**point, "level": "l5_s1", "series_id": 66},
                           {**point, "condition": "foraminal", "side": "left", "level": "l1_l2", "x_px": 5000.0}])
    marks, faults = annotated_marks(study, points, grade_of(grades))
    assert [one.severity for one in marks] == [Severity.SEVERE, None]
    assert marks[0].place_mm == pytest.approx((0, -10, 100))
    assert marks[0].slice_index == 3
    assert faults == ["series 2: 1 points lie on slices that are not there or cannot be read",
                      "series 66: 2 points lie on slices that are not there or cannot be read",
                      "series 2: 1 points lie outside the image"]


def test_locations_without_a_place_are_no_marks():
    row = {"study_id": 7, "condition": "canal", "side": "midline", "fold": 0, "confidence": 0.5}
    locations = LOCATIONS.frame([
        {**row, "level": "l1_l2", "series_id": T2, "slice_index": 3, "x_px": 1.0, "y_px": 2.0, "x_mm": 3.0, "y_mm": 4.0,
         "z_mm": 5.0, "found_by": "detector"},
        {**row, "level": "l2_l3", "series_id": None, "slice_index": None, "x_px": None, "y_px": None, "x_mm": None,
         "y_mm": None, "z_mm": None, "found_by": "prior"}])
    marks = predicted_marks(locations)
    assert [(one.target.level, one.series_id, one.slice_index, one.predicted) for one in marks] == [
        (Level.L1_L2, T2, 3, True)]
    assert marks[0].place_mm == pytest.approx((3, 4, 5))
