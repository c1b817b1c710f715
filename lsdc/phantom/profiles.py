"""Tables over s of everything that changes along a spine: outlines, canal, recesses, foramina, arches.

Every table is float32 (n,) over `SpineFrame.s`, or (2, n) by side (left, right), in mm.
"""

from dataclasses import dataclass

import numpy as np

from lsdc.phantom.anatomy import DISCS, GRADED, NORMAL_CANAL_MM, NORMAL_RECESS_MM, Anatomy
from lsdc.phantom.frame import SpineFrame

REACH_MM = 6.0  # Gaussian reach of a narrowing above and below its disc
DURA_GAP_MM = 0.9  # from the column's back to the sac
LAMINA_MM = 20.5  # from the column's back to the lamina on the midline
HALF_WIDTH_MM = (17, 18, 19.5, 21, 22, 23, 24.3, 25, 20, 15, 11)  # of the column at DISCS
HALF_DEPTH_MM = (13.5, 14, 15, 16, 16.7, 17, 17.2, 16.8, 11.5, 8, 6)


@dataclass(frozen=True, eq=False)
class Profiles:
    """See the comments; `near_*` are signed distances along s from the nearest one, positive towards the feet."""

    near_disc: np.ndarray
    near_body: np.ndarray
    near_pedicle: np.ndarray
    near_spinous: np.ndarray
    half_height: np.ndarray  # of the nearest disc
    hydration: np.ndarray  # of the nearest disc
    marrow_change: np.ndarray  # of the nearest disc
    dent_depth: np.ndarray  # of the nearest endplate, 0 where it is whole
    dent_reach: np.ndarray
    dent_v: np.ndarray
    half_width: np.ndarray  # of the column
    half_depth: np.ndarray
    waist: np.ndarray  # 0 at the endplates, 1 in the middle of a body
    bulge: np.ndarray  # of the disc into the canal, on the midline
    recess_bulge: np.ndarray  # (2, n) into the recesses
    foramen_bulge: np.ndarray  # (2, n) into the foramina
    sac_depth: np.ndarray  # antero-posterior diameter of the dural sac
    sac_half_width: np.ndarray
    crowding: np.ndarray  # how much larger roots look in the sac's own coordinates than in a normal sac
    cord: np.ndarray  # radius of the cord or conus, 0 below its end
    recess: np.ndarray  # (2, n) depth of the lateral recess
    overgrowth: np.ndarray  # (2, n) of facet and ligament, 0 none .. 1
    openness: np.ndarray  # (2, n) of the foramen of the nearest disc
    ligament: np.ndarray  # 1 where the yellow ligament lies, 0 between
    midline_fat: np.ndarray  # share left of the fat behind the sac
    lumbar: np.ndarray  # 1 where posterior arches are of lumbar type, falling to 0 over the sacrum
    pedicle_u: np.ndarray  # distance of the pedicles from the midline


def make_profiles(anatomy: Anatomy, frame: SpineFrame) -> Profiles:
    """Profiles of a patient, sampled at the frame's s."""
    s, discs, scale = frame.s, anatomy.disc_s, anatomy.scale
    nearest = np.abs(s[:, None] - discs).argmin(axis=1)
    near_disc = s - discs[nearest]
    narrowing = np.exp(-(((s[:, None] - discs) / REACH_MM) ** 2))  # (n, discs)
    sacral = np.clip((s - discs[GRADED.stop - 1] - 6) / 45, 0, 1)

    wide = np.interp(s, discs, np.array(HALF_WIDTH_MM)) * scale
    depth = np.interp(s, discs, np.array(HALF_DEPTH_MM)) * scale
    loss = NORMAL_CANAL_MM - anatomy.canal_mm
    sac_depth = (NORMAL_CANAL_MM - narrowing @ loss) * (1 - 0.75 * sacral)
    sac_width = np.interp(s, discs, np.linspace(9.3, 11.0, len(DISCS))) * (1 - 0.6 * sacral)
    sac_width *= 1 - narrowing @ np.clip(0.030 * loss, 0, 0.36)
    end = discs[GRADED.stop] + 18  # the sac ends at about S2
    sac_depth *= np.clip((end - s) / 8, 0.02, 1)
    recess = (NORMAL_RECESS_MM - (NORMAL_RECESS_MM - anatomy.recess_mm) @ narrowing.T) * (1 - 0.5 * sacral)
    below = (near_disc > 0).astype(int)  # the endplate below the disc is nearest
    area = np.clip(sac_depth * sac_width, 4, None) / (NORMAL_CANAL_MM * 10.2)
    values = {
        "near_disc": near_disc, "near_body": _nearest(s, anatomy.body_s),
        "near_pedicle": _nearest(s, anatomy.body_s - 4.0), "near_spinous": _nearest(s, discs - 4.0),
        "half_height": anatomy.half_height[nearest], "hydration": anatomy.hydration[nearest],
        "marrow_change": anatomy.marrow_change[nearest],
        **{f"dent_{name}": getattr(anatomy.dents, name)[below, nearest] for name in ("depth", "reach", "v")},
        "half_width": wide, "half_depth": depth,
        "waist": np.clip((np.abs(near_disc) - anatomy.half_height[nearest]) / 9, 0, 1) ** 2,
        "bulge": narrowing @ np.clip(0.32 * loss, 0, 4.0),
        "recess_bulge": np.clip(0.35 * (NORMAL_RECESS_MM - anatomy.recess_mm), 0, None) @ narrowing.T,
        "foramen_bulge": 3.2 * np.clip(0.9 - anatomy.foramen, 0, None) @ narrowing.T,
        "sac_depth": sac_depth, "sac_half_width": sac_width, "crowding": area**-0.5,
        "cord": np.clip((anatomy.conus_s - s) / 22, 0, 1) ** 0.6 * 4.4,
        "recess": recess,
        "overgrowth": (np.clip((NORMAL_RECESS_MM - anatomy.recess_mm) / 4.7, 0, 1) @ narrowing.T).clip(0, 1),
        "openness": anatomy.foramen[:, nearest],
        "ligament": np.clip(1.5 - np.abs(near_disc + 1) / 8, 0, 1) * (1 - sacral),
        "midline_fat": 1 - narrowing @ np.clip(loss / 10, 0, 0.95),
        "lumbar": 1 - np.clip((s - discs[GRADED.stop - 1] - 8) / 14, 0, 1),
        "pedicle_u": np.interp(s, discs, np.linspace(14.5, 18.5, len(DISCS))) * scale,
    }
    return Profiles(**{name: np.asarray(value, dtype=np.float32) for name, value in values.items()})


def _nearest(s: np.ndarray, places: np.ndarray) -> np.ndarray:
    return s - places[np.abs(s[:, None] - places).argmin(axis=1)]


def back_of_column(profiles: Profiles, i: np.ndarray, u: np.ndarray, side: np.ndarray) -> np.ndarray:
    """v of the back surface of bodies and discs at (s, u); i, side: indices into the tables (side 0 left, 1 right)."""
    au = np.abs(u)
    plain = profiles.half_depth[i] - 0.0085 * u * u - 0.9 * profiles.waist[i]
    middle = np.maximum(0, 1 - (u * (1 / 11)) ** 2)
    return (plain + profiles.bulge[i] * middle + profiles.recess_bulge[side, i] * _bump(au, 10, 6)
            + profiles.foramen_bulge[side, i] * _bump(au, 17, 7))


def _bump(x: np.ndarray, centre: float, reach: float) -> np.ndarray:
    off = (x - np.float32(centre)) * np.float32(1 / reach)
    bell = np.maximum(0, 1 - off * off)
    return bell * bell
