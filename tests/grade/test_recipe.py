"""What the settings of a training do to its steps and losses, against the same worked out by hand."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch import Callback
from torch import nn

from lsdc.grade import train_classifier
from lsdc.grade.artefact import load_classifier
from lsdc.grade.batches import Shown
from lsdc.grade.dataset import CropDataset, in_unit
from lsdc.grade.model import Answers
from lsdc.grade.module import GradingModule
from lsdc.grade.train import graded_crops
from tests.grade.test_augment import OFF

STEADY = ("training.warmup_epochs=0", "training.schedule=constant", "training.ema_decay=0")
WEIGHTS = torch.tensor([1.0, 2.0, 4.0])


def parameters(module: GradingModule) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in module.model.named_parameters()}


class Watch(Callback):
    """Keeps what a training has at its start, and of each step the rates, the gradients and the weights after it."""

    def __init__(self):
        self.rates, self.gradients, self.weights = [], [], []

    def on_train_start(self, trainer, module):
        self.start, self.last = parameters(module), module.model
        self.samples, self.class_weights = trainer.train_dataloader.dataset.samples, module.class_weights

    def on_train_batch_start(self, trainer, module, batch, index):
        self.rates.append([group["lr"] for group in trainer.optimizers[0].param_groups])

    def on_before_optimizer_step(self, trainer, module, optimizer):
        self.gradients.append({name: value.grad.clone() for name, value in module.model.named_parameters()
                               if value.grad is not None})

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        self.weights.append(parameters(module))


@pytest.fixture
def train(folder, settings, errors, tmp_path, monkeypatch, watched_by):
    """19 samples to learn from, 10 for tuning, all of the canal; the watch of the training, and what it left."""
    monkeypatch.setenv("LSDC_CACHE", str(tmp_path / "cache"))
    watch = watched_by(Watch())

    def run(*overrides, data=folder, tuning=()):
        train_classifier(data, fit_studies=(1001, 1002, 1003, 1004), tuning_studies=tuning, location_errors=errors,
                         settings=settings(*overrides), fold=2, seed=9, out=tmp_path / "out")
        return watch, tmp_path / "out"

    return run


@pytest.mark.parametrize(("schedule", "after"), [
    ("constant", [1.0] * 6), ("cosine", [0.5 * (1 + math.cos(math.pi * k / 6)) for k in range(6)])])
def test_the_learning_rate_warms_up_and_follows_its_schedule_step_by_step(train, schedule, after):
    """Two steps an epoch. The levels' own learn ten times as fast."""
    watch, _ = train("training.learning_rate=0.01", "training.warmup_epochs=2", "training.epochs=5",
                     f"training.schedule={schedule}")
    expected = 0.01 * np.array([0.2, 0.4, 0.6, 0.8, *after])
    assert np.array(watch.rates) == pytest.approx(np.stack([expected, expected, 10 * expected], axis=1), abs=1e-9)


@pytest.mark.parametrize(("momentum", "decay", "clip"), [
    (0.0, 0.0, 0), (0.8, 0.0, 0), (0.0, 0.3, 0), (0.0, 0.0, 0.05), (0.8, 0.3, 0.05)])
def test_a_step_of_sgd_is_the_one_by_hand(train, momentum, decay, clip):
    """Weight decay is for matrices and kernels, not for biases, norms and the levels' own; the norm is of them all."""
    watch, _ = train(*STEADY, "training.optimizer=SGD", "training.learning_rate=0.01", "classifier.head=softmax",
                     f"training.momentum={momentum}", f"training.weight_decay={decay}",
                     f"training.gradient_clip={clip}", "training.epochs=2")
    by_hand, speed = watch.start, {}
    assert len(watch.gradients) == len(watch.weights) == 4
    for gradients, weights in zip(watch.gradients, watch.weights, strict=True):
        norm = torch.cat([one.flatten() for one in gradients.values()]).norm().item()
        assert norm > 0.1
        for name, gradient in gradients.items():
            level = ".level_" in name
            way = gradient * (clip / norm if clip else 1)
            if by_hand[name].ndim > 1 and not level:
                way = way + decay * by_hand[name]
            speed[name] = momentum * speed[name] + way if name in speed else way
            by_hand = by_hand | {name: by_hand[name] - (0.1 if level else 0.01) * speed[name]}
        for name, value in weights.items():
            assert torch.allclose(value, by_hand[name], rtol=1e-4, atol=1e-6), name
    assert {1, 2, 4} <= {value.ndim for value in gradients.values()}


