"""A slice as the detector sees it: canonical axes, mm per pixel, 8 bits. The same in training and inference."""

from dataclasses import dataclass

import numpy as np

from lsdc.config import DetectorSettings
from lsdc.dicom import Series, SlicePlane, canonical_axes, covering_plane, resample
from lsdc.taxonomy import Condition

WINDOW_PERCENTILES = (0.5, 99.5)  # of the whole series, so that neighbouring slices keep their relation
STRIDE_PX = 32  # YOLOv8's coarsest grid: canvas sides are multiples of it
SAMPLED_PX = 4  # every so many pixels are looked at for the window
LARGEST = 2  # canvases in inference stay below so many times the training size; the middle of a larger image is kept


@dataclass(frozen=True, eq=False)
class Canvases:
    """How the slices of a series are drawn: one scale and size for all, and how boxes of it are measured."""

    series: Series
    settings: DetectorSettings
    mm_per_px: float
    size_hw: tuple[int, int]
    window: tuple[float, float] | None  # None: each slice by its own extremes

    @classmethod
    def for_training(cls, series: Series, settings: DetectorSettings) -> "Canvases":
        """Squares of the training size."""
        return cls(series, settings, _scale(series, settings), (settings.image_px, settings.image_px),
                   _window(series, settings))

    @classmethod
    def for_inference(cls, series: Series, settings: DetectorSettings) -> "Canvases":
        """As large as the slices; where they are fitted into the training size, that."""
        scale = _scale(series, settings)
        size_hw = (settings.image_px, settings.image_px) if settings.mm_per_px is None else canvas_size(
            series, mm_per_px=scale, image_px=settings.image_px)
        return cls(series, settings, scale, size_hw, _window(series, settings))

    def draw(self, index: int) -> tuple[np.ndarray, SlicePlane]:
        """(H, W) uint8 canvas of a slice and the canvas' own plane."""
        image = self.series.images[index]
        return draw_canvas(image, self.series.planes[index], self.window or extremes(image), mm_per_px=self.mm_per_px,
                           size_hw=self.size_hw)

    def box_wh(self, index: int, condition: Condition) -> np.ndarray:
        """(2,) width and height of a condition's box on the canvas of a slice, px."""
        if self.settings.box_mm is not None:
            return np.full(2, self.settings.box_mm.of(condition) / self.mm_per_px)
        plane = self.series.planes[index]
        steps = np.stack([plane.step_x_mm, plane.step_y_mm])
        native_mm = np.array([np.abs(steps @ axis).max() for axis in canonical_axes(plane)])  # of a pixel: right, down
        return self.settings.box_px * native_mm / self.mm_per_px


def _scale(series: Series, settings: DetectorSettings) -> float:
    """The settings' mm per pixel, or what fits the largest slice into the training size."""
    if settings.mm_per_px is not None:
        return settings.mm_per_px
    sizes_mm = [covering_plane(plane, mm_per_px=1.0).size_hw for plane in series.planes]
    return float(np.max(sizes_mm)) / settings.image_px


def _window(series: Series, settings: DetectorSettings) -> tuple[float, float] | None:
    return series_window(series) if settings.window == "series" else None


def series_window(series: Series) -> tuple[float, float]:
    """Values shown black and white: percentiles of the finite values of all slices."""
    sample = np.concatenate([image[::SAMPLED_PX, ::SAMPLED_PX].ravel() for image in series.images])
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(sample, WINDOW_PERCENTILES)
    return float(low), float(high)


def extremes(image: np.ndarray) -> tuple[float, float]:
    """The least and the largest finite value of a slice."""
    finite = image[np.isfinite(image)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


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
