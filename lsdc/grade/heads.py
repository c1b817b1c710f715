"""From features to three logits: free ones, or a single degree of narrowing read against thresholds."""

import torch
import torch.nn.functional as F
from torch import nn

from lsdc.taxonomy import SEVERITY_COLUMNS, SEVERITY_WEIGHTS, Level

LEVELS = tuple(Level)
CLASSES = len(SEVERITY_COLUMNS)
SMALLEST_GAP = 1e-3


class SoftmaxHead(nn.Module):
    """Features (B, F), level (B,) -> logits (B, 3), with a learned bias for each level if asked for.

    Whether the answers carry the metric's weights (`weighted`) is the loss's matter here.
    """

    def __init__(self, features: int, *, by_level: bool, weighted: bool = True):
        super().__init__()
        self.linear = nn.Linear(features, CLASSES)
        self.level_bias = nn.Parameter(torch.zeros(len(LEVELS), CLASSES)) if by_level else None

    def forward(self, features: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        logits = self.linear(features).float()
        return logits if self.level_bias is None else logits + self.level_bias[level]

    @torch.no_grad()
    def start_from(self, rates: torch.Tensor, pooled: torch.Tensor) -> None:
        """Answer with rates (levels, 3), or pooled (3,) where levels are not told apart, whatever the image."""
        self.linear.weight.zero_()
        self.linear.bias.zero_()
        if self.level_bias is None:
            self.linear.bias.copy_(pooled.log())
        else:
            self.level_bias.copy_(rates.log())


class OrdinalHead(nn.Module):
    """Features (B, F), level (B,) -> logits (B, 3) of a cumulative model, as graders read a degree of narrowing.

    P(at least moderate) = sigmoid(s - t1), P(severe) = sigmoid(s - t2) with one number s for each image and thresholds
    t1 < t2 for each level, or for all. The logits are log(w P) if weighted, so that their softmax carries the metric's
    weights, else log P. Source: McCullagh (1980), Regression models for ordinal data.
    """

    def __init__(self, features: int, *, by_level: bool, weighted: bool = True):
        super().__init__()
        self.linear = nn.Linear(features, 1, bias=False)
        rows = len(LEVELS) if by_level else 1
        self.level_threshold = nn.Parameter(torch.zeros(rows))  # t1
        self.level_gap = nn.Parameter(torch.zeros(rows))  # t2 - t1 = softplus of it
        weights = torch.tensor(SEVERITY_WEIGHTS if weighted else [1] * CLASSES, dtype=torch.float32)
        self.register_buffer("log_weights", weights.log(), persistent=False)

    def forward(self, features: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        row = level if len(self.level_threshold) > 1 else torch.zeros_like(level)
        gap = F.softplus(self.level_gap[row]) + SMALLEST_GAP
        first = self.linear(features).float().squeeze(1) - self.level_threshold[row]  # logit of at least moderate
        second = first - gap  # logit of severe
        middle = F.logsigmoid(first) + F.logsigmoid(-second) + torch.log(-torch.expm1(-gap))
        return torch.stack([F.logsigmoid(-first), middle, F.logsigmoid(second)], dim=1) + self.log_weights

    @torch.no_grad()
    def start_from(self, rates: torch.Tensor, pooled: torch.Tensor) -> None:
        """Answer with rates (levels, 3), or pooled (3,) where levels are not told apart; weighted ones if it is."""
        rates = rates if len(self.level_threshold) > 1 else pooled[None]
        plain = rates / self.log_weights.exp().to(rates)
        plain = plain / plain.sum(dim=1, keepdim=True)
        first, second = torch.logit(plain[:, 1] + plain[:, 2]), torch.logit(plain[:, 2])
        self.linear.weight.zero_()
        self.level_threshold.copy_(-first)
        self.level_gap.copy_(torch.log(torch.expm1((first - second - SMALLEST_GAP).clamp_min(SMALLEST_GAP))))
