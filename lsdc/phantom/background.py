"""Soft tissue around the spine: skin, fat, muscles, vessels, bowel, sacral wings."""

import numpy as np

from lsdc.phantom.anatomy import FIRST, Anatomy
from lsdc.phantom.canvas import Canvas, Tissue, soft
from lsdc.phantom.frame import SpineFrame

F = np.float32
BODY_HALF_WIDTH_MM, BODY_DEPTH_MM = 165.0, 225.0


def paint_background(
    canvas: Canvas, anatomy: Anatomy, frame: SpineFrame, xyz_mm: tuple[np.ndarray, np.ndarray, np.ndarray],
    streaks: np.ndarray, *, saturated: bool,
) -> None:
    """Paint the whole image (one sub-slice). xyz_mm: patient mm of the points; streaks: texture of about N(0, 1)."""
    x, y, z = xyz_mm
    scale = F(anatomy.scale)
    height = np.interp(np.clip(z, frame.z[-1], frame.z[0]).ravel(), frame.z[::-1][::8], frame.y[::-1][::8])
    behind = (y - height.astype(np.float32).reshape(z.shape)) / scale  # mm behind the spine's curve at that height
    au = np.abs(x) / scale
    low = np.clip((-z - 40) * F(1 / 60), 0, 1)  # 0 above L4, 1 at the sacrum
    back = F(62 + anatomy.fat_back_mm) - behind - F(0.0035) * au * au + F(0.25) * np.minimum(
        y, 0)
    wall = np.minimum(back, (1 - (au / BODY_HALF_WIDTH_MM) ** 2) * 60)
    wall = np.minimum(wall, behind + F(BODY_DEPTH_MM - 70))
    canvas.paint(soft(wall, 1.5), Tissue.FAT)
    _paint_belly(canvas, behind, au, x, z, streaks, saturated)
    _paint_muscles(canvas, anatomy, behind, au, low, streaks)
    _paint_vessels(canvas, behind, x, z)
    _paint_wings(canvas, anatomy, au)


def _ellipse(a: np.ndarray, b: np.ndarray, at: tuple, radii: tuple) -> np.ndarray:
    first, second = (a - at[0]) / radii[0], (b - at[1]) / radii[1]
    return (1 - np.sqrt(first * first + second * second)) * np.minimum(*radii)


def _paint_belly(canvas: Canvas, behind, au, x, z, streaks, saturated: bool) -> None:
    belly = soft(F(-27) - behind - F(0.10) * au, 4.0)
    if not belly.any():
        return
    loops = np.sin(x * F(0.09) + 2 * np.sin(z * F(0.04)) + behind * F(0.05))
    loops = loops + np.sin(z * F(0.08) + behind * F(0.10) + 3)
    loops = belly * soft(np.minimum(loops * 6 - 1 + streaks, -behind - 42), 6.0)
    canvas.paint(loops, Tissue.BOWEL)
    canvas.paint(loops * soft(streaks - F(1.6), 1.5), Tissue.AIR)
    if saturated:  # the saturation band that keeps a moving belly out of sagittal images
        canvas.paint(F(0.75) * soft(F(-48) - behind, 14.0), Tissue.AIR)


def _paint_muscles(canvas: Canvas, anatomy: Anatomy, behind, au, low, streaks) -> None:
    lean = F(1 - 0.25 * anatomy.muscle_fat)
    fat = F(1.9 - 1.9 * anatomy.muscle_fat)
    shrink = 1 - F(0.40) * low
    erector = _ellipse(au, behind, (35.0, 45.0), (28 * lean, 21 * lean * shrink))
    multifidus = _ellipse(au, behind, (14.0, 42.0), (13.5, 19 * lean))
    psoas = _ellipse(au, behind, (36 + 8 * low, 2 - 8 * low), (11 + 7 * (low + F(0.3)), 15 + 7 * low))
    square = _ellipse(au, behind, (64.0, 16.0), (17.0, 9 * (1 - F(0.7) * low)))
    for depth, streaky in ((erector, 0.8), (multifidus, 1.2), (psoas, 0.0), (square, 0.0)):
        canvas.paint(soft(depth + F(0.6)) * F(0.7), Tissue.LIGAMENT)
        canvas.paint(soft(depth - F(0.2)), Tissue.MUSCLE)
        if streaky:
            marbled = soft(depth - 1) * soft(streaks - fat / F(streaky), 1.6)
            canvas.paint(marbled * F(0.75), Tissue.FAT)


def _paint_vessels(canvas: Canvas, behind, x, z) -> None:
    split = np.clip((-z - 25) * F(1 / 45), 0, 1)
    for at, radius, spread in ((8.0, 8.5, 12.0), (-13.0, 9.5, -10.0)):
        vessel = _ellipse(x, behind, (at + spread * split, -29 + 3 * split), (radius - 2.5 * split,) * 2)
        canvas.paint(soft(vessel + 1), Tissue.LIGAMENT)
        canvas.paint(soft(vessel), Tissue.VESSEL)


def _paint_wings(canvas: Canvas, anatomy: Anatomy, au) -> None:
    """The sacrum's wings, beside S1 and below."""
    top = canvas.s - F(anatomy.disc_s[FIRST + 4] + 6)
    wing = np.minimum(np.minimum(top - F(0.10) * au, 54 - au), au - 5)
    wing = np.minimum(wing, 17 - np.abs(canvas.v + F(0.1) * au - 5))
    canvas.paint(soft(wing), Tissue.CORTEX)
    canvas.paint(soft(wing - F(1.5)), Tissue.MARROW)
