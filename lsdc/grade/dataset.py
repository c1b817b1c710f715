"""Batches of crops for training and tuning. Every sample's randomness is a function of (seed, epoch, sample)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset

from lsdc.config.sections import AugmentSettings, CropSettings
from lsdc.crops import CropStore, Move, mirrored, moved
from lsdc.grade.augment import Drawn, Photometry, draw, mirror_signs, move_across
from lsdc.grade.balance import Operation
from lsdc.grade.batches import Shown
from lsdc.grade.heads import LEVELS
from lsdc.grade.model import CONDITIONS, SIDES
from lsdc.seeding import generator
from lsdc.taxonomy import ANNOTATED_PLANE, Condition, Plane, Side

Batch = dict[str, torch.Tensor]


def in_unit(batch: Batch) -> Batch:
    """A batch with its images as networks take them: float32 in 0..1."""
    return batch | {"image": batch["image"].float() / 255}


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample as an epoch shows it: image (V, S, H, W) uint8, seen (V,), valid (V, S), side.

    slice: which slice of the own view is the annotated one.
    """

    image: np.ndarray
    seen: np.ndarray
    valid: np.ndarray
    side: Side
    slice: int


class CropDataset(Dataset):
    """Asked for a list of Shown, gives a whole batch.

    image (B, V, S, H, W) uint8, V views of S slices, as they are stored: what travels from a loader's processes to the
    device is a quarter of what `in_unit` makes of it there; seen (B, V) and valid (B, V, S) bool; condition, side,
    level, severity, slice (B,) int64, slice being the annotated one of the own view, -1 where it is not shown; known
    (B,) bool; study (B,) int64.
    samples: rows of the store, in its order, with severity, and operation where the balance added them.
    augment None shows every crop as it would be predicted.
    """

    def __init__(
        self,
        store: CropStore,
        samples: pd.DataFrame,
        crops: CropSettings,
        *,
        augment: AugmentSettings | None = None,
        errors: dict[Condition, np.ndarray] | None = None,
        seed: int = 0,
    ):
        self.store, self.crops, self.augment, self.errors, self.seed = store, crops, augment, errors or {}, seed
        self.photometry = Photometry(augment) if augment else None
        self.samples = samples.to_dict("records")
        self.condition = np.array([CONDITIONS.index(Condition(row["condition"])) for row in self.samples])
        self.level = np.array([LEVELS.index(row["level"]) for row in self.samples])
        self.study = np.array([row["study_id"] for row in self.samples])

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, batch: list[Shown]) -> Batch:
        numbers = np.array([one.number for one in batch])
        shown = [self.sample(one.epoch, one.number) for one in batch]
        return {
            "image": torch.from_numpy(np.stack([one.image for one in shown])),
            "seen": torch.from_numpy(np.stack([one.seen for one in shown])),
            "valid": torch.from_numpy(np.stack([one.valid for one in shown])),
            "slice": torch.tensor([one.slice for one in shown]),
            "condition": torch.from_numpy(self.condition[numbers]),
            "side": torch.tensor([SIDES.index(one.side) for one in shown]),
            "level": torch.from_numpy(self.level[numbers]),
            "severity": torch.tensor([self.samples[number]["severity"] for number in numbers], dtype=torch.int64),
            "known": torch.tensor([one.known for one in batch]),
            "study": torch.from_numpy(self.study[numbers]),
        }

    def sample(self, epoch: int, number: int) -> Sample:
        """One sample in one epoch."""
        row = self.samples[number]
        wide = self.store.image(row["file"], row["offset"])  # (V, S + spare, P, P)
        seen, side = np.array(row["seen"]), Side(row["side"])
        drawn = self._drawn(row, epoch, number) if self.augment else None
        size, middle = self.crops.size_px, self.crops.slices // 2
        image = np.zeros((len(wide), self.crops.slices, size, size), np.uint8)
        valid = np.zeros((len(wide), self.crops.slices), bool)
        at = middle
        if drawn and seen.all() and len(seen) > 1 and drawn.hidden is not None:
            seen[drawn.hidden] = False
        for view in np.flatnonzero(seen):
            move = self._move(row, drawn, view) if drawn else Move()
            there = np.array(row["valid"][view])
            image[view], valid[view], step = moved(wide[view], there, row["mm_per_px"][view], self.crops, move)
            if view == 0:
                at = middle - step
            if drawn:
                image[view] = self.photometry(image[view], drawn, view=view)
        if drawn and generator(self.seed, "mirror", epoch, row["study_id"]).random() < self.augment.mirror:
            axial = self._axial(row)
            image, valid, side = mirrored(image, valid, axial, side, mirror_right=self.crops.mirror_right)
            if not axial[0] and (side is Side.MIDLINE or not self.crops.mirror_right):
                at = self.crops.slices - 1 - at
        at = at if 0 <= at < self.crops.slices else -1
        return Sample(np.ascontiguousarray(image), seen, valid, side, at)

    def _drawn(self, row: dict, epoch: int, number: int) -> Drawn:
        condition, operation = Condition(row["condition"]), row["operation"]
        return draw(
            generator(self.seed, "augment", epoch, number), self.augment, self.errors[condition],
            operation=None if pd.isna(operation) else Operation(operation),
            mirror=mirror_signs(condition, Side(row["side"]), self.crops),
        )

    def _move(self, row: dict, drawn: Drawn, view: int) -> Move:
        if view == 0:
            return drawn.move
        own, other = (np.nan if value is None else value for value in row["slice_mm"])
        return move_across(drawn.move, axial=bool(self._axial(row)[0]), slice_mm=own, other_slice_mm=other)

    def _axial(self, row: dict) -> np.ndarray:
        """(V,) bool: an own axial view has a sagittal one across it, and the other way round."""
        own = ANNOTATED_PLANE[Condition(row["condition"])] is Plane.AXIAL_T2
        return np.array([own, not own][:len(row["seen"])])
