"""What a training sees of its samples: blended, mirrored, moved and with a view hidden, against the same by hand."""

import numpy as np
import pandas as pd
import pytest
import torch

from lsdc.config.sections import CropSettings
from lsdc.crops import CropStore
from lsdc.grade.batches import Shown
from lsdc.grade.dataset import CropDataset
from lsdc.grade.model import SIDES
from lsdc.grade.module import GradingModule
from lsdc.taxonomy import Condition, Side
from tests.grade.test_augment import OFF
from tests.grade.test_mixing import CUTMIX, MIXUP
from tests.grade.test_recipe import STEADY, Fixed

CANAL, FORAMINAL, SUBARTICULAR = Condition
PLACES = [(CANAL, Side.MIDLINE), *((one, side) for one in (FORAMINAL, SUBARTICULAR)
                                   for side in (Side.LEFT, Side.RIGHT))]
SIZE, SLICES, MARGIN, SPARE = 8, 5, 6, 2
BRIGHT = 200  # what the annotated slice of the own view reaches everywhere, and no other slice anywhere


@pytest.mark.filterwarnings("ignore:You are trying to `self.log")
@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_a_training_step_blends_images_and_counts_both_labels_by_their_share(settings, name):
    """A black image and a white one, each the other's partner. No other term: those know no blended labels."""
    model = Fixed(torch.tensor([[0.3, -0.2, 0.9], [1.0, 0.4, -0.7]]))
    chosen = settings(*STEADY, "training.any_severe=0.5")
    module = GradingModule(model, chosen.model_copy(update={"augment": {"mixup": MIXUP, "cutmix": CUTMIX}[name]}),
                           steps=1, seed=0)
    image = torch.tensor([0, 255], dtype=torch.uint8)[:, None, None, None, None].expand(2, 1, 3, 16, 16)
    same = torch.zeros(2, dtype=torch.int64)
    seen, valid = torch.ones(2, 1, dtype=torch.bool), torch.ones(2, 1, 3, dtype=torch.bool)
    shares = []
    for index in range(6):
        loss = module.training_step({
            "image": image.clone(), "seen": seen, "valid": valid, "condition": same, "side": same, "level": same,
            "slice": same, "severity": torch.tensor([2, 0]), "known": seen[:, 0], "study": torch.tensor([5, 6]),
        }, index)
        shown = model.batch["image"]
        share = 1 - shown[0].mean()  # of what was black
        assert shown[1].mean() == pytest.approx(share.item(), abs=1e-6)
        values = shown[0].unique().tolist()
        assert len(values) == 1 if name == "mixup" else set(values) <= {0, 1}
        each = -model.logits.log_softmax(dim=1)
        labels = torch.stack([share * 4 * each[0, 2], (1 - share) * each[0, 0], share * each[1, 0],
                              (1 - share) * 4 * each[1, 2]])
        assert loss.item() == pytest.approx((labels.sum() / 5).item(), abs=1e-5)
        shares.append(share.item())
    assert len(set(shares)) > 2
    assert any(0.1 < share < 0.9 for share in shares)


