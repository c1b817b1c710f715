import numpy as np
import pytest
import torch

from lsdc.grade import batches as batching
from lsdc.grade.augment import jitter_pool, room
from lsdc.grade.batches import EpochBatches, Shown, part_of
from lsdc.grade.dataset import CropDataset, in_unit
from lsdc.grade.fit import loader_of
from lsdc.grade.train import graded_crops


@pytest.fixture
def data(folder, settings, errors, tmp_path, monkeypatch):
    monkeypatch.setenv("LSDC_CACHE", str(tmp_path))
    chosen = settings()
    store = graded_crops(folder, [1001, 1002, 1003], chosen)
    assert store.settings.slices == 3 + 2 * room(chosen.augment, chosen.crops, balance=False)["slices"]

    def make(augment=True, seed=1):
        samples = store.rows.assign(operation=None)
        return CropDataset(store, samples, chosen.crops, augment=chosen.augment if augment else None,
                           errors=jitter_pool(errors), seed=seed)

    return make


def test_a_batch(data):
    batch = data()[[Shown(0, 0), Shown(0, 5), Shown(0, 13, known=False)]]
    assert batch["image"].shape == (3, 1, 3, 32, 32)
    assert batch["seen"].tolist() == [[True]] * 3
    assert batch["valid"].shape == (3, 1, 3)
    assert batch["side"].tolist() == [0, 0, 0]
    assert batch["image"].dtype == torch.uint8
    shown = in_unit(batch)
    assert shown["image"].dtype == torch.float32
    assert torch.equal((shown["image"] * 255).round(), batch["image"].float())
    assert 0.5 < shown["image"].max() <= 1
    assert batch["condition"].tolist() == [0, 0, 0]
    assert batch["level"].tolist() == [1, 1, 4]
    assert batch["severity"].tolist() == [0, 1, 2]
    assert batch["known"].tolist() == [True, True, False]
    assert batch["study"].tolist() == [1001, 1002, 1003]


def test_randomness_is_a_function_of_seed_epoch_and_sample(data):
    one = data().sample(2, 3).image
    assert np.array_equal(one, data().sample(2, 3).image)
    assert not np.array_equal(one, data().sample(3, 3).image)
    assert not np.array_equal(one, data(seed=2).sample(2, 3).image)
    assert np.array_equal(data(augment=False).sample(0, 3).image, data(augment=False).sample(1, 3).image)


@pytest.mark.filterwarnings("ignore:'pin_memory' argument:UserWarning")
def test_a_gpus_loader_gives_the_batches_of_a_cpus(data, settings):
    """Its own processes put them together, epoch after epoch."""
    given = {}
    for kind in ("cpu", "cuda"):
        loader = loader_of(data(), settings("compute.workers=2"), torch.device(kind), seed=3, training=True)
        given[kind] = []
        for epoch in (0, 1):
            loader.sampler.set_epoch(epoch)
            given[kind] += list(loader)
        assert loader.num_workers == (2 if kind == "cuda" else 0)
    assert len(given["cpu"]) == 4
    for one, other in zip(given["cpu"], given["cuda"], strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(values, other[name]) for name, values in one.items())
    assert not torch.equal(given["cpu"][0]["image"], given["cpu"][2]["image"])


CONDITION = np.repeat([0, 1, 2], [10, 25, 30])


@pytest.mark.parametrize("apart", [True, False])
def test_an_epoch_has_every_sample_once(apart):
    batches = EpochBatches(CONDITION, 8, seed=1, apart=apart)
    pairs = list(batches)
    assert len(pairs) == len(batches)
    assert sorted(number for batch in pairs for _, number, _ in batch) == list(range(65))
    assert {epoch for batch in pairs for epoch, _, _ in batch} == {0}
    assert all(6 <= len(batch) <= 10 for batch in pairs)
    assert apart == all(len({CONDITION[number] for _, number, _ in batch}) == 1 for batch in pairs)
    assert list(batches) == pairs
    batches.set_epoch(1)
    assert [n for batch in batches for _, n, _ in batch] != [n for batch in pairs for _, n, _ in batch]


@pytest.mark.parametrize("shuffle", [True, False])
def test_processes_share_every_batch(monkeypatch, shuffle):
    def drawn(*place):
        monkeypatch.setattr(batching, "place", lambda: place)
        return list(EpochBatches(CONDITION, 8, seed=1, apart=False, shuffle=shuffle))

    for whole, *parts in zip(drawn(0, 1), drawn(0, 2), drawn(1, 2), strict=True):
        assert sorted(whole) == sorted(parts[0] + parts[1])
        assert min(map(len, parts)) >= 3


@pytest.mark.parametrize("count", [2, 3, 8])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_no_process_is_without_samples_and_none_counts_twice(count, size):
    batch = [Shown(4, number) for number in range(size)]
    parts = [part_of([[one] for one in batch], rank, count) for rank in range(count)]
    assert sorted(one for part in parts for one in part if one.known) == batch
    assert all(len(part) >= min(2, size) for part in parts)
    assert all(len({number for _, number, _ in part}) == len(part) for part in parts)
    assert part_of([[one] for one in batch], 0, 1) == batch


STUDY = np.repeat([5, 3, 9, 4], [20, 25, 5, 15])


def test_batches_of_whole_studies(monkeypatch):
    batches = EpochBatches(CONDITION, 33, seed=1, whole=STUDY)
    drawn = list(batches)
    assert len(drawn) == len(batches) == 2
    assert sorted(number for batch in drawn for _, number, _ in batch) == list(range(65))
    studies = [{int(STUDY[number]) for _, number, _ in batch} for batch in drawn]
    assert [len(one) for one in studies] == [2, 2]
    assert not studies[0] & studies[1]
    assert [len(batch) for batch in EpochBatches(CONDITION, 1, seed=1, whole=STUDY, shuffle=False)] == [20, 25, 5, 15]
    monkeypatch.setattr(batching, "place", lambda: (1, 2))
    part = next(iter(batches))
    assert len({int(STUDY[number]) for _, number, _ in part}) == 1
    assert set(part) < set(drawn[0])
