"""A canvas of points in spine coordinates: tissues are painted on it with soft edges, in several contrasts at once."""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

import numpy as np


class Contrast(StrEnum):
    T1 = "t1"
    T2 = "t2"
    STIR = "stir"


class Tissue(StrEnum):
    AIR = "air"
    FAT = "fat"
    MUSCLE = "muscle"
    MARROW = "marrow"
    CORTEX = "cortex"
    LIGAMENT = "ligament"
    ANNULUS = "annulus"
    DRY_DISC = "dry disc"
    WET_DISC = "wet disc"
    CSF = "csf"
    NERVE = "nerve"
    CORD = "cord"
    DURA = "dura"
    JOINT = "joint"
    VESSEL = "vessel"
    BOWEL = "bowel"
    FATTY_MARROW = "fatty marrow"
    OEDEMA = "oedema"


_T1_T2_STIR = {  # relative signal of spin echo sequences, 0 to 1
    Tissue.AIR: (0.00, 0.00, 0.00), Tissue.FAT: (0.95, 0.74, 0.05), Tissue.MUSCLE: (0.32, 0.17, 0.22),
    Tissue.MARROW: (0.52, 0.40, 0.16), Tissue.CORTEX: (0.08, 0.06, 0.05), Tissue.LIGAMENT: (0.16, 0.10, 0.10),
    Tissue.ANNULUS: (0.20, 0.11, 0.10), Tissue.DRY_DISC: (0.27, 0.14, 0.13), Tissue.WET_DISC: (0.33, 0.72, 0.75),
    Tissue.CSF: (0.16, 1.00, 1.00), Tissue.NERVE: (0.36, 0.30, 0.36), Tissue.CORD: (0.42, 0.40, 0.42),
    Tissue.DURA: (0.18, 0.16, 0.16), Tissue.JOINT: (0.26, 0.62, 0.66), Tissue.VESSEL: (0.08, 0.08, 0.10),
    Tissue.BOWEL: (0.36, 0.42, 0.45), Tissue.FATTY_MARROW: (0.80, 0.58, 0.10), Tissue.OEDEMA: (0.30, 0.62, 0.60),
}


@dataclass(frozen=True)
class Share:
    """In the place of a contrast: the image is the share of each pixel, 0 to 1, that these tissues fill."""

    tissues: frozenset[Tissue]


@cache
def signal(tissue: Tissue, contrast: Contrast | Share) -> float:
    """Relative signal of a tissue, 0 to 1."""
    if isinstance(contrast, Share):
        return float(tissue in contrast.tissues)
    return _T1_T2_STIR[tissue][list(Contrast).index(contrast)]


def soft(depth_mm: np.ndarray, edge_mm: float = 1.0) -> np.ndarray:
    """0 outside, 1 inside, a ramp of edge_mm around a depth of 0 (depth: mm inside a surface, float32)."""
    ramp = depth_mm * np.float32(1 / edge_mm)
    ramp += np.float32(0.5)
    return np.clip(ramp, 0, 1, out=ramp)


@dataclass(frozen=True, eq=False)
class Canvas:
    """Points (sub-slices, rows, columns) of one slice and their signal in each contrast; arrays are float32."""

    s: np.ndarray
    u: np.ndarray
    v: np.ndarray
    q: np.ndarray  # mm behind the back surface of the column (v itself where no fine structure is painted)
    i: np.ndarray  # index into the tables over s
    side: np.ndarray  # 0 left, 1 right
    images: tuple[np.ndarray, ...]  # one per contrast
    contrasts: tuple[Contrast | Share, ...]

    def paint(self, cover: np.ndarray, tissue: Tissue) -> None:
        """Cover the points with a tissue, cover in 0 to 1."""
        for image, contrast in zip(self.images, self.contrasts, strict=True):
            image += cover * (np.float32(signal(tissue, contrast)) - image)

    def paint_mixed(self, cover: np.ndarray, share: np.ndarray, first: Tissue, second: Tissue) -> None:
        """Cover with a mixture: `share` of the first tissue, the rest of the second."""
        for image, contrast in zip(self.images, self.contrasts, strict=True):
            one, other = signal(first, contrast), signal(second, contrast)
            image += cover * (np.float32(other) + share * np.float32(one - other) - image)

    def within(self, inside: np.ndarray) -> "Canvas | None":
        """The smallest box of rows and columns that holds the points `inside` (bool); None when there are none."""
        flat = inside.any(axis=0)
        rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
        if not len(rows):
            return None
        box = (slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        points = {name: getattr(self, name)[box] for name in ("s", "u", "v", "q", "i", "side")}
        return replace(self, **points, images=tuple(image[box] for image in self.images))
