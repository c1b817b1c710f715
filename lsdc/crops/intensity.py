"""From stored intensities to 0..1: one window for a series, or each slice by itself as the paper did."""

from weakref import WeakKeyDictionary

import numpy as np

from lsdc.dicom import Series
from lsdc.errors import DataError

LOW_PERCENT, HIGH_PERCENT = 0.5, 99.5
SAMPLED_STEP = 4  # every fourth pixel in x and y settles a percentile well enough

_WINDOWS: WeakKeyDictionary[Series, tuple[float, float]] = WeakKeyDictionary()


def series_window(series: Series) -> tuple[float, float]:
    """Intensities that become 0 and 1: percentiles over all slices of a series.

    Remembered for as long as the series lives. DataError when the series is constant.
    """
    if series not in _WINDOWS:
        values = np.concatenate([image[::SAMPLED_STEP, ::SAMPLED_STEP].ravel() for image in series.images])
        _WINDOWS[series] = _checked(*np.percentile(values, [LOW_PERCENT, HIGH_PERCENT]), series)
    return _WINDOWS[series]


def slice_window(series: Series, index: int) -> tuple[float, float]:
    """Smallest and largest intensity of one slice; DataError when the slice is constant."""
    image = series.images[index]
    return _checked(image.min(), image.max(), series)


def to_unit(image: np.ndarray, window: tuple[float, float], *, eight_bits: bool = False) -> np.ndarray:
    """Float32 image with the window's ends at 0 and 1, clipped; eight_bits keeps the 256 steps of a grey picture."""
    low, high = window
    unit = np.clip((image - low) / (high - low), 0, 1).astype(np.float32)
    return np.floor(unit * 255) / np.float32(255) if eight_bits else unit


def _checked(low: float, high: float, series: Series) -> tuple[float, float]:
    if not (np.isfinite(low) and np.isfinite(high) and high > low):
        raise DataError("constant image", wanted="intensities that differ", got=f"{low} to {high}",
                        where=series.paths[0].parent if series.paths else None)
    return float(low), float(high)