def test_adamw_decays_matrices_and_kernels_alone(settings):
    """Where there is no gradient, decay is all that a step does."""
    model = nn.ModuleDict({"kernel": nn.Conv2d(1, 2, 3), "norm": nn.BatchNorm2d(2), "head": nn.Linear(2, 3)})
    model["head"].level_bias = nn.Parameter(torch.ones(5, 3))
    module = GradingModule(model, settings(*STEADY, "training.weight_decay=0.3", "training.learning_rate=0.1"),
                           steps=1, seed=0)
    before = parameters(module)
    for value in model.parameters():
        value.grad = torch.zeros_like(value)
    configured = module.configure_optimizers()
    configured["optimizer"].step()
    for name, value in parameters(module).items():
        left = 1 - 0.1 * 0.3 if name in ("kernel.weight", "head.weight") else 1
        assert torch.allclose(value, left * before[name]), name


def test_the_weights_kept_are_the_moving_average(train):
    watch, out = train("training.ema_decay=0.7", "training.learning_rate=0.05", "training.epochs=2")
    average = watch.weights[0]
    for weights in watch.weights[1:]:
        average = {name: 0.7 * value + 0.3 * weights[name] for name, value in average.items()}
    kept = dict(load_classifier(out).model.named_parameters())
    assert kept.keys() == average.keys()
    for name, value in average.items():
        assert torch.allclose(kept[name], value, atol=1e-6), name
    assert max((value - watch.weights[-1][name]).abs().max() for name, value in average.items()) > 0.01


def grade_loss(logits, severity, weights=WEIGHTS, smoothing=0.0):
    """Weighted cross-entropy of one condition, normalised by the weights."""
    log = logits.log_softmax(dim=1)
    each = -(1 - smoothing) * log[range(len(severity)), severity] - smoothing * log.mean(dim=1)
    return (weights[severity] * each).sum() / weights[severity].sum()


def test_the_tuning_loss_is_the_averaged_networks(train, folder, settings):
    """Without label smoothing, which is for training."""
    watch, out = train("training.ema_decay=0.7", "training.learning_rate=0.05", "training.epochs=2",
                       "training.label_smoothing=0.3", tuning=(1005, 1006))
    store = graded_crops(folder, [1005, 1006], settings())
    data = CropDataset(store, store.rows.assign(operation=None), settings().crops)
    batch = in_unit(data[[Shown(0, number) for number in range(10)]])
    with torch.inference_mode():
        kept, last = (grade_loss(model.cpu().eval()(batch).logits, batch["severity"]).item()
                      for model in (load_classifier(out).model, watch.last))
    told = pd.read_csv(out / "history.csv")["tuning_loss"].iloc[-1]
    assert told == pytest.approx(kept, abs=1e-5)
    assert abs(last - kept) > 1e-3


class Fixed(nn.Module):
    """Gives these answers whatever it sees, and keeps what that was."""

    sequence = None

    def __init__(self, logits: torch.Tensor, scores: torch.Tensor | None = None):
        super().__init__()
        self.logits, self.scores = nn.Parameter(logits), scores

    def forward(self, batch):
        self.batch = batch
        return Answers(self.logits, self.scores)


