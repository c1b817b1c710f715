"""A slice as the detector sees it: canonical axes, fixed mm per pixel, 8 bits. The same in training and inference."""

import numpy as np

from lsdc.dicom import Series, SlicePlane, covering_plane, resample

WINDOW_PERCENTILES = (0.5, 99.5)  # of the whole series, so that neighbouring slices keep their relation
STRIDE_PX = 32  # YOLOv8's coarsest grid: canvas sides are multiples of it
SAMPLED_PX = 4  # every so many pixels are looked at for the window
LARGEST = 2  # canvases in inference stay below so many times the training size; the middle of a larger image is kept


def series_window(series: Series) -> tuple[float, float]:
    """Values shown black and white: percentiles of the finite values of all slices."""
    sample = np.concatenate([image[::SAMPLED_PX, ::SAMPLED_PX].ravel() for image in series.images])
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(sample, WINDOW_PERCENTILES)
    return float(low), float(high)


def canvas_size(series: Series, *, mm_per_px: float, image_px: int) -> tuple[int, int]:
    """Rows and columns, multiples of the stride, that hold every slice of the series whole."""
    sizes = np.array([covering_plane(plane, mm_per_px=mm_per_px).size_hw for plane in series.planes])
    whole = np.ceil(sizes.max(axis=0) / STRIDE_PX) * STRIDE_PX
    return tuple(int(side) for side in np.minimum(whole, LARGEST * image_px))


def draw_canvas(
    image: np.ndarray, plane: SlicePlane, window: tuple[float, float], *, mm_per_px: float, size_hw: tuple[int, int]
) -> tuple[np.ndarray, SlicePlane]:
    """(h, w) float32 image on `plane` -> (H, W) uint8 canvas and the canvas' own plane.

    A constant image and everything outside the image are black.
    """
    low, high = window
    target = covering_plane(plane, mm_per_px=mm_per_px, size_hw=size_hw)
    drawn = resample(image, plane, target, fill=low)
    grey = (drawn - low) / (high - low) * 255 if high > low else np.zeros_like(drawn)
    return np.clip(np.nan_to_num(grey), 0, 255).round().astype(np.uint8), target
