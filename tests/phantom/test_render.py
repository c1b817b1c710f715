"""Monotone physics: what is measured on rendered images falls with the latent."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from lsdc.dicom.plane import SlicePlane
from lsdc.phantom.anatomy import FIRST, draw_anatomy
from lsdc.phantom.canvas import Contrast
from lsdc.phantom.points import target_place
from lsdc.phantom.render import pose, render_slice, texture_tiles
from lsdc.taxonomy import TARGETS, Condition, Level, Side, Target

LATENTS = np.linspace(-1.4, 2.6, 9)
PX_MM = 0.5


def patch(condition: Condition, z: float, *, level: Level, size_mm: float) -> np.ndarray:
    """The place of a left or middle target whose level has latent z, in the plane that shows it, without noise."""
    latents = np.array([z if target.level == level else 0.0 for target in TARGETS])
    patient = pose(np.random.default_rng(5), draw_anatomy(np.random.default_rng(5), latents))
    side = Side.MIDLINE if condition == Condition.CANAL else Side.LEFT
    middle = target_place(patient, Target(condition, side, level))
    if condition == Condition.FORAMINAL:
        right, down, contrast = patient.rotation[:, 1], -patient.rotation[:, 2], Contrast.T1
    else:
        s = patient.anatomy.disc_s[FIRST + list(Level).index(level)]
        origin, left, back = patient.place(np.full(3, s), np.array([0, 1.0, 0]), np.array([20.0, 20, 21]))
        right, down, contrast = left - origin, back - origin, Contrast.T2
    count = int(size_mm / PX_MM)
    corner = middle - (right + down) * PX_MM * (count - 1) / 2
    plane = SlicePlane(corner, right * PX_MM, down * PX_MM, (count, count))
    random = np.random.default_rng(1)
    return render_slice(patient, plane, 4.0, (contrast,), sub_slices=3, saturated=False,
                        tiles=texture_tiles(random), random=random)[0]


@pytest.mark.parametrize("level", [Level.L2_L3, Level.L4_L5, Level.L5_S1])
@pytest.mark.parametrize(("condition", "size_mm", "bright"), [
    (Condition.CANAL, 18, 0.80),  # fluid in the sac
    (Condition.FORAMINAL, 15, 0.65),  # fat around the root
    (Condition.SUBARTICULAR, 8, 0.45),  # fluid and fat in the recess
])
def test_bright_area_falls_with_the_latent(condition, size_mm, bright, level):
    areas = [(patch(condition, z, level=level, size_mm=size_mm) > bright).sum() * PX_MM**2 for z in LATENTS]
    assert spearmanr(LATENTS, areas).statistic < -0.9
    assert areas[-1] < 0.25 * areas[0]


def test_tissues_stand_out_as_in_each_contrast():
    patient = pose(np.random.default_rng(2), draw_anatomy(np.random.default_rng(2), np.full(25, -1.0)))
    random = np.random.default_rng(0)
    tiles = texture_tiles(random)
    s = patient.anatomy.disc_s[FIRST + 1]

    def mean_at(u: float, v: float, contrast: Contrast, along: float = 0.0) -> float:
        middle = patient.place(s + along, u, v)
        plane = SlicePlane(middle - np.array([0, 1.0, -1.0]), np.array([0, 1.0, 0]), np.array([0, 0, -1.0]), (3, 3))
        return float(render_slice(patient, plane, 1.0, (contrast,), sub_slices=3, saturated=False, tiles=tiles,
                                  random=random)[0].mean())

    fluid = {contrast: mean_at(0, 21, contrast) for contrast in Contrast}
    marrow = {contrast: mean_at(0, 0, contrast, along=18) for contrast in Contrast}
    fat = {contrast: mean_at(60, -12, contrast) for contrast in Contrast}
    assert fluid[Contrast.T2] > 2 * marrow[Contrast.T2]
    assert fluid[Contrast.T1] < 0.6 * marrow[Contrast.T1]
    assert fat[Contrast.T1] > 1.4 * marrow[Contrast.T1]
    assert fat[Contrast.STIR] < 0.2 * fat[Contrast.T2]
