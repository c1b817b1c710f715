"""Augmentation of training crops, in two halves: draw parameters with a generator, then apply a pure function.

The location is jittered by the detector's own measured error, which the winners called crucial. Training only.
"""

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # before the import: it looks up its version online

import albumentations as A
import numpy as np
import pandas as pd

from lsdc.config.sections import AugmentSettings, CropSettings
from lsdc.crops import Move
from lsdc.grade.balance import Operation
from lsdc.taxonomy import ANNOTATED_PLANE, Condition, Plane, Side

JITTER_LIMIT_MM, JITTER_LIMIT_SLICES = 8.0, 2  # a larger error is another level or side: its label would be false
PAPER_ROTATION = (1.0, 20.0)  # degrees
PAPER_NOISE_SD = 25 / 255
ERASED_BOXES, ERASED_SIDE = 3, (0.08, 0.2)  # at most so many, of such shares of the crop's side
NATIVE_MM_PER_PX = 0.3  # a small pixel: room for jitter where crops are in native pixels


@dataclass(frozen=True)
class Drawn:
    """What was drawn for one sample in one epoch: of its own view, and the view that is hidden (None: none is)."""

    move: Move
    noise_sd: float
    seed: int
    hidden: int | None = None


def jitter_pool(errors: pd.DataFrame) -> dict[Condition, np.ndarray]:
    """Location errors by condition, (n, 3): x mm, y mm, slices, as on the left side (right ones mirrored).

    errors: LOCATION_ERRORS. Gross errors are left out: there the crop shows another target.
    """
    pool = {}
    for condition in Condition:
        rows = errors[errors["condition"] == condition]
        values = rows[["x_mm", "y_mm", "slices"]].to_numpy(np.float64, copy=True)
        values[(rows["side"] == Side.RIGHT).to_numpy()] *= _mirror_signs(condition)
        small = (np.abs(values[:, :2]).max(axis=1, initial=0) <= JITTER_LIMIT_MM)
        small &= np.abs(values[:, 2]) <= JITTER_LIMIT_SLICES
        pool[condition] = values[small]
    return pool


def draw(
    rng: np.random.Generator,
    settings: AugmentSettings,
    errors: np.ndarray,
    *,
    operation: Operation | None = None,
    mirror: np.ndarray | None = None,
) -> Drawn:
    """Parameters for one sample. errors: (n, 3) of `jitter_pool`; mirror: (3,) signs for a right target shown as is.

    operation: of the paper's balance, on top of the rest.
    """
    x_mm, y_mm, slices = _jitter(rng, settings, errors) * (1 if mirror is None else mirror)
    move = Move(
        x_mm=x_mm, y_mm=y_mm, slices=round(slices),
        rotate_degrees=settings.rotate_degrees * rng.uniform(-1, 1),
        scale=float((1 - settings.scale) ** rng.uniform(-1, 1)),
        flip_horizontal=bool(rng.random() < 0.5) and settings.flip_horizontal,
        flip_vertical=bool(rng.random() < 0.5) and settings.flip_vertical,
    )
    noise_sd = 0.0
    if operation is Operation.ROTATE:
        turn = rng.uniform(*PAPER_ROTATION) * rng.choice([-1, 1])
        move = replace(move, rotate_degrees=move.rotate_degrees + turn)
    elif operation is Operation.FLIP_HORIZONTAL:
        move = replace(move, flip_horizontal=not move.flip_horizontal)
    elif operation is Operation.FLIP_VERTICAL:
        move = replace(move, flip_vertical=not move.flip_vertical)
    elif operation is Operation.NOISE:
        noise_sd = PAPER_NOISE_SD
    hidden = int(rng.integers(2)) if rng.random() < settings.view_dropout else None
    return Drawn(move, noise_sd, int(rng.integers(2**31)), hidden)


