"""Batches of crops for training and tuning. Every sample's randomness is a function of (seed, epoch, sample)."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset, Sampler

from lsdc.config.sections import AugmentSettings, CropSettings
from lsdc.crops import CropStore, Move, moved
from lsdc.grade.augment import Photometry, draw, mirror_signs
from lsdc.grade.balance import Operation
from lsdc.grade.heads import LEVELS
from lsdc.grade.model import CONDITIONS
from lsdc.grade.replicas import place
from lsdc.seeding import generator
from lsdc.taxonomy import Condition, Side

Batch = dict[str, torch.Tensor]


class Shown(NamedTuple):
    """A sample as one epoch shows it; known False keeps it out of every loss."""

    epoch: int
    number: int
    known: bool = True


class CropDataset(Dataset):
    """Asked for a list of Shown, gives a whole batch.

    image (B, S, H, W) float32 in 0..1; condition, level, severity (B,) int64; known (B,) bool; study (B,) int64.
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

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, batch: list[Shown]) -> Batch:
        numbers = np.array([one.number for one in batch])
        images = np.stack([self.image(one.epoch, one.number) for one in batch])  # (B, S, H, W)
        severity = [self.samples[number]["severity"] for number in numbers]
        return {
            "image": torch.from_numpy(images).contiguous(memory_format=torch.channels_last),
            "condition": torch.from_numpy(self.condition[numbers]),
            "level": torch.from_numpy(self.level[numbers]),
            "severity": torch.tensor(severity, dtype=torch.int64),
            "known": torch.tensor([one.known for one in batch]),
            "study": torch.tensor([self.samples[number]["study_id"] for number in numbers]),
        }

    def image(self, epoch: int, number: int) -> np.ndarray:
        """(S, H, W) float32 of one sample in one epoch."""
        row = self.samples[number]
        wide = self.store.image(row["file"], row["offset"]) / np.float32(255)
        valid = np.array(row["valid"])
        if self.augment is None:
            return moved(wide, valid, row["mm_per_px"], self.crops, Move())[0]
        condition, operation = Condition(row["condition"]), row["operation"]
        drawn = draw(
            generator(self.seed, "augment", epoch, number), self.augment, self.errors[condition],
            operation=None if pd.isna(operation) else Operation(operation),
            mirror=mirror_signs(condition, Side(row["side"]), self.crops),
        )
        image, _ = moved(wide, valid, row["mm_per_px"], self.crops, drawn.move)
        return np.ascontiguousarray(self.photometry(image, drawn))


class EpochBatches(Sampler):
    """Batches of Shown, shuffled by (seed, epoch); every sample once, batches of nearly equal size.

    apart: each batch holds one condition only (for networks that share nothing). In a training of several processes,
    each takes its part of every batch, whose samples do not depend on how many they are. Lightning calls set_epoch.
    """

    def __init__(self, condition: np.ndarray, batch_size: int, *, seed: int, apart: bool, shuffle: bool = True):
        self.groups = [np.flatnonzero(condition == one) for one in np.unique(condition)] if apart else [
            np.arange(len(condition))]
        self.batch_size, self.seed, self.shuffle, self.epoch = batch_size, seed, shuffle, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(self._parts(group) for group in self.groups)

    def __iter__(self) -> Iterator[list[Shown]]:
        rng = generator(self.seed, "order", self.epoch)
        groups = [rng.permutation(group) for group in self.groups] if self.shuffle else self.groups
        batches = [part for group in groups for part in np.array_split(group, self._parts(group))]
        for index in rng.permutation(len(batches)) if self.shuffle else range(len(batches)):
            yield part_of([Shown(self.epoch, int(number)) for number in batches[index]], *place())

    def _parts(self, group: np.ndarray) -> int:
        return max(1, round(len(group) / self.batch_size))


def part_of(batch: list[Shown], rank: int, count: int) -> list[Shown]:
    """Which samples of a batch the process `rank` of `count` takes.

    A part of less than two (BatchNorm cannot train on one) is filled up from the others' as far as there are any, with
    samples that are not known: every process has something to do in every step, and no sample counts twice.
    """
    part = batch[rank::count]
    if (short := 2 - len(part)) > 0:
        others = [one._replace(known=False) for one in batch if one not in part]
        part = part + others[:short]
    return part
