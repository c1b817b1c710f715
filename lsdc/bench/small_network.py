"""A small network that answers all 25 targets of a study from images, and its short training in plain torch."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lsdc.config import Settings
from lsdc.device import choose_device
from lsdc.evaluate.graded import CONDITION_OF_TARGET
from lsdc.grade.losses import weighted_cross_entropy
from lsdc.grade.model import TimmInput
from lsdc.grade.timm_network import timm_trunk
from lsdc.progress import track
from lsdc.seeding import generator, seed_for
from lsdc.taxonomy import SEVERITY_COLUMNS, TARGETS

ROUNDS = 20  # of a training: after each the tuning studies are looked at
CLASSES = len(SEVERITY_COLUMNS)


@dataclass(frozen=True, eq=False)
class Images:
    """Images (N, C, H, W) uint8, the study (N,) that each belongs to (0, 1, ...), and which of the 25 targets it
    answers (N, 25) bool. located: an image shows the place of the one target that it answers.
    """

    image: np.ndarray
    study: np.ndarray
    answers: np.ndarray
    located: bool

    def of(self, studies: np.ndarray) -> "Images":
        """Those of some studies, which keep their numbers."""
        kept = np.isin(self.study, studies)
        return Images(self.image[kept], self.study[kept], self.answers[kept], self.located)


class SmallNetwork(nn.Module):
    """Images (B, C, H, W) in 0..1 -> logits (B, 25, 3). Before training it answers with priors (25, 3).

    located: what is read off the image is the same at each level and side of a condition, as these are known;
    otherwise each target reads its own.
    """

    def __init__(self, name: str, channels: int, priors: np.ndarray, *, located: bool):
        super().__init__()
        self.prepare = TimmInput()
        self.trunk = timm_trunk(name, in_chans=channels, weights=None)
        self.reading = CONDITION_OF_TARGET.tolist() if located else list(range(len(TARGETS)))
        self.read = nn.Linear(self.trunk.num_features, (max(self.reading) + 1) * CLASSES)
        self.bias = nn.Parameter(torch.from_numpy(np.log(priors)).float())
        nn.init.zeros_(self.read.weight)
        nn.init.zeros_(self.read.bias)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        read = self.read(self.trunk(self.prepare(image)))
        return read.view(len(image), -1, CLASSES)[:, self.reading] + self.bias


def train_small(
    images: Images, severity: np.ndarray, tuning: np.ndarray, priors: np.ndarray, settings: Settings, *, steps: int
) -> SmallNetwork:
    """Train for `steps` batches; the averaged weights of the round that was best on the tuning studies, on the CPU.

    severity: (studies, 25) 0 to 2, -1 without a label. tuning: numbers of the studies of `images` that only choose the
    round, the untrained network being one to choose. Global random state is left as it was.
    """
    device, seed = choose_device(settings.compute), seed_for(settings.seed, "evidence")
    held, fitted = images.of(tuning), images.of(np.setdiff1d(images.study, tuning))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = SmallNetwork(settings.classifier.network, images.image.shape[1], priors, located=images.located)
        network = network.to(device, memory_format=torch.channels_last)
        averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(settings.training.ema_decay),
                                 use_buffers=True)
        optimizer = torch.optim.AdamW(network.parameters(), lr=settings.training.learning_rate,
                                      weight_decay=settings.training.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.training.learning_rate, total_steps=steps)
        best_loss, best = _tuning_loss(averaged.module, held, severity, priors), copy.deepcopy(averaged.module)
        ends = set(np.linspace(0, steps, ROUNDS + 1).round().astype(int).tolist()[1:])
        for done, chosen in enumerate(track(_batches(len(fitted.image), settings, steps, seed), "training", steps), 1):
            loss = _loss(network.train(), fitted, chosen, severity, settings)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), settings.training.gradient_clip or float("inf"))
            optimizer.step()
            schedule.step()
            averaged.update_parameters(network)
            if done in ends and (now := _tuning_loss(averaged.module, held, severity, priors)) < best_loss:
                best_loss, best = now, copy.deepcopy(averaged.module)
    return best.cpu().eval()


def answer(network: SmallNetwork, images: Images, priors: np.ndarray, *, batch: int = 128) -> dict[int, np.ndarray]:
    """Probabilities (25, 3) by study: the mean of its images' answers; the priors where no image answers."""
    device = next(network.parameters()).device
    studies = np.unique(images.study)
    total = np.zeros((len(studies), len(TARGETS), CLASSES))
    count = np.zeros((len(studies), len(TARGETS)))
    network.eval()
    for first in range(0, len(images.image), batch):
        part = slice(first, first + batch)
        with torch.inference_mode():
            values = network(_tensor(images.image[part], device)).double().softmax(dim=2).cpu().numpy()
        row = np.searchsorted(studies, images.study[part])
        np.add.at(total, row, values * images.answers[part][..., None])
        np.add.at(count, row, images.answers[part])
    mean = np.where(count[..., None] > 0, total / np.maximum(count, 1)[..., None], priors)
    mean /= mean.sum(axis=2, keepdims=True)
    return dict(zip(studies.tolist(), mean, strict=True))


