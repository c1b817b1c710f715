"""Look again at a crop from slightly elsewhere: shift, turn, zoom and flip inside a wider one.

A crop cut once with room around it serves every epoch of training; no border shows as long as the room lasts.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from lsdc.config.sections import CropSettings


@dataclass(frozen=True)
class Move:
    """In the frame of the crop as shown: x to the right, y down, slices onwards.

    scale above 1 shows more of the patient. The flips turn the patch over after all else.
    """

    x_mm: float = 0.0
    y_mm: float = 0.0
    slices: int = 0
    rotate_degrees: float = 0.0
    scale: float = 1.0
    flip_horizontal: bool = False
    flip_vertical: bool = False


def widened(settings: CropSettings, *, margin_px: int, slices: int) -> CropSettings:
    """Settings that cut the same pixels with margin_px more on each side and `slices` more at each end."""
    size_px = settings.size_px + 2 * margin_px
    size_mm = settings.size_mm
    if size_mm is not None:
        grown = {name: value * size_px / settings.size_px for name, value in size_mm.model_dump().items()}
        size_mm = type(size_mm)(**grown)
    return settings.model_copy(
        update={"size_px": size_px, "size_mm": size_mm, "slices": settings.slices + 2 * slices})


def moved(
    wide: np.ndarray, valid: np.ndarray, mm_per_px: float, settings: CropSettings, move: Move
) -> tuple[np.ndarray, np.ndarray, int]:
    """A crop as `settings` say out of a wide one (S, P, P) with valid (S,): image of its dtype, valid slices, the step.

    The step is by how many slices the middle moved. The middle slice stays one that is there: a move past the end of
    the stack stops at its last slice.
    """
    size, spare = settings.size_px, (len(wide) - settings.slices) // 2
    middle = len(wide) // 2
    there = np.flatnonzero(valid)
    step = int(np.clip(np.clip(middle + move.slices, there.min(), there.max()) - middle, -spare, spare))
    first = spare + step
    shown = wide[first:first + settings.slices]
    angle = np.deg2rad(move.rotate_degrees)
    turn = move.scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn = turn @ np.diag([-1.0 if move.flip_horizontal else 1.0, -1.0 if move.flip_vertical else 1.0])
    here, there_px = (size - 1) / 2, (wide.shape[-1] - 1) / 2
    offset = there_px + np.array([move.x_mm, move.y_mm]) / mm_per_px - turn @ [here, here]
    matrix = np.column_stack([turn, offset])  # (2, 3): pixels of the crop to pixels of the wide one
    image = np.stack([
        cv2.warpAffine(one, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                       borderMode=cv2.BORDER_REPLICATE)
        for one in shown
    ])
    return image, valid[first:first + settings.slices], step