@pytest.fixture
def wide():
    """Noise for a target of each condition and side, in both views, with room to move."""
    rng, shape = np.random.default_rng(0), (len(PLACES), 2, SLICES + 2 * SPARE, SIZE + 2 * MARGIN, SIZE + 2 * MARGIN)
    image = rng.integers(1, BRIGHT, shape, np.uint8)
    image[:, 0, SPARE + SLICES // 2] = rng.integers(BRIGHT, 256, shape[3:], np.uint8)
    return image


@pytest.fixture
def data(wide, tmp_path):
    """A dataset of these crops, with nothing but the augmentations that are asked for; step: the jitter of each."""
    wide.tofile(tmp_path / "7.npy")
    valid = [[True] * 7 + [False] * 2, [False] * 3 + [True] * 6]
    rows = pd.DataFrame([{
        "study_id": 7, "condition": str(condition), "side": str(side), "level": "l3_l4", "severity": 1,
        "operation": None, "file": "7.npy", "offset": number * wide[0].nbytes, "seen": [True, True], "valid": valid,
        "mm_per_px": [1.0, 1.0], "slice_mm": [4.0, 3.0],
    } for number, (condition, side) in enumerate(PLACES)])

    def make(step=(0.0, 0.0, 0.0), *, mirror_right=True, seen=(True, True), **augment):
        crops = CropSettings(size_px=SIZE, size_mm=None, slices=SLICES, views="both", intensity="minmax",
                             mirror_right=mirror_right)
        stored = crops.model_copy(update={"size_px": wide.shape[-1], "slices": wide.shape[2]})
        return CropDataset(CropStore(tmp_path, rows, stored), rows.assign(seen=[list(seen)] * len(rows)), crops,
                           augment=OFF.model_copy(update={"location_jitter": 1.0} | augment),
                           errors={condition: np.array([step]) for condition in Condition}, seed=1)

    return make


def whole(dataset, epoch=0):
    return dataset[[Shown(epoch, number) for number in range(len(PLACES))]]


def part(wide, x, y, slices):
    """A crop so many pixels and slices from the middle of a wide one."""
    return wide[SPARE + slices:, MARGIN + y:, MARGIN + x:][:SLICES, :SIZE, :SIZE]


def points_at_the_bright_slice(batch):
    return all((own.amax(dim=(1, 2)) >= BRIGHT).nonzero().tolist() == [[at]]
               for own, at in zip(batch["image"][:, 0], batch["slice"].tolist(), strict=True))


def test_both_views_are_moved_by_one_step_in_the_patient(data, wide):
    """Pixels of 1 mm; slices of the own view 4 mm apart, of the one across it 3 mm."""
    batch = whole(data((2.0, 3.0, 1.0)))
    for number, (condition, _) in enumerate(PLACES):
        across = (3, -4, 1) if condition is SUBARTICULAR else (4, 2, -1)
        for view, (x, y, slices) in enumerate([(2, 3, 1), across]):
            assert np.array_equal(batch["image"][number, view], part(wide[number, view], x, y, slices)), condition
    assert batch["slice"].tolist() == [1] * 5
    assert points_at_the_bright_slice(batch)


@pytest.mark.parametrize("mirror_right", [True, False])
def test_a_mirrored_study_is_turned_in_both_views_and_changes_sides(data, mirror_right):
    """Where right targets are shown as left ones, the canal's images alone change."""
    plain, mirrored = (whole(data((0.0, 0.0, 1.0), mirror_right=mirror_right, mirror=share)) for share in (0.0, 1.0))
    for number, (condition, side) in enumerate(PLACES):
        turned = side is Side.MIDLINE or not mirror_right
        for view in range(2):
            axial = (condition is SUBARTICULAR) == (view == 0)
            image, valid = plain["image"][number, view], plain["valid"][number, view]
            if turned:
                image, valid = (image.flip(2), valid) if axial else (image.flip(0), valid.flip(0))
            assert torch.equal(mirrored["image"][number, view], image), (condition, side, view)
            assert torch.equal(mirrored["valid"][number, view], valid), (condition, side, view)
        assert not plain["valid"][number].all()
    sides = [Side.MIDLINE, Side.RIGHT, Side.LEFT, Side.RIGHT, Side.LEFT]
    assert [SIDES[side] for side in mirrored["side"]] == sides
    assert plain["slice"].tolist() == ([1] * 5 if mirror_right else [1, 1, 3, 1, 1])
    assert mirrored["slice"].tolist() == ([3, 1, 1, 1, 1] if mirror_right else [3, 3, 1, 1, 1])
    assert points_at_the_bright_slice(plain)
    assert points_at_the_bright_slice(mirrored)


def test_a_share_of_the_studies_is_mirrored(data):
    sides = [SIDES[whole(data(mirror=0.4), epoch)["side"][1]] for epoch in range(60)]
    assert 12 <= sides.count(Side.RIGHT) <= 36


def test_a_hidden_view_is_black_and_not_seen(data):
    hidden = set()
    for epoch in range(4):
        plain, batch = whole(data(), epoch), whole(data(view_dropout=1.0), epoch)
        assert plain["seen"].all()
        assert (batch["seen"].sum(dim=1) == 1).all()
        for name in ("image", "valid"):
            assert not batch[name][~batch["seen"]].any()
            assert torch.equal(batch[name][batch["seen"]], plain[name][batch["seen"]])
        hidden |= set(batch["seen"].int().argmin(dim=1).tolist())
    assert hidden == {0, 1}


def test_the_only_view_is_never_hidden(data):
    assert (whole(data(view_dropout=1.0, seen=(True, False)))["seen"] == torch.tensor([True, False])).all()