def move_across(move: Move, *, axial: bool, slice_mm: float, other_slice_mm: float) -> Move:
    """The same step in the patient as a second view sees it, its slices across those of the first.

    axial: the first view is an axial one, and the other sagittal. slice_mm, other_slice_mm: from slice to slice, nan
    where there is no next one. Turn and zoom stay, flips are of the first view alone.
    """
    through_mm = move.slices * np.nan_to_num(slice_mm)  # towards the head (axial), or the left
    if axial:
        x_mm, y_mm, along_mm = move.y_mm, -through_mm, move.x_mm
    else:
        x_mm, y_mm, along_mm = through_mm, move.x_mm, -move.y_mm
    slices = round(along_mm / other_slice_mm) if other_slice_mm > 0 else 0
    return replace(move, x_mm=float(np.clip(x_mm, -JITTER_LIMIT_MM, JITTER_LIMIT_MM)), y_mm=float(
        np.clip(y_mm, -JITTER_LIMIT_MM, JITTER_LIMIT_MM)), slices=slices, flip_horizontal=False, flip_vertical=False)


class Photometry:
    """Brightness, contrast, gamma, noise, blur and erased boxes of an image (S, H, W) uint8, as drawn."""

    def __init__(self, settings: AugmentSettings):
        steps = []
        if settings.brightness or settings.contrast:
            steps.append(A.RandomBrightnessContrast(settings.brightness, settings.contrast, p=1))
        if settings.gamma:
            steps.append(A.RandomGamma((max(1, 100 * (1 - settings.gamma)), 100 * (1 + settings.gamma)), p=1))
        if settings.blur:
            steps.append(A.GaussianBlur(blur_limit=(3, 5), sigma_limit=(0.3, 1.0), p=settings.blur))
        if settings.noise_sd:
            steps.append(A.GaussNoise(std_range=(0, settings.noise_sd), p=1))
        if settings.erase:
            steps.append(A.CoarseDropout((1, ERASED_BOXES), ERASED_SIDE, ERASED_SIDE, fill=0, p=settings.erase))
        self.compose = A.Compose(steps) if steps else None

    def __call__(self, image: np.ndarray, drawn: Drawn, *, view: int = 0) -> np.ndarray:
        seed = drawn.seed + int(view)  # the views are series of their own
        rng = np.random.default_rng(seed)
        if self.compose is not None:
            self.compose.set_random_state(rng, random.Random(seed))  # noqa: S311 (no secret)
            image = self.compose(image=np.ascontiguousarray(image.transpose(1, 2, 0)))["image"].transpose(2, 0, 1)
        if drawn.noise_sd:
            noise = rng.standard_normal(image.shape, np.float32) * np.float32(255 * drawn.noise_sd)
            image = np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)
        return image


def room(settings: AugmentSettings, crops: CropSettings, *, balance: bool) -> Mapping[str, int]:
    """How much wider a stored crop must be for these augmentations: margin_px on each side, slices at each end."""
    degrees = settings.rotate_degrees + (PAPER_ROTATION[1] if balance else 0)
    angle = np.deg2rad(min(degrees, 45))
    grown = (np.cos(angle) + np.sin(angle)) / (1 - settings.scale)
    sizes = [] if crops.size_mm is None else list(crops.size_mm.model_dump().values())
    mm_per_px = min(sizes, default=NATIVE_MM_PER_PX * crops.size_px) / crops.size_px
    jitter_px = settings.location_jitter * JITTER_LIMIT_MM / mm_per_px
    return {"margin_px": int(np.ceil(crops.size_px / 2 * (grown - 1) + jitter_px)),
            "slices": int(np.ceil(settings.location_jitter * JITTER_LIMIT_SLICES))}


def mirror_signs(condition: Condition, side: Side, crops: CropSettings) -> np.ndarray | None:
    """Signs (3,) that turn a left-side jitter into this target's, or None where it is shown as a left one."""
    return _mirror_signs(condition) if side is Side.RIGHT and not crops.mirror_right else None


def _mirror_signs(condition: Condition) -> np.ndarray:
    """A mirrored patient: axial images flip x, sagittal stacks turn round."""
    axial = ANNOTATED_PLANE[condition] is Plane.AXIAL_T2
    return np.array([-1.0, 1.0, 1.0]) if axial else np.array([1.0, 1.0, -1.0])


def _jitter(rng: np.random.Generator, settings: AugmentSettings, errors: np.ndarray) -> np.ndarray:
    chosen = rng.integers(max(len(errors), 1))  # drawn in any case, so that what follows does not depend on it
    return errors[chosen] * settings.location_jitter if len(errors) else np.zeros(3)
