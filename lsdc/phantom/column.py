"""Vertebral bodies and discs."""

import numpy as np

from lsdc.phantom.canvas import Canvas, Tissue, soft
from lsdc.phantom.profiles import Profiles

F = np.float32
ANTERIOR_BULGE_MM = 1.2


def paint_column(canvas: Canvas, profiles: Profiles) -> None:
    """Bodies with cortex and marrow, discs with annulus and nucleus, basivertebral veins and endplate changes."""
    depth = profiles.half_depth[canvas.i]
    box = canvas.within((np.abs(canvas.u) < profiles.half_width[canvas.i] + 3) & (np.abs(canvas.v) < depth + 7))
    if box is None:
        return
    i, u, v = box.i, box.u, box.v
    depth, waist, h0 = profiles.half_depth[i], profiles.waist[i], profiles.half_height[i]
    x = u / (profiles.half_width[i] + F(1) - F(2.5) * waist)
    front = depth + F(ANTERIOR_BULGE_MM) - F(2.2) * waist
    y = (v + F(1)) / np.where(v < -1, front, depth * F(1.45))
    x2, y2 = x * x, y * y
    rim = np.sqrt(np.sqrt(x2 * x2 + y2 * y2 + F(1.5) * x2 * y2))  # 1 on the outline, between ellipse and box
    outline = np.minimum((1 - rim) * depth, -box.q)
    column = soft(outline)
    box.paint(soft(outline + F(1.0)), Tissue.LIGAMENT)
    box.paint(column, Tissue.CORTEX)

    near = np.abs(profiles.near_disc[i])
    in_disc = h0 * (F(1.12) - F(0.34) * (x2 + (v / depth) ** 2)) - near  # mm inside the disc
    if profiles.dent_depth.any():
        in_disc = in_disc + _dent(box, profiles)
    marrow = soft(outline - F(1.1)) * soft(-in_disc - F(0.9))
    box.paint(marrow, Tissue.MARROW)
    _paint_marrow_details(box, profiles, marrow, in_disc)

    disc = column * soft(in_disc)
    inner = np.maximum(rim, v / depth * F(0.95))
    nucleus = soft(F(0.74) - inner, 0.30) * soft(in_disc - F(1.0), 1.8)
    box.paint(disc, Tissue.ANNULUS)
    box.paint_mixed(disc * nucleus, profiles.hydration[i], Tissue.WET_DISC, Tissue.DRY_DISC)


def _dent(box: Canvas, profiles: Profiles) -> np.ndarray:
    """How far, mm, the disc reaches into the nearest endplate."""
    reach = profiles.dent_reach[box.i]
    off = (box.u * box.u + (box.v - profiles.dent_v[box.i]) ** 2) / (reach * reach)
    return profiles.dent_depth[box.i] * np.maximum(0, 1 - off)


def _paint_marrow_details(box: Canvas, profiles: Profiles, marrow: np.ndarray, in_disc: np.ndarray) -> None:
    change = profiles.marrow_change[box.i]
    if np.any(change):
        band = marrow * soft(in_disc + F(7), 3.0)
        box.paint(band * np.maximum(change, 0), Tissue.FATTY_MARROW)
        box.paint(band * np.maximum(-change, 0), Tissue.OEDEMA)
    behind = profiles.half_depth[box.i] - box.v  # mm in front of the back wall
    vein = soft(F(2) - np.abs(profiles.near_body[box.i]) - F(0.12) * behind)
    vein = vein * soft(4 - np.abs(box.u)) * soft(9 - behind, 5.0)
    box.paint(F(0.8) * vein * marrow, Tissue.JOINT)
