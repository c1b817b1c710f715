"""Monotone physics on scanned slices, and the truth masks that it is measured within."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from lsdc.dicom.plane import SlicePlane
from lsdc.phantom.anatomy import FIRST
from lsdc.phantom.canvas import Contrast, Share, Tissue, signal
from lsdc.phantom.physics import COVERED_Z, measure_narrowing
from lsdc.phantom.render import TEXTURE_PX, render_slice, texture_tiles
from lsdc.phantom.study import plan_study
from lsdc.taxonomy import Condition

TARGETS_EACH = 20


@pytest.fixture(scope="module")
def measured():
    return measure_narrowing(23, TARGETS_EACH)


@pytest.mark.parametrize(("condition", "wide", "narrow"), [
    (Condition.CANAL, 120, 15),  # mm2 of fluid
    (Condition.FORAMINAL, 70, 15),  # mm2 of fat
    (Condition.SUBARTICULAR, 4.5, 2.0),  # mm
])
def test_what_is_measured_falls_with_the_latent(measured, condition, wide, narrow):
    own = measured[measured.condition == condition].sort_values("z")
    assert len(own) >= TARGETS_EACH - 2  # a plane may be missing
    assert own.z.iloc[0] == pytest.approx(COVERED_Z[0], abs=0.1)
    assert own.z.iloc[-1] == pytest.approx(COVERED_Z[1], abs=0.1)
    assert own.level.nunique() >= 3
    assert spearmanr(own.z, own.measured).statistic < -0.9
    assert own.measured.iloc[:4].mean() > wide
    assert own.measured.iloc[-4:].mean() < narrow


@pytest.fixture(scope="module")
def slice_of_a_patient():
    """A patient, and an axial plane of 90 mm through the disc L3/L4."""
    patient = plan_study(23, "train", 0).patient
    middle = patient.place(patient.anatomy.disc_s[FIRST + 2], 0.0, 10.0)
    corner = middle - np.array([45.0, 45.0, 0])
    return patient, SlicePlane(corner, np.array([0.6, 0, 0]), np.array([0, 0.6, 0]), (150, 150))


def render(patient, plane, contrasts, tiles):
    return render_slice(patient, plane, 4.0, contrasts, sub_slices=3, saturated=False, tiles=tiles,
                        random=np.random.default_rng(1))


def test_shares_of_all_tissues_make_the_image(slice_of_a_patient):
    smooth = np.zeros((2, TEXTURE_PX, TEXTURE_PX), np.float32)
    shares = tuple(Share(frozenset({tissue})) for tissue in Tissue)
    t2, whole, *single = render(*slice_of_a_patient, (Contrast.T2, Share(frozenset(Tissue)), *shares), smooth)
    assert np.stack(single).min() >= -1e-5
    assert np.sum(single, axis=0) == pytest.approx(whole, abs=1e-4)
    assert whole == pytest.approx(1, abs=1e-4)  # the patient fills this image
    mixed = sum(share * signal(tissue, Contrast.T2) for tissue, share in zip(Tissue, single, strict=True))
    assert mixed == pytest.approx(t2, abs=1e-4)


def test_a_share_leaves_the_image_beside_it_alone_and_has_no_texture(slice_of_a_patient):
    tiles = texture_tiles(np.random.default_rng(0))
    fluid = Share(frozenset({Tissue.CSF}))
    alone, (beside, share) = (render(*slice_of_a_patient, contrasts, tiles)
                              for contrasts in ((Contrast.T2,), (Contrast.T2, fluid)))
    assert np.array_equal(alone[0], beside)
    assert share.max() == pytest.approx(1, abs=1e-5)
    assert 60 < share.sum() * 0.36 < 350  # mm2 of fluid, in the sac and nowhere else
