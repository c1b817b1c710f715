"""The mirror image of a patient: images, slices and sides turned over together, in this one place."""

import numpy as np

from lsdc.taxonomy import Side

OPPOSITE = {Side.MIDLINE: Side.MIDLINE, Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}


def mirrored(
    image: np.ndarray, valid: np.ndarray, axial: np.ndarray, side: Side, *, mirror_right: bool
) -> tuple[np.ndarray, np.ndarray, Side]:
    """What a target of the mirrored patient looks like, from its counterpart: image (V, S, H, W), valid (V, S), side.

    axial: (V,) bool; an axial view turns over in x, a sagittal one in the order of its slices. With mirror_right every
    right target is shown as a left one already, so only the canal's images change: the grade of the left target here
    is that of the right one there, and the side given back says so.
    """
    if side is Side.MIDLINE or not mirror_right:
        turned = axial[:, None]
        image = np.where(turned[..., None, None], image[..., ::-1], image[:, ::-1])
        valid = np.where(turned, valid, valid[:, ::-1])
    return image, valid, OPPOSITE[side]
