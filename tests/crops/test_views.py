import numpy as np
import pytest

from lsdc.competition import Study, open_folder
from lsdc.config.sections import CropSettings, PerCondition
from lsdc.crops import cut, cut_views, mirrored, open_store
from lsdc.crops.views import SHOWN_MM, planes_of
from lsdc.errors import DataError
from lsdc.taxonomy import Condition, Plane, Side
from tests.builders import write_competition
from tests.crops.studies import dot, location, stack, study_of, waves
from tests.crops.studies import mirrored as mirror_image

OWN = CropSettings(size_px=33, size_mm=PerCondition(canal=33, foraminal=33, subarticular=33), slices=3, views="own",
                   intensity="percentile", mirror_right=True)
BOTH = OWN.model_copy(update={"views": "both"})
POINT = (5.0, -6.0, 9.0)


def the_study(field) -> Study:
    """Series 1 sagittal T2, 2 axial T2, 3 sagittal T1."""
    return study_of(sagittal_t2=stack(field, "sagittal", step_mm=5.0), axial_t2=stack(field, "axial", step_mm=3.0),
                    sagittal_t1=stack(field, "sagittal"))


@pytest.mark.parametrize(("condition", "planes", "own"), [
    ("canal", (Plane.SAGITTAL_T2, Plane.AXIAL_T2), 1), ("foraminal", (Plane.SAGITTAL_T1, Plane.AXIAL_T2), 3),
    ("subarticular", (Plane.AXIAL_T2, Plane.SAGITTAL_T2), 2)])
def test_a_place_is_in_the_middle_of_both_views(condition, planes, own):
    study = the_study(dot(POINT, 2.0))
    assert planes_of(Condition(condition), BOTH) == planes
    views = cut_views(study, location(study, POINT, condition=condition, series_id=own), BOTH, among={1, 2, 3})
    assert views.image.shape == (2, 3, 33, 33)
    assert views.seen.tolist() == [True, True]
    assert views.valid.all()
    assert views.mm_per_px.tolist() == pytest.approx([1.0, 1.0])
    steps = {Plane.SAGITTAL_T2: 5.0, Plane.AXIAL_T2: 3.0, Plane.SAGITTAL_T1: 4.0}
    assert views.slice_mm.tolist() == pytest.approx([steps[plane] for plane in planes])
    assert views.axial.tolist() == [plane is Plane.AXIAL_T2 for plane in planes]
    rows, columns = np.indices((33, 33))
    for image in views.image:
        middle = image[1]
        assert (middle * columns).sum() / middle.sum() == pytest.approx(16, abs=0.3)
        assert (middle * rows).sum() / middle.sum() == pytest.approx(16, abs=0.3)


def test_the_own_view_alone_is_the_crop():
    study = the_study(waves)
    place = location(study, POINT, condition="canal")
    views, crop = cut_views(study, place, OWN, among={1}), cut(study, place, OWN)
    assert np.array_equal(views.image, crop.image[None])
    assert np.array_equal(views.image[0], cut_views(study, place, BOTH, among={1, 2}).image[0])


@pytest.mark.parametrize("among", [{1}, {1, 3}])
def test_a_series_that_shows_no_spine_is_no_view(among):
    study = the_study(waves)
    views = cut_views(study, location(study, POINT, condition="canal"), BOTH, among=among)
    assert views.seen.tolist() == [True, False]
    assert not views.image[1].any()
    assert not views.valid[1].any()
    assert np.isnan(views.slice_mm[1])


def test_a_place_beyond_the_other_stack_is_seen_once():
    study = the_study(waves)
    beyond = (5.0, -6.0, 12.0 + SHOWN_MM + 0.5)  # the axial stack ends at 12
    place = location(study, beyond, condition="canal")
    assert cut_views(study, place, BOTH, among={1, 2}).seen.tolist() == [True, False]


def test_a_projected_place_is_seen_on_the_other_plane_alone():
    study = the_study(waves)
    without = Study(7, study.series[:1], ())
    place = location(without, POINT, condition="subarticular", series_id=1)
    views = cut_views(without, place, BOTH, among={1})
    assert views.seen.tolist() == [False, True]
    assert views.image[1].any()
    with pytest.raises(DataError, match="no axial_t2 series"):
        cut_views(without, place, OWN, among={1})


def test_a_place_that_is_nowhere():
    study = the_study(waves)
    nowhere = location(study, POINT, condition="canal") | {"series_id": None, "x_mm": np.nan}
    with pytest.raises(DataError, match="not located"):
        cut_views(study, nowhere, BOTH, among={1, 2, 3})


@pytest.mark.parametrize("mirror_right", [True, False])
@pytest.mark.parametrize(("condition", "side", "own"), [
    ("canal", "midline", 1), ("foraminal", "left", 3), ("foraminal", "right", 3), ("subarticular", "right", 2)])
def test_the_mirror_image_is_what_the_mirrored_patient_shows(condition, side, own, mirror_right):
    settings = BOTH.model_copy(update={"mirror_right": mirror_right})
    point = POINT if condition != "canal" else (0.0, -6.0, 9.0)
    study, other = the_study(waves), the_study(mirror_image(waves))
    views = cut_views(study, location(study, point, condition=condition, side=side, series_id=own), settings,
                      among={1, 2, 3})
    image, valid, turned = mirrored(views.image, views.valid, views.axial, Side(side), mirror_right=mirror_right)
    there = (-point[0], *point[1:])
    expected = cut_views(other, location(other, there, condition=condition, side=turned, series_id=own), settings,
                         among={1, 2, 3})
    assert turned == {"left": "right", "right": "left", "midline": "midline"}[side]
    assert np.allclose(image, expected.image, atol=3e-3)
    assert np.array_equal(valid, expected.valid)


def test_a_store_holds_both_views(tmp_path):
    folder = open_folder(write_competition(tmp_path / "data", studies=(1001,)))
    small = BOTH.model_copy(update={"size_px": 8})
    store = open_store(folder, folder.points, small, tmp_path / "store")
    row = store.rows.iloc[0]
    assert store.image(row.file, row.offset).shape == (2, 3, 8, 8)
    assert row.seen == [True, False]  # no point lies on the axial series, so nothing says that it shows this spine
    assert row.mm_per_px[1] is None
    assert row.valid[1] == [False] * 3
