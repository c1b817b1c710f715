import numpy as np
import pytest

from lsdc.config.sections import CropSettings, PerCondition
from lsdc.crops import cut
from lsdc.crops.cut import neighbours
from lsdc.crops.intensity import series_window
from lsdc.dicom import SlicePlane
from lsdc.errors import DataError
from tests.crops.studies import dot, grid, location, mirrored, series_of, stack, study_of, waves

SETTINGS = CropSettings(size_px=33, size_mm=PerCondition(canal=40, foraminal=33, subarticular=26), slices=5,
                        views="own", intensity="percentile", mirror_right=True)
POINT = (13.0, -6.0, 9.0)


def the_study(field, **keywords):
    return study_of(axial_t2=stack(field, "axial", **keywords), sagittal_t1=stack(field, "sagittal", **keywords))


@pytest.mark.parametrize("series_id", [1, 2])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_bright_dot_lands_in_the_centre(series_id, side):
    study = the_study(dot(POINT, 2.0))
    crop = cut(study, location(study, POINT, series_id=series_id, side=side), SETTINGS)
    rows, columns = np.indices((33, 33))
    middle = crop.image[2]
    assert (middle * columns).sum() / middle.sum() == pytest.approx(16, abs=0.2)
    assert (middle * rows).sum() / middle.sum() == pytest.approx(16, abs=0.2)
    assert crop.image.sum(axis=(1, 2)).argmax() == 2


@pytest.mark.parametrize("axes", [
    ((0, 1, 0), (0, 0, -1), (1, 0, 0)), ((0, -1, 0), (0, 0, -1), (1, 0, 0)), ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
])
def test_every_pixel_shows_the_patient_point_that_its_plane_says(axes):
    study = study_of(sagittal_t1=stack(waves, "sagittal", axes=axes))
    crop = cut(study, location(study, POINT, condition="foraminal"), SETTINGS)
    low, high = series_window(study.series[0].series)
    for image, plane in zip(crop.image, crop.planes, strict=True):
        expected = np.clip((waves(grid(plane)) - low) / (high - low), 0, 1)
        assert np.abs(image - expected).max() < 0.01
        assert plane.spacing_xy_mm == pytest.approx((1.0, 1.0))
        assert plane.step_x_mm @ (0, 1, 0) > 0  # posterior to the right
        assert plane.step_y_mm @ (0, 0, -1) > 0  # inferior below


@pytest.mark.parametrize("series_id", [1, 2])
def test_a_mirrored_right_target_equals_the_left_one_of_the_mirrored_patient(series_id):
    study, other = the_study(waves), the_study(mirrored(waves))
    right = location(study, (-13.0, -6.0, 9.0), side="right", series_id=series_id)
    left = location(other, POINT, side="left", series_id=series_id)
    assert np.allclose(cut(study, right, SETTINGS).image, cut(other, left, SETTINGS).image, atol=3e-3)
    plain = SETTINGS.model_copy(update={"mirror_right": False})
    assert not np.allclose(cut(study, right, plain).image, cut(other, left, plain).image, atol=0.05)


@pytest.mark.parametrize(("side", "x_mm"), [("left", 8.0), ("right", -8.0)])
def test_sagittal_slices_run_from_medial_to_lateral(side, x_mm):
    study = study_of(sagittal_t1=stack(lambda points: points[..., 0] + waves(points), "sagittal"))
    crop = cut(study, location(study, (x_mm, 0, 0), condition="foraminal", side=side), SETTINGS)
    assert [abs(plane.centre_mm[0]) for plane in crop.planes] == pytest.approx([0, 4, 8, 12, 16])


@pytest.mark.parametrize(("side", "valid", "same"), [
    ("left", [True, True, True, True, False], (3, 4)), ("right", [True, True, True, True, False], (3, 4)),
])
def test_where_the_stack_ends_its_last_slice_stands_in_and_the_mask_says_so(side, valid, same):
    study = the_study(waves)
    point = (12.0 if side == "left" else -12.0, -6.0, 9.0)  # the last slice but one
    crop = cut(study, location(study, point, condition="foraminal", side=side, series_id=2), SETTINGS)
    assert crop.valid.tolist() == valid
    assert np.array_equal(crop.image[same[0]], crop.image[same[1]])
    assert crop.planes[same[0]].centre_mm == pytest.approx(crop.planes[same[1]].centre_mm)
    assert crop.image.std(axis=(1, 2)).min() > 0.01


