"""Posterior arches: laminae, spinous processes, articular pillars with facet joints, pedicles, foramina."""

import numpy as np

from lsdc.phantom.canvas import Canvas, Tissue, soft
from lsdc.phantom.profiles import LAMINA_MM, Profiles

F = np.float32


def paint_arches(canvas: Canvas, profiles: Profiles) -> None:
    """Bone behind the bodies. Paint it before the canal, which then carves its room."""
    box = canvas.within((np.abs(canvas.u) < 30) & (canvas.v > 4) & (canvas.v < 85))
    if box is None:
        return
    _paint_laminae(box, profiles)
    near = box.within(np.abs(box.v - profiles.half_depth[box.i] - 13) < 19)
    if near is not None and np.abs(near.u).max() > 5:
        _paint_pillars(near, profiles)
        near = near.within((np.abs(near.u) > 8) & (near.q > -4) & (near.q < 14))
        if near is not None:
            _paint_foramina(near, profiles)


def _bone(box: Canvas, depth_mm: np.ndarray, cover: np.ndarray | float = 1.0, cortex_mm: float = 1.2) -> None:
    box.paint(soft(depth_mm) * cover, Tissue.CORTEX)
    box.paint(soft(depth_mm - F(cortex_mm)) * cover, Tissue.MARROW)


def _paint_laminae(box: Canvas, profiles: Profiles) -> None:
    behind = box.v - profiles.half_depth[box.i]  # unlike q, not moved by a bulging disc
    au = np.abs(box.u)
    plates = box.within((au < 16) & (behind > 11) & (behind < 27))
    if plates is not None:
        au, behind = np.abs(plates.u), plates.v - profiles.half_depth[plates.i]
        plate = np.minimum(F(2.9) - np.abs(behind - F(LAMINA_MM + 2.4) + F(0.45) * au), 15 - au)
        along = profiles.near_spinous[plates.i] + F(4.0) - F(0.25) * (behind - F(LAMINA_MM))
        _bone(plates, np.minimum(plate, 9 - np.abs(along)), profiles.lumbar[plates.i])
    spine = box.within((np.abs(box.u) < 5) & (box.v > 35))
    if spine is not None:
        _paint_spinous(spine, profiles)


def _paint_spinous(box: Canvas, profiles: Profiles) -> None:
    lumbar, behind = profiles.lumbar[box.i], box.v - profiles.half_depth[box.i] - F(LAMINA_MM)
    half = F(13) * lumbar + F(3)  # half the length of the process
    outward = (behind - F(2) - half) / half
    upward = (profiles.near_spinous[box.i] - F(0.20) * behind - F(1.5)) * F(1 / 8.5)
    wide = F(3.0) + F(0.8) * np.maximum(outward, 0) - np.abs(box.u)
    outward = outward * outward
    _bone(box, np.minimum(wide, (1 - np.sqrt(upward * upward + outward * outward)) * F(7)), lumbar)


def _paint_pillars(box: Canvas, profiles: Profiles) -> None:
    i, q, au = box.i, box.q, np.abs(box.u)
    lumbar, growth, near = profiles.lumbar[i], profiles.overgrowth[box.side, i], profiles.near_disc[i]
    centre = profiles.pedicle_u[i]
    # facets at the disc, the slimmer pars between; overgrown facets are larger and reach forward and inward
    across = (au - centre) / (F(8.2) + F(1.8) * growth)
    deep = (q - F(18) + F(1.5) * growth) / (F(7.2) + F(2.2) * growth)
    pinch = F(2.2) * np.maximum(0, 1 - ((np.abs(near + F(2)) - F(14)) * F(1 / 6)) ** 2)
    pillar = (1 - np.sqrt(across * across + deep * deep)) * F(7.6) - pinch
    _bone(box, pillar, lumbar)
    # the joint: a curved line from medial front to lateral back, tilted forward towards the head
    line = F(0.72) * (au - centre) - F(0.69) * (q - F(17.0) - F(0.25) * near) + F(0.02) * (au - centre) ** 2
    joint = soft(pillar + F(0.5), 1.5) * soft(F(9) - np.abs(near + F(1)), 2.0) * lumbar
    box.paint(joint * soft(F(1.7) + growth - np.abs(line)), Tissue.CORTEX)
    box.paint(joint * soft(F(0.55) - np.abs(line), 0.8), Tissue.JOINT)

    along = profiles.near_pedicle[i] * F(1 / 6.6)
    wide = (au - centre) * F(1 / 4.8)
    pedicle = (1 - np.sqrt(along * along + wide * wide)) * F(5)
    _bone(box, np.minimum(pedicle, np.minimum(q + F(6), F(15) - q)), np.maximum(lumbar, F(0.3)))


def _paint_foramina(box: Canvas, profiles: Profiles) -> None:
    """Keyhole of fat around the root; what the fat leaves is taken by disc, facet capsule and ligament."""
    near, q, au = profiles.near_disc[box.i], box.q, np.abs(box.u)
    inner = profiles.pedicle_u[box.i] - F(4)
    zone = soft(au - inner, 2.0) * soft(inner + F(11) - au, 3.0) * profiles.lumbar[box.i]
    openness = profiles.openness[box.side, box.i]
    hole = np.minimum(np.abs(profiles.near_pedicle[box.i]) - F(6.4), np.minimum(q + F(1.5), F(11.0) - q))
    box.paint(soft(hole, 1.2) * zone, Tissue.LIGAMENT)
    wide = F(1.2) + F(4.9) * openness
    up, down = near + F(8.0), near - F(1.0)  # centres of the keyhole's round and narrow parts
    room = wide - np.sqrt((up * F(0.88)) ** 2 + (q - F(5.0)) ** 2)
    slit = F(3.6) * openness - F(0.8) - np.sqrt((down * F(0.5)) ** 2 + (q - F(3.6)) ** 2)
    box.paint(soft(np.maximum(room, slit), 0.9) * zone, Tissue.FAT)
    root = F(1.5) + F(0.9) * np.minimum(openness, F(0.8)) - np.sqrt((near + F(8.6)) ** 2 * F(0.7) + (q - F(4.8)) ** 2)
    box.paint(soft(root, 0.9) * zone, Tissue.NERVE)
    vein = F(0.8) * openness - np.sqrt((near + F(3.5)) ** 2 + (q - F(6.5)) ** 2)
    box.paint(soft(vein, 0.8) * zone, Tissue.VESSEL)
