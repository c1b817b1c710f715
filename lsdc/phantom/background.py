"""Soft tissue around the spine: skin, fat, muscles, vessels, bowel, sacral wings."""

import numpy as np

from lsdc.phantom.anatomy import FIRST, Anatomy
from lsdc.phantom.canvas import Canvas, Tissue, soft
from lsdc.phantom.frame import SpineFrame

BODY_HALF_WIDTH_MM, BODY_DEPTH_MM = 165.0, 225.0


def paint_background(
    canvas: Canvas, anatomy: Anatomy, frame: SpineFrame, xyz_mm: tuple[np.ndarray, np.ndarray, np.ndarray],
    streaks: np.ndarray,
) -> None:
    """Paint the whole image (one sub-slice). xyz_mm: patient mm of the points; streaks: texture of about N(0, 1)."""
    x, y, z = xyz_mm
    scale = np.float32(anatomy.scale)
    height = np.interp(np.clip(z, frame.z[-1], frame.z[0]).ravel()[::1], frame.z[::-1][::8], frame.y[::-1][::8])
    behind = (y - height.astype(np.float32).reshape(z.shape)) / scale  # mm behind the spine's curve at that height
    au = np.abs(x) / scale
    low = np.clip((-z - 40) * np.float32(1 / 60), 0, 1)  # 0 above L4, 1 at the sacrum
    back = np.float32(62 + anatomy.fat_back_mm) - behind - np.float32(0.0035) * au * au + np.float32(0.25) * np.minimum(
        y, 0)
    wall = np.minimum(back, (1 - (au / BODY_HALF_WIDTH_MM) ** 2) * 60)
    wall = np.minimum(wall, behind + np.float32(BODY_DEPTH_MM - 70))
    canvas.paint(soft(wall, 1.5), Tissue.FAT)
    _paint_belly(canvas, behind, au, x, z, streaks)
    _paint_muscles(canvas, anatomy, behind, au, low, streaks)
    _paint_vessels(canvas, behind, x, z)
    _paint_wings(canvas, anatomy, au)


def _ellipse(a: np.ndarray, b: np.ndarray, at: tuple, radii: tuple) -> np.ndarray:
    first, second = (a - at[0]) / radii[0], (b - at[1]) / radii[1]
    return (1 - np.sqrt(first * first + second * second)) * np.minimum(*radii)


def _paint_belly(canvas: Canvas, behind, au, x, z, streaks) -> None:
    belly = soft(np.float32(-27) - behind - np.float32(0.10) * au, 4.0)
    if not belly.any():
        return
    loops = np.sin(x * np.float32(0.13) + 2 * np.sin(z * np.float32(0.05)) + behind * np.float32(0.05))
    loops = loops + np.sin(z * np.float32(0.11) + behind * np.float32(0.14) + 3)
    loops = belly * soft(np.minimum(loops * 5 - 1 + streaks, -behind - 42), 3.0)
    canvas.paint(loops, Tissue.BOWEL)
    canvas.paint(loops * soft(streaks - np.float32(0.8), 1.0), Tissue.AIR)


def _paint_muscles(canvas: Canvas, anatomy: Anatomy, behind, au, low, streaks) -> None:
    lean = np.float32(1 - 0.35 * anatomy.muscle_fat)
    fat = np.float32(1.3 - 1.5 * anatomy.muscle_fat)
    shrink = 1 - np.float32(0.45) * low
    erector = _ellipse(au, behind, (33.0, 44.0), (26 * lean, 19 * lean * shrink))
    multifidus = _ellipse(au, behind, (13.0, 42.0), (11.5, 17 * lean))
    psoas = _ellipse(au, behind, (37 + 8 * low, 2 - 10 * low), (10 + 8 * (low + np.float32(0.3)), 14 + 7 * low))
    square = _ellipse(au, behind, (64.0, 16.0), (16.0, 8 * (1 - np.float32(0.7) * low)))
    for depth, streaky in ((erector, 1.0), (multifidus, 1.5), (psoas, 0.4), (square, 0.5)):
        canvas.paint(soft(depth + np.float32(0.8)), Tissue.LIGAMENT)
        canvas.paint(soft(depth - np.float32(0.4)), Tissue.MUSCLE)
        if streaky >= 1:
            canvas.paint(soft(depth - 1) * soft(streaks - fat / np.float32(streaky), 1.0) * np.float32(0.8), Tissue.FAT)


def _paint_vessels(canvas: Canvas, behind, x, z) -> None:
    split = np.clip((-z - 25) * np.float32(1 / 45), 0, 1)
    for at, radius, spread in ((8.0, 8.5, 12.0), (-13.0, 9.5, -10.0)):
        vessel = _ellipse(x, behind, (at + spread * split, -29 + 3 * split), (radius - 2.5 * split,) * 2)
        canvas.paint(soft(vessel + 1), Tissue.LIGAMENT)
        canvas.paint(soft(vessel), Tissue.VESSEL)


def _paint_wings(canvas: Canvas, anatomy: Anatomy, au) -> None:
    """The sacrum's wings, beside S1 and below."""
    top = canvas.s - np.float32(anatomy.disc_s[FIRST + 4] + 6)
    wing = np.minimum(np.minimum(top - np.float32(0.10) * au, 54 - au), 17 - np.abs(canvas.v + np.float32(0.1) * au - 5))
    wing = np.minimum(wing, au - 5)
    canvas.paint(soft(wing), Tissue.CORTEX)
    canvas.paint(soft(wing - np.float32(1.5)), Tissue.MARROW)
