"""Batches of crops for training and tuning. Every sample's randomness is a function of (seed, epoch, sample)."""

from collections.abc import Iterator

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
from lsdc.seeding import generator
from lsdc.taxonomy import Condition, Side

Batch = dict[str, torch.Tensor]


class CropDataset(Dataset):
    """Asked for a list of (epoch, sample) pairs, gives a whole batch.

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

    def __getitem__(self, pairs: list[tuple[int, int]]) -> Batch:
        numbers = np.array([number for _, number in pairs])
        images = np.stack([self.image(*pair) for pair in pairs])  # (B, S, H, W)
        severity = [self.samples[number]["severity"] for number in numbers]
        return {
            "image": torch.from_numpy(images).contiguous(memory_format=torch.channels_last),
            "condition": torch.from_numpy(self.condition[numbers]),
            "level": torch.from_numpy(self.level[numbers]),
            "severity": torch.tensor(severity, dtype=torch.int64),
            "known": torch.ones(len(pairs), dtype=torch.bool),
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
    """Lists of (epoch, sample) pairs, shuffled by (seed, epoch); every sample once, batches of nearly equal size.

    apart: each batch holds one condition only (for networks that share nothing). Of several replicas, each takes its
    part of every batch. Lightning calls set_epoch.
    """

    def __init__(
        self, condition: np.ndarray, batch_size: int, *, seed: int, apart: bool, shuffle: bool = True,
        rank: int = 0, replicas: int = 1,
    ):
        self.groups = [np.flatnonzero(condition == one) for one in np.unique(condition)] if apart else [
            np.arange(len(condition))]
        self.batch_size, self.seed, self.shuffle = batch_size, seed, shuffle
        self.rank, self.replicas, self.epoch = rank, replicas, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(self._parts(group) for group in self.groups)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        rng = generator(self.seed, "order", self.epoch)
        groups = [rng.permutation(group) for group in self.groups] if self.shuffle else self.groups
        batches = [part for group in groups for part in np.array_split(group, self._parts(group))]
        for index in rng.permutation(len(batches)) if self.shuffle else range(len(batches)):
            yield [(self.epoch, int(number)) for number in batches[index][self.rank::self.replicas]]

    def _parts(self, group: np.ndarray) -> int:
        return max(1, round(len(group) / self.batch_size))
