"""An image on another grid of the same plane: rotation, flips, scale and shift in one step."""

import cv2
import numpy as np

from lsdc.dicom.plane import SlicePlane


def resample(image: np.ndarray, plane: SlicePlane, target: SlicePlane, *, fill: float = 0.0) -> np.ndarray:
    """(h, w) float32 on `plane` to (H, W) float32 on `target`, bilinear, smoothed first where it shrinks.

    Target pixels outside the image get `fill`. The target's points are projected onto the plane along its normal.
    """
    to_source = pixel_map(target, plane)
    shrink = np.linalg.norm(to_source[:, :2], axis=0).max()
    image = np.ascontiguousarray(image, dtype=np.float32)
    if shrink > 1:  # the part needed only, with room for the smoothing kernel
        image, to_source = _cut_source(image, to_source, target.size_hw, margin=int(np.ceil(3 * shrink)) + 1)
        if image.size == 0:
            return np.full(target.size_hw, fill, np.float32)
        image = cv2.GaussianBlur(image, (0, 0), sigmaX=(shrink - 1) / 2 + 1e-3, borderType=cv2.BORDER_REPLICATE)
    height, width = target.size_hw
    return cv2.warpAffine(
        image, to_source, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT, borderValue=float(fill),
    )


def pixel_map(source: SlicePlane, target: SlicePlane) -> np.ndarray:
    """(2, 3) affine matrix that takes (x, y, 1) of one plane's pixels to the other's."""
    corners, _ = target.to_pixel(source.to_patient(np.array([[0, 0], [1, 0], [0, 1]])))
    return np.column_stack([corners[1] - corners[0], corners[2] - corners[0], corners[0]])


def _cut_source(image, to_source, size_hw, margin):
    height, width = size_hw
    corners = np.array([[0, 0, 1], [width - 1, 0, 1], [0, height - 1, 1], [width - 1, height - 1, 1]])
    xy = corners @ to_source.T
    low = np.maximum(np.floor(xy.min(axis=0)).astype(int) - margin, 0)
    high = np.maximum(np.minimum(np.ceil(xy.max(axis=0)).astype(int) + margin + 1, image.shape[::-1]), low)
    to_source = to_source.copy()
    to_source[:, 2] -= low
    return image[low[1]:high[1], low[0]:high[0]], to_source