SEVERITY = torch.tensor([2, 0, 1, 1, 2, 0, 2, 0])
CONDITION = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2])
KNOWN = torch.tensor([True] * 7 + [False])
SLICE = torch.tensor([1, 0, 2, 1, 1, 0, 2, 1])
STUDY = torch.tensor([5, 6, 7, 5, 6, 7, 5, 6])  # one canal level each


def any_severe_by_hand(logits):
    severe = logits[:3].softmax(dim=1)[:, 2]
    each = torch.stack([severe[0].log(), (1 - severe[1]).log(), (1 - severe[2]).log()])
    return -(torch.tensor([4.0, 1.0, 2.0]) * each).sum() / 7


@pytest.mark.filterwarnings("ignore:You are trying to `self.log")
@pytest.mark.parametrize("metric_weights", ["in_loss", "at_inference"])
@pytest.mark.parametrize(("any_severe", "slices"), [(0.0, 0.0), (0.4, 0.0), (0.0, 0.3), (0.4, 0.3)])
def test_the_loss_is_the_sum_of_its_parts(settings, any_severe, slices, metric_weights):
    """The metric's weights count once: in the loss, or in the answers that its any-severe term sees."""
    generator = torch.Generator().manual_seed(0)
    model = Fixed(torch.randn(8, 3, generator=generator), torch.randn(8, 3, generator=generator))
    chosen = settings(*STEADY, "classifier.slices=attention", f"training.any_severe={any_severe}",
                      f"training.slice_loss={slices}", f"classifier.metric_weights={metric_weights}",
                      "training.label_smoothing=0.1")
    module = GradingModule(model, chosen.model_copy(update={"augment": OFF}), steps=1, seed=0)
    loss = module.training_step({
        "image": torch.zeros(8, 1, 3, 8, 8, dtype=torch.uint8), "seen": torch.ones(8, 1, dtype=torch.bool),
        "valid": torch.ones(8, 1, 3, dtype=torch.bool), "condition": CONDITION, "side": torch.zeros_like(CONDITION),
        "level": torch.zeros_like(CONDITION), "severity": SEVERITY, "known": KNOWN, "study": STUDY, "slice": SLICE,
    }, 0)
    logits = model.logits
    weighted = metric_weights == "in_loss"
    terms = [grade_loss(logits[rows], SEVERITY[rows], WEIGHTS if weighted else torch.ones(3), 0.1)
             for rows in (slice(0, 3), slice(3, 6), slice(6, 7))]
    expected = (sum(terms) / 3 + any_severe * any_severe_by_hand(logits if weighted else logits + WEIGHTS.log())
                + slices * F.cross_entropy(model.scores[:7], SLICE[:7]))
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    gradients = [torch.autograd.grad(one, logits)[0] for one in (loss, expected)]
    assert torch.allclose(*gradients, atol=1e-5)


def test_the_balance_adds_rare_severities_to_what_an_epoch_shows(train, folder):
    """17 mild canals, one moderate, one severe: the rarest up to a third of them, the next up to half."""
    grades = folder.grades
    canal = (grades["condition"] == "canal") & grades["severity"].notna()
    rare = grades["severity"].mask(canal, "normal_mild")
    for study, severity in ((1002, "moderate"), (1003, "severe")):
        rare = rare.mask(canal & (grades["study_id"] == study) & (grades["level"] == "l3_l4"), severity)
    focal = ("training.loss=focal", "training.focal_gamma=2", "training.epochs=1", "training.batch_size=10")
    watch, _ = train(*focal, "training.balance=true", data=replace(folder, grades=grades.assign(severity=rare)))
    shown = watch.samples
    assert np.bincount([row["severity"] for row in shown]).tolist() == [17, 5, 8]
    assert [isinstance(row["operation"], str) for row in shown] == [False] * 19 + [True] * 11
    assert len(watch.weights) == 3
    rarity, rate = np.array([13, 25, 22]) / 60, np.array([17, 5, 8]) / 30
    assert watch.class_weights[0].tolist() == pytest.approx((rarity / (3 * rate)).tolist(), rel=1e-5)
