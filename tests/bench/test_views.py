from dataclasses import replace

import numpy as np
import pytest

from lsdc.bench.views import AXIAL_PX, AXIAL_SLICES, WHOLE_PX, study_views
from lsdc.competition import read_study
from lsdc.crops import cut
from lsdc.tables import KEYPOINTS
from lsdc.taxonomy import ANNOTATED_PLANE, TARGETS, Condition, Plane


@pytest.fixture(scope="module")
def places(phantom):
    return KEYPOINTS.read(phantom / "truth" / "keypoints.csv")


def without(folder, plane):
    table = folder.series["train"]
    return replace(folder, series={**folder.series, "train": table[table.plane != plane]})


def test_crops_are_cut_at_the_true_places(folder, places, settings):
    study_id = folder.study_ids("train")[0]
    study = read_study(folder, study_id)
    own = places[places.study_id == study_id]
    views = study_views(folder, settings.crops, study_id, own)
    assert views.cut.all()
    for number in (2, 6, 14, 17, 24):
        target = TARGETS[number]
        place = own[(own.structure == target.condition) & (own.side == target.side) & (own.level == target.level)]
        point = place[["x_mm", "y_mm", "z_mm"]].to_numpy()[0]
        off, series_id, index = min(
            (abs(plane.to_pixel(point)[1]), one.series_id, index) for one in study.of(ANNOTATED_PLANE[target.condition])
            for index, plane in enumerate(one.series.planes))
        assert off < 4
        location = {**target._asdict(), "series_id": series_id, "slice_index": index,
                    **dict(zip(("x_mm", "y_mm", "z_mm"), point, strict=True))}
        assert np.array_equal(views.crops[number], np.round(cut(study, location, settings.crops).image * 255))


def test_whole_images_and_axial_slices(folder, places, settings):
    study_id = folder.study_ids("train")[1]
    views = study_views(folder, settings.crops, study_id, places[places.study_id == study_id])
    assert views.whole.shape == (1, 9, WHOLE_PX, WHOLE_PX)
    assert views.axial.shape == (AXIAL_SLICES, 1, AXIAL_PX, AXIAL_PX)
    for image in (*views.whole[0], *views.axial[:, 0]):
        assert np.ptp(image.astype(int)) > 150
    assert len({image.tobytes() for image in views.axial}) == AXIAL_SLICES


def test_a_missing_plane_is_missing(folder, places, settings):
    study_id = folder.study_ids("train")[0]
    own = places[places.study_id == study_id]
    views = study_views(without(folder, Plane.SAGITTAL_T1), settings.crops, study_id, own)
    assert [not there for there in views.cut] == [target.condition == Condition.FORAMINAL for target in TARGETS]
    assert not views.whole[0, :3].any()
    assert all(image.any() for image in views.whole[0, 3:])
    assert len(study_views(without(folder, Plane.AXIAL_T2), settings.crops, study_id, own).axial) == 0


def test_a_constant_series_is_black(folder, places, settings, monkeypatch):
    study_id = folder.study_ids("train")[0]
    study = read_study(folder, study_id)
    flat = tuple(replace(one, series=replace(one.series, images=tuple(np.full_like(i, 7) for i in one.series.images)))
                 if one.plane == Plane.AXIAL_T2 else one for one in study.series)
    monkeypatch.setattr("lsdc.bench.views.read_study", lambda *_: replace(study, series=flat))
    views = study_views(folder, settings.crops, study_id, places[places.study_id == study_id])
    assert not views.axial.any()
    assert not views.whole[0, 4:].any()
    assert [not there for there in views.cut] == [target.condition == Condition.SUBARTICULAR for target in TARGETS]