def _batches(count: int, settings: Settings, steps: int, seed: int) -> Iterator[np.ndarray]:
    """Indices of images, every image once before one comes again."""
    size, order = min(settings.training.batch_size, count), np.empty(0, int)
    random = generator(seed, "order")
    for _ in range(steps):
        if len(order) < size:
            order = np.concatenate([order, random.permutation(count)])
        yield order[:size]
        order = order[size:]


def _loss(network: nn.Module, images: Images, chosen: np.ndarray, severity: np.ndarray, settings: Settings
          ) -> torch.Tensor:
    device = next(network.parameters()).device
    known = images.answers[chosen] & (severity[images.study[chosen]] >= 0)  # (B, 25)
    logits = network(_augmented(_tensor(images.image[chosen], device), settings))
    known = torch.from_numpy(known).to(device)
    grades = torch.from_numpy(severity[images.study[chosen]]).to(device)
    return _cross_entropy(logits, grades, known)


def _tuning_loss(network: nn.Module, images: Images, severity: np.ndarray, priors: np.ndarray) -> float:
    answers = answer(network, images, priors)
    grades = torch.from_numpy(severity[list(answers)])
    return float(_cross_entropy(torch.from_numpy(np.log(np.stack(list(answers.values())))), grades, grades >= 0))


def _cross_entropy(logits: torch.Tensor, grades: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """The metric as a loss over (B, 25) grades where known."""
    condition = torch.from_numpy(CONDITION_OF_TARGET).to(logits.device).expand(len(logits), -1)
    return weighted_cross_entropy(logits[known], grades[known], known[known], condition[known])


def _tensor(image: np.ndarray, device: torch.device) -> torch.Tensor:
    return (torch.from_numpy(image).to(device).float() / 255).contiguous(memory_format=torch.channels_last)


def _augmented(image: torch.Tensor, settings: Settings) -> torch.Tensor:
    """Each image turned, zoomed, brightened by itself, as far as the settings say; sides stay sides."""
    augment, count = settings.augment, len(image)
    drawn = torch.rand(4, count, device=image.device) * 2 - 1
    angle, zoom = drawn[0] * np.deg2rad(augment.rotate_degrees), 1 + drawn[1] * augment.scale
    cos, sin, none = angle.cos() * zoom, angle.sin() * zoom, torch.zeros_like(angle)
    turn = torch.stack([torch.stack([cos, -sin, none], 1), torch.stack([sin, cos, none], 1)], 1)  # (B, 2, 3)
    grid = F.affine_grid(turn, list(image.shape), align_corners=False)
    image = F.grid_sample(image, grid, padding_mode="border", align_corners=False)
    contrast, brightness = 1 + drawn[2] * augment.contrast, drawn[3] * augment.brightness
    return image * contrast.view(-1, 1, 1, 1) + brightness.view(-1, 1, 1, 1)
