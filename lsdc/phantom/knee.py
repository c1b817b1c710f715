"""Another body part, for series that do not belong: a leg in cross-section, the same on every slice."""

import numpy as np

from lsdc.dicom.plane import SlicePlane
from lsdc.phantom.canvas import Contrast, Tissue, signal, soft


def paint_knee(
    plane: SlicePlane, contrasts: list[Contrast], random: np.random.Generator
) -> list[np.ndarray]:
    """Ideal images (rows, columns) float32 of a leg around the middle of the plane, one per contrast."""
    height, width = plane.size_hw
    across, along = plane.spacing_xy_mm
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2) * np.float32(across)
    y = ((np.arange(height, dtype=np.float32) - (height - 1) / 2) * np.float32(along))[:, None]
    grow = np.float32(random.uniform(0.97, 1.03))

    def disc(at: tuple[float, float], radius: float) -> np.ndarray:
        return soft(np.float32(radius) * grow - np.sqrt((x - at[0]) ** 2 + (y - at[1]) ** 2), 2.0)

    images = [np.zeros((height, width), np.float32) for _ in contrasts]
    for cover, tissue in ((disc((0, 0), 62), Tissue.FAT), (disc((0, 4), 50), Tissue.MUSCLE),
                          (disc((-2, -6), 19), Tissue.CORTEX), (disc((-2, -6), 16), Tissue.FATTY_MARROW),
                          (disc((26, 22), 9), Tissue.CORTEX), (disc((26, 22), 7), Tissue.FATTY_MARROW)):
        for image, contrast in zip(images, contrasts, strict=True):
            image += cover * (np.float32(signal(tissue, contrast)) - image)
    return images
