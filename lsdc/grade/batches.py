"""Which samples make a batch: every sample once an epoch, shuffled by (seed, epoch), shared between processes."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from lsdc.grade.replicas import place
from lsdc.seeding import generator


class Shown(NamedTuple):
    """A sample as one epoch shows it; known False keeps it out of every loss."""

    epoch: int
    number: int
    known: bool = True


class EpochBatches(Sampler):
    """Batches of Shown, shuffled by (seed, epoch); every sample once, batches of nearly equal size.

    apart: each batch holds one condition only (for networks that share nothing). whole: the study (N,) of each sample,
    where batches are of whole studies (for networks whose targets see each other), about batch_size samples in each.
    In a training of several processes, each takes its part of every batch, whole studies again, and what a batch holds
    does not depend on how many they are. Lightning calls set_epoch.
    """

    def __init__(self, condition: np.ndarray, batch_size: int, *, seed: int, apart: bool = False,
                 whole: np.ndarray | None = None, shuffle: bool = True):
        number = np.arange(len(condition))
        self.units = [[one] for one in number] if whole is None else [
            number[whole == study].tolist() for study in dict.fromkeys(whole.tolist())]
        groups = [np.flatnonzero(condition == one) for one in np.unique(condition)] if apart and whole is None else [
            np.arange(len(self.units))]
        self.groups, self.shuffle, self.seed, self.epoch = groups, shuffle, seed, 0
        self.units_per_batch = batch_size * len(self.units) / max(len(condition), 1)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(self._parts(group) for group in self.groups)

    def __iter__(self) -> Iterator[list[Shown]]:
        rng = generator(self.seed, "order", self.epoch)
        groups = [rng.permutation(group) for group in self.groups] if self.shuffle else self.groups
        batches = [part for group in groups for part in np.array_split(group, self._parts(group))]
        for index in rng.permutation(len(batches)) if self.shuffle else range(len(batches)):
            units = [[Shown(self.epoch, int(number)) for number in self.units[unit]] for unit in batches[index]]
            yield part_of(units, *place())

    def _parts(self, group: np.ndarray) -> int:
        return max(1, min(len(group), round(len(group) / self.units_per_batch)))


def part_of(batch: list[list[Shown]], rank: int, count: int) -> list[Shown]:
    """Which samples of a batch, given in units that stay together, the process `rank` of `count` takes.

    A part of less than two (BatchNorm cannot train on one) is filled up from the others' as far as there are any, with
    samples that are not known: every process has something to do in every step, and no sample counts twice.
    """
    part = [one for unit in batch[rank::count] for one in unit]
    if (short := 2 - len(part)) > 0:
        others = [one._replace(known=False) for unit in batch for one in unit if one not in part]
        part = part + others[:short]
    return part
