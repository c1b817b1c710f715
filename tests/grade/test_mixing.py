import numpy as np
import pytest
import torch

from lsdc.grade.mixing import _box, mixed
from lsdc.seeding import generator
from tests.grade.test_augment import OFF

MIXUP, CUTMIX = (OFF.model_copy(update={name: 1.0}) for name in ("mixup", "cutmix"))


def batch(condition=(0, 0, 0, 1, 1, 2), level=(0, 0, 1, 2, 2, 3), known=None, seen=None):
    """Each image holds its own number everywhere."""
    count = len(condition)
    return {
        "image": torch.arange(count).float()[:, None, None, None, None].expand(count, 1, 3, 8, 8).clone(),
        "seen": torch.ones(count, 1, dtype=torch.bool) if seen is None else torch.tensor(seen)[:, None],
        "condition": torch.tensor(condition), "side": torch.zeros(count, dtype=torch.int64),
        "level": torch.tensor(level), "severity": torch.arange(count) % 3,
        "known": torch.ones(count, dtype=torch.bool) if known is None else torch.tensor(known),
    }


def test_nothing_asked_nothing_done():
    one = batch()
    assert mixed(one, OFF, generator(0), whole=False) is one


@pytest.mark.parametrize("settings", [MIXUP, CUTMIX], ids=["mixup", "cutmix"])
def test_images_hold_as_much_of_each_as_the_labels_say(settings):
    one = batch()
    two = mixed(one, settings, generator(4), whole=False)
    share = two["share"]
    assert share[5] == 1  # alone of its condition
    assert len(set(share[:5].tolist())) == 1
    assert 0 < share[0] < 1
    means = two["image"].mean(dim=(1, 2, 3, 4))
    partner = (means - share * torch.arange(6)) / (1 - share)
    assert torch.equal(partner[:5].round().long() % 3, two["other_severity"][:5])
    assert set(partner[:3].round().long().tolist()) == {0, 1, 2}
    assert set(partner[3:5].round().long().tolist()) == {3, 4}
    assert (partner[:5].round() != torch.arange(5)).all()
    assert torch.equal(one["image"], batch()["image"])


def test_with_whole_studies_partners_are_the_same_target():
    two = mixed(batch(), MIXUP, generator(4), whole=True)
    assert (two["share"] < 1).tolist() == [True, True, False, True, True, False]


def test_unknown_samples_and_other_views_are_left_alone():
    known = [True, False, True, True, True, True]
    seen = [True, True, True, True, False, True]
    two = mixed(batch((0,) * 6, known=known, seen=seen), MIXUP, generator(4), whole=False)
    assert two["share"][1] == two["share"][4] == 1
    assert torch.equal(two["image"][[1, 4]], batch()["image"][[1, 4]])


def test_boxes_are_as_large_as_said():
    areas = []
    for number in range(300):
        (rows, columns), outside = _box((20, 30), generator(1, number))
        assert 0 <= rows.start <= rows.stop <= 20
        assert 0 <= columns.start <= columns.stop <= 30
        assert outside == pytest.approx(1 - (rows.stop - rows.start) * (columns.stop - columns.start) / 600)
        areas.append(outside)
    assert np.mean(areas) == pytest.approx(0.5, abs=0.06)
