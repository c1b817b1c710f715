"""DeepScoreNet: the small residual network of the paper, to the parameter.

Source: "Lumbar Spine Degenerative Classification Using YOLO v8 and DeepScoreNet" (medRxiv 2024.12.06.24318595) and its
public code, whose summaries call it VGG-19. 2,787,651 parameters with the BatchNorm statistics.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

CLASSES = 3


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    """ReLU, 3x3 convolution with bias, BatchNorm as Keras has it by default with eps 1e-3, momentum .99."""
    return nn.Sequential(nn.ReLU(), nn.Conv2d(inputs, outputs, 3, padding=1), _norm(outputs))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class SamePool(nn.Module):
    """Max-pooling 3x3 of stride 2 that pads bottom and right only, with minus infinity ("same" on an even size)."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        padded = F.pad(image, (0, 1, 0, 1), value=float("-inf"))
        return F.max_pool2d(padded, 3, stride=2)


class ResidualBlock(nn.Module):
    """Convolutions and a pool, plus a 1x1 stride 2 shortcut; nothing after the addition."""

    def __init__(self, inputs: int, outputs: int, depth: int):
        super().__init__()
        widths = [inputs] + [outputs] * depth
        self.body = nn.Sequential(*(_convolution(a, b) for a, b in pairwise(widths)), SamePool())
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.body(image) + self.shortcut(image)


class DeepScoreTrunk(nn.Module):
    """(B, 3, H, W) in 0..255, H and W multiples of 8 (the paper's: 32), to (B, 128) features."""

    num_features, multiple_of = 128, 8

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), _norm(32), nn.ReLU())
        self.blocks = nn.Sequential(ResidualBlock(32, 64, 2), ResidualBlock(64, 128, 4), ResidualBlock(128, 256, 4))
        self.dense = nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU())

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.dense(self.blocks(self.stem(image)).mean(dim=(2, 3)))


class DeepScoreNet(nn.Module):
    """(B, 3, 32, 32) in 0..255 to (B, 3) logits."""

    def __init__(self):
        super().__init__()
        self.trunk = DeepScoreTrunk()
        self.head = nn.Linear(self.trunk.num_features, CLASSES)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.trunk(image))
