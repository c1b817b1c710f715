"""Posterior arches: pedicles, articular pillars with facet joints, foramina, laminae, spinous processes."""

import numpy as np

from lsdc.phantom.canvas import Canvas, Tissue, soft
from lsdc.phantom.profiles import LAMINA_MM, Profiles, back_of_column


def paint_arches(canvas: Canvas, profiles: Profiles) -> None:
    """Bone behind the bodies. Paint it before the canal, which then carves its room."""
    box = canvas.within((np.abs(canvas.u) < 30) & (canvas.v > 4) & (canvas.v < 85))
    if box is None:
        return
    q = box.v - back_of_column(profiles, box.i, box.u, box.side)
    _paint_laminae(box, profiles, q)
    if np.abs(box.u).max() > 8:
        _paint_pillars(box, profiles, q)
        _paint_foramina(box, profiles, q)


def _bone(box: Canvas, depth_mm: np.ndarray, cover: np.ndarray | float = 1.0, cortex_mm: float = 1.3) -> None:
    box.paint(soft(depth_mm) * cover, Tissue.CORTEX)
    box.paint(soft(depth_mm - np.float32(cortex_mm)) * cover, Tissue.MARROW)


def _paint_laminae(box: Canvas, profiles: Profiles, q: np.ndarray) -> None:
    near = box.within((np.abs(box.u) < 16) & (q > 12) & (q < 66))
    if near is None:
        return
    i, au = near.i, np.abs(near.u)
    q = near.v - profiles.half_depth[i]
    along, lumbar = profiles.near_spinous[i], profiles.lumbar[i]
    slope = along - np.float32(0.22) * (q - np.float32(LAMINA_MM))
    plate = np.minimum(3.0 - np.abs(q - np.float32(LAMINA_MM + 2.5) + np.float32(0.5) * au), 15 - au)
    _bone(near, np.minimum(plate, 8.5 - np.abs(along + np.float32(4.5))), lumbar)
    reach = np.float32(30) * lumbar + np.float32(4)
    process = np.minimum(np.float32(3.2) - au, np.float32(9) - np.abs(slope))
    process = np.minimum(process, np.minimum(q - np.float32(LAMINA_MM + 1), np.float32(LAMINA_MM) + reach - q))
    _bone(near, process, lumbar)


def _paint_pillars(box: Canvas, profiles: Profiles, q: np.ndarray) -> None:
    i, side, au = box.i, box.side, np.abs(box.u)
    lumbar, growth = profiles.lumbar[i], profiles.overgrowth[side, i]
    near = profiles.near_disc[i]
    centre = profiles.pedicle_u[i] + np.float32(1.0)
    # articular pillar: facets at the disc, pars between; overgrown facets are larger and reach forward and inward
    across = (au - centre) / (np.float32(7.0) + np.float32(2.0) * growth)
    deep = (q - np.float32(17.5) + np.float32(1.5) * growth) / (np.float32(7.0) + np.float32(2.5) * growth)
    pinch = np.float32(1.6) * np.maximum(0, 1 - (np.abs(np.abs(near) - 13) / 5) ** 2)  # the pars is slimmer
    pillar = (1 - np.sqrt(across * across + deep * deep)) * np.float32(7.0) - pinch
    _bone(box, pillar, lumbar, 1.4)
    # joint line from medial front to lateral back, tilted forward towards the head
    line = np.float32(0.75) * (au - centre) - np.float32(0.66) * (q - np.float32(17.0) - np.float32(0.25) * near)
    joint = soft(pillar + 1, 1.5) * soft(np.float32(9) - np.abs(near + np.float32(1)), 2.0) * lumbar
    box.paint(joint * soft(np.float32(1.7) + growth - np.abs(line)), Tissue.CORTEX)
    box.paint(joint * soft(np.float32(0.6) - np.abs(line), 0.8), Tissue.JOINT)

    along = profiles.near_pedicle[i] * np.float32(1 / 6.6)
    wide = (au - profiles.pedicle_u[i]) * np.float32(1 / 4.8)
    pedicle = (1 - np.sqrt(along * along + wide * wide)) * np.float32(5)
    _bone(box, np.minimum(pedicle, np.minimum(q + np.float32(6), np.float32(15) - q)), np.maximum(lumbar, 0.3))


def _paint_foramina(box: Canvas, profiles: Profiles, q: np.ndarray) -> None:
    """Keyhole of fat around the root; what fat leaves is taken by disc, facet capsule and ligament."""
    near = profiles.near_disc[box.i]
    inner = profiles.pedicle_u[box.i] - np.float32(4)
    au = np.abs(box.u)
    zone = soft(au - inner, 2.0) * soft(inner + np.float32(11) - au, 3.0) * profiles.lumbar[box.i]
    openness = profiles.openness[box.side, box.i]
    up, down = near + np.float32(8.0), near - np.float32(1.5)  # centres of the keyhole's round and narrow parts
    hole = np.minimum(np.float32(8) - np.abs(near + np.float32(4)), np.minimum(q + np.float32(1.5), np.float32(11.5) - q))
    box.paint(soft(hole + 2, 2.0) * zone, Tissue.LIGAMENT)
    wide = np.float32(1.2) + np.float32(4.9) * openness
    room = wide - np.sqrt((up * np.float32(0.9)) ** 2 + (q - np.float32(5.0)) ** 2)
    narrow = np.float32(3.6) * openness - np.float32(0.8)
    slit = narrow - np.sqrt((down * np.float32(0.5)) ** 2 + (q - np.float32(3.6)) ** 2)
    box.paint(soft(np.maximum(room, slit), 0.9) * zone, Tissue.FAT)
    root = np.float32(1.5) + np.float32(0.9) * np.minimum(openness, 0.8) - np.sqrt(
        (near + np.float32(8.6)) ** 2 * np.float32(0.7) + (q - np.float32(4.8)) ** 2)
    box.paint(soft(root, 0.9) * zone, Tissue.NERVE)
    vein = np.float32(0.8) * openness - np.sqrt((near + np.float32(3.5)) ** 2 + (q - np.float32(6.5)) ** 2)
    box.paint(soft(vein, 0.8) * zone, Tissue.VESSEL)
