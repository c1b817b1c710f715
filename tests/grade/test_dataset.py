import numpy as np
import pytest
import torch

from lsdc.grade.augment import jitter_pool, room
from lsdc.grade.dataset import CropDataset, EpochBatches
from lsdc.grade.train import _store


@pytest.fixture
def data(folder, settings, errors, tmp_path, monkeypatch):
    monkeypatch.setenv("LSDC_CACHE", str(tmp_path))
    chosen = settings()
    store = _store(folder, [1001, 1002, 1003], chosen)
    assert store.settings.slices == 3 + 2 * room(chosen.augment, chosen.crops, balance=False)["slices"]

    def make(augment=True, seed=1):
        samples = store.rows.assign(operation=None)
        return CropDataset(store, samples, chosen.crops, augment=chosen.augment if augment else None,
                           errors=jitter_pool(errors), seed=seed)

    return make


def test_a_batch(data):
    batch = data()[[(0, 0), (0, 5), (0, 13)]]
    assert batch["image"].shape == (3, 3, 32, 32)
    assert batch["image"].dtype == torch.float32
    assert batch["condition"].tolist() == [0, 0, 0]
    assert batch["level"].tolist() == [1, 1, 4]
    assert batch["severity"].tolist() == [0, 1, 2]
    assert batch["known"].all()
    assert batch["study"].tolist() == [1001, 1002, 1003]


def test_randomness_is_a_function_of_seed_epoch_and_sample(data):
    one = data().image(2, 3)
    assert np.array_equal(one, data().image(2, 3))
    assert not np.array_equal(one, data().image(3, 3))
    assert not np.array_equal(one, data(seed=2).image(2, 3))
    assert np.array_equal(data(augment=False).image(0, 3), data(augment=False).image(1, 3))


CONDITION = np.repeat([0, 1, 2], [10, 25, 30])


@pytest.mark.parametrize("apart", [True, False])
def test_an_epoch_has_every_sample_once(apart):
    batches = EpochBatches(CONDITION, 8, seed=1, apart=apart)
    pairs = list(batches)
    assert len(pairs) == len(batches)
    assert sorted(number for batch in pairs for _, number in batch) == list(range(65))
    assert {epoch for batch in pairs for epoch, _ in batch} == {0}
    assert all(6 <= len(batch) <= 10 for batch in pairs)
    assert apart == all(len({CONDITION[number] for _, number in batch}) == 1 for batch in pairs)
    assert list(batches) == pairs
    batches.set_epoch(1)
    assert [n for batch in batches for _, n in batch] != [n for batch in pairs for _, n in batch]


def test_replicas_share_every_batch():
    whole = list(EpochBatches(CONDITION, 8, seed=1, apart=False))
    parts = [list(EpochBatches(CONDITION, 8, seed=1, apart=False, rank=rank, replicas=2)) for rank in (0, 1)]
    for one, *two in zip(whole, *parts, strict=True):
        assert sorted(one) == sorted(two[0] + two[1])
