"""Grey values as they are shown: windowed by what is seen of an image, the middle greys a little lighter."""

import numpy as np

WINDOW_PERCENTILES, GAMMA = (0.5, 99.3), 0.8


def windowed(image: np.ndarray, part: np.ndarray) -> np.ndarray:
    """image (H, W) as 0 to 1; black and white are percentiles of the finite values of `part`, all black if it has none.
    """
    part = part[np.isfinite(part)]
    low, high = np.percentile(part, WINDOW_PERCENTILES) if part.size else (0.0, 1.0)
    grey = np.nan_to_num((image - low) / (high - low) if high > low else image * 0)
    return np.clip(grey, 0, 1) ** GAMMA
