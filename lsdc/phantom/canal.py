"""The spinal canal: epidural fat, dural sac with its roots, yellow ligament, lateral recesses."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from lsdc.phantom.canvas import Canvas, Tissue, soft
from lsdc.phantom.profiles import DURA_GAP_MM, LAMINA_MM, Profiles

F = np.float32
ROOTS = 16
SLABS, ROWS, COLUMNS = 96, 48, 64  # of the map of roots: along s, across p, across x
SLAB_MM = 4.0
ROOT_MM = 0.85
CANAL_HALF_WIDTH_MM = 13.0
ROOT_U_MM = 10.0  # where a root descends in the lateral recess


def root_map(random: np.random.Generator) -> np.ndarray:
    """(SLABS, ROWS, COLUMNS) float32: distance in mm to the nearest root in a normal sac.

    Rows run from the front (p = 0) to the back of the sac (p = 1), columns over x = u / half width from -1 to 1.
    Roots settle to the back and to the sides, and wander slowly along s.
    """
    x0 = np.linspace(-0.8, 0.8, ROOTS) + random.normal(0, 0.05, ROOTS)
    p0 = 0.80 - 0.42 * np.abs(x0) + random.normal(0, 0.10, ROOTS)
    wander = gaussian_filter1d(random.normal(0, 1, (2, SLABS, ROOTS)), 6, axis=1, mode="wrap")
    x = (x0 + 0.25 * wander[0]).clip(-0.85, 0.85)
    p = (p0 + 0.25 * wander[1]).clip(0.20, 0.90)
    rows, columns = np.linspace(0, 1, ROWS), np.linspace(-1, 1, COLUMNS)
    across = ((columns[None, :, None] - x[:, None, :]) * 10.2) ** 2  # (slabs, columns, roots)
    deep = ((rows[None, :, None] - p[:, None, :]) * 14.0) ** 2
    nearest = (across[:, None] + deep[:, :, None]).min(axis=-1)
    return np.sqrt(nearest).astype(np.float32)


def paint_canal(canvas: Canvas, profiles: Profiles, roots: np.ndarray) -> None:
    """Everything between column and laminae within 14 mm of the midline."""
    depth = profiles.half_depth[canvas.i]
    box = canvas.within((np.abs(canvas.u) < CANAL_HALF_WIDTH_MM + 1.5) & (np.abs(canvas.v - depth - 10) < 17))
    if box is None:
        return
    i, side, q, au = box.i, box.side, box.q, np.abs(box.u)
    sac, recess, half_width = profiles.sac_depth[i], profiles.recess[side, i], profiles.sac_half_width[i]
    x = au / half_width
    roof = np.minimum(x * x, 1)
    roof = recess + (sac - recess) * (1 - roof)  # depth of the canal's free space at u

    lamina = F(LAMINA_MM) - F(0.5) * au
    wall = roof + _ligament_mm(profiles, i, side, roof) + np.maximum(F(8) - 2 * au, 0)
    end = np.minimum(lamina, np.where(profiles.ligament[i] > 0.3, wall, lamina))
    box.paint(soft(q + F(0.4)) * soft(end - q) * soft(CANAL_HALF_WIDTH_MM - au), Tissue.FAT)
    _paint_ligament(box, profiles, q, au, roof, lamina)
    _paint_sac(box, profiles, roots, q, au, roof)
    root = np.sqrt((au - F(ROOT_U_MM + 0.6)) ** 2 + (q - np.maximum(recess * F(0.5), 1.2)) ** 2)
    below = soft(profiles.near_disc[i] + F(8), 6.0) * profiles.lumbar[i]  # the root leaves under its pedicle
    box.paint(soft(F(1.5) - root) * below * soft(recess - 0.6, 1.0), Tissue.NERVE)


def _paint_ligament(
    box: Canvas, profiles: Profiles, q: np.ndarray, au: np.ndarray, roof: np.ndarray, lamina: np.ndarray
) -> None:
    """Posterior longitudinal ligament in front; yellow ligament behind, open towards the midline fat."""
    box.paint(soft(F(0.7) - np.abs(q - F(0.2))) * soft(9 - au, 3.0), Tissue.LIGAMENT)
    behind = q - roof - F(DURA_GAP_MM)
    cleft = behind * F(0.75) * profiles.midline_fat[box.i]  # half width of the fat between the two sides
    thick = _ligament_mm(profiles, box.i, box.side, roof)
    yellow = soft(behind) * soft(np.minimum(lamina + F(1.5) - q, thick - behind))
    yellow = yellow * soft(CANAL_HALF_WIDTH_MM + F(1.2) - au) * soft(au - cleft)
    box.paint(yellow * profiles.ligament[box.i], Tissue.LIGAMENT)


def _ligament_mm(profiles: Profiles, i: np.ndarray, side: np.ndarray, roof: np.ndarray) -> np.ndarray:
    """Thickness of the yellow ligament: it fills what the sac has lost on the midline, and grows with the facets."""
    return F(3.4) + F(2.0) * profiles.overgrowth[side, i] + F(0.45) * np.maximum(
        F(13) - roof, 0) * (1 - profiles.midline_fat[i])


def _paint_sac(
    box: Canvas, profiles: Profiles, roots: np.ndarray, q: np.ndarray, au: np.ndarray, roof: np.ndarray
) -> None:
    i, half_width, sac = box.i, profiles.sac_half_width[box.i], profiles.sac_depth[box.i]
    inside = np.minimum(np.minimum(q - F(DURA_GAP_MM), roof - q), half_width - au)
    corner = half_width + roof - au - q  # rounds the back corners
    inside = np.minimum(inside, corner * F(0.6))
    cover = soft(inside, 0.8)
    box.paint(soft(inside + F(0.5), 0.8), Tissue.DURA)
    box.paint(cover, Tissue.CSF)
    slab = (box.s * F(1 / SLAB_MM)).astype(np.int32) % SLABS
    p = np.clip((q - F(DURA_GAP_MM)) / np.maximum(sac - 1, 1), 0, 0.999)
    x = np.clip(box.u / half_width * F(0.5) + F(0.5), 0, 0.999)
    distance = roots[slab, (p * ROWS).astype(np.int32), (x * COLUMNS).astype(np.int32)]
    below_conus = soft(F(1.2) - profiles.cord[i], 2.0)
    crowd = profiles.crowding[i]
    box.paint(cover * soft(F(ROOT_MM) * crowd**3.6 - distance, 0.8) * below_conus, Tissue.NERVE)
    cord = profiles.cord[i]
    cord_depth = cord - np.sqrt(box.u**2 * F(0.7) + (q - F(8)) ** 2)
    box.paint(soft(cord_depth) * soft(cord - F(0.3)), Tissue.CORD)