def test_slices_of_another_tilt_or_behind_a_gap_are_no_neighbours():
    def plane(z_mm, degrees):
        angle = np.deg2rad(degrees)
        return SlicePlane(np.array([-20.0, -20.0, z_mm]), np.array([1.0, 0, 0]),
                          np.array([0, np.cos(angle), np.sin(angle)]), (41, 41))

    series = series_of(waves, [plane(z, 0) for z in (0, 4, 8)] + [plane(z, 15) for z in (12, 16)]
                       + [plane(z, 0) for z in (60, 64)])
    assert neighbours(series, 1, 5)[0] == [0, 0, 1, 2, 2]
    assert neighbours(series, 1, 5)[1].tolist() == [False, True, True, True, False]
    assert neighbours(series, 3, 3)[0] == [3, 3, 4]
    assert neighbours(series, 5, 3, reverse=True)[0] == [6, 5, 5]


def test_a_single_slice_is_repeated():
    study = study_of(sagittal_t1=stack(waves, "sagittal", count=1))
    crop = cut(study, location(study, (0, 0, 0), condition="foraminal"), SETTINGS)
    assert crop.valid.tolist() == [False, False, True, False, False]
    assert crop.image.shape == (5, 33, 33)


def test_native_pixels_are_the_images_own():
    settings = SETTINGS.model_copy(update={"size_px": 32, "size_mm": None, "slices": 1, "intensity": "minmax"})
    series = stack(waves, "sagittal")
    study = study_of(sagittal_t1=series)
    place = location(study, series.planes[4].to_patient([70.2, 50.7]), condition="foraminal")
    image = series.images[4]
    grey = np.floor((image - image.min()) / (image.max() - image.min()) * 255)
    assert np.array_equal(cut(study, place, settings).image[0] * 255, grey[51 - 16:51 + 16, 70 - 16:70 + 16])
    assert cut(study, place, settings).planes[0].spacing_xy_mm == pytest.approx((0.8, 0.8))


@pytest.mark.parametrize("intensity", ["percentile", "minmax"])
def test_scanner_gain_and_offset_do_not_matter(intensity):
    settings = SETTINGS.model_copy(update={"intensity": intensity})
    study, louder = the_study(waves), the_study(lambda points: 40 + 900 * waves(points))
    crops = [cut(one, location(one, POINT), settings).image for one in (study, louder)]
    assert np.abs(crops[0] - crops[1]).max() <= (1e-4 if intensity == "percentile" else 1 / 255 + 1e-6)
    assert crops[0].min() >= 0
    assert crops[0].max() <= 1


def test_a_location_that_cannot_be_cut_says_why():
    study = the_study(waves)
    good = location(study, POINT)
    with pytest.raises(DataError, match="a series that this study does not have"):
        cut(study, good | {"series_id": 9}, SETTINGS)
    with pytest.raises(DataError, match="slice is not in its series\n  wanted: 0 to 8\n  got:    9"):
        cut(study, good | {"slice_index": 9}, SETTINGS)
    with pytest.raises(DataError, match="outside the image"):
        cut(study, good | {"x_mm": 200.0}, SETTINGS)
    plane = study.by_id(1).series.planes[good["slice_index"]]
    corner = dict(zip(("x_mm", "y_mm", "z_mm"), plane.to_patient([0.0, 0.0]), strict=True))
    with pytest.raises(DataError, match=r"most of the crop lies outside the image\n  wanted: 50 %\n  got:    27 %"):
        cut(study, good | corner, SETTINGS)
    edge = dict(zip(corner, plane.to_patient([0.0, plane.size_hw[0] / 2]), strict=True))
    assert 0.5 <= cut(study, good | edge, SETTINGS).covered < 0.6
    assert cut(study, good, SETTINGS).covered == 1
    flat = the_study(lambda points: 0 * points[..., 0])
    with pytest.raises(DataError, match="constant image"):
        cut(flat, location(flat, POINT), SETTINGS)
