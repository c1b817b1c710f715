"""Losses of the classifier: the metric's weighted cross-entropy and its any-severe term, the paper's focal loss.

Where several processes share a batch, each gives the whole batch's loss as far as its own samples go, times the number
of processes: divided by sums over the whole batch, so that the mean over the processes, of losses and of gradients, is
exactly what one process would have.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F

from lsdc.grade.replicas import place, summed
from lsdc.taxonomy import SEVERITY_WEIGHTS, Condition, Severity

EPSILON = 1e-7  # the paper's clip of probabilities
SHARPNESS = 20.0  # of the soft maximum over a study's levels
UNWEIGHTED = (1,) * len(SEVERITY_WEIGHTS)


class Weighed(NamedTuple):
    """Losses and their weights, of samples (B,) or summed by condition (conditions,)."""

    loss: torch.Tensor
    weight: torch.Tensor


def weighted_cross_entropy(
    logits: torch.Tensor,
    severity: torch.Tensor,
    known: torch.Tensor,
    condition: torch.Tensor,
    *,
    weights: Sequence[int] = SEVERITY_WEIGHTS,
    share: torch.Tensor | float = 1.0,
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    """The metric as a loss: weights 1/2/4, normalised by their sum in each condition, mean over conditions present.

    logits (B, 3); severity (B,) 0..2, read only where known (B,) is True; condition (B,) indices; share (B,) how much
    a label counts. Probabilities that minimise it are proportional to weight times probability, so they are the
    metric's own; with weights UNWEIGHTED they are plain ones. Zero without any label.
    """
    each = cross_entropy_of_each(logits, severity, known, weights=weights, label_smoothing=label_smoothing)
    return mean_over_conditions(sums_by_condition(each._replace(weight=each.weight * share), condition))


def any_severe_loss(
    logits: torch.Tensor, severity: torch.Tensor, known: torch.Tensor, condition: torch.Tensor, study: torch.Tensor
) -> torch.Tensor:
    """The metric's fourth term: by study, is any canal severe, told by the largest P(severe) of its levels.

    logits (B, 3) whose softmax carries the metric's weights; study (B,). The maximum is a soft one, so that every level
    learns; a study's weight is the largest of its rows'. Zero without a labelled canal.
    """
    rows = known & (condition == list(Condition).index(Condition.CANAL))
    _, group = torch.unique(study[rows], return_inverse=True)
    count = int(group.max()) + 1 if len(group) else 0
    severe = logits[rows].softmax(dim=1)[:, Severity.SEVERE]
    loud = (SHARPNESS * severe).exp()
    total = severe.new_zeros((2, count)).index_add(1, group, torch.stack([loud * severe, loud]))
    highest = (total[0] / total[1]).clamp(EPSILON, 1 - EPSILON)
    worst = severity.new_zeros(count).scatter_reduce(0, group, severity[rows], "amax")
    weight = logits.new_tensor(SEVERITY_WEIGHTS)[worst]
    with torch.autocast(highest.device.type, enabled=False):  # which refuses this loss on a GPU
        each = F.binary_cross_entropy(highest.float(), (worst == Severity.SEVERE).float(), reduction="none")
    whole = summed(weight.sum())
    return place()[1] * (weight * each).sum() / whole.clamp_min(1)


def slice_loss(scores: torch.Tensor, annotated: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """How far the slice attention (B, S) is from pointing at the annotated slice (B,), where known (B,): cross-entropy.

    Rows whose own view is not seen (all scores -inf), or does not show the annotated slice (-1), do not count.
    """
    rows = known & torch.isfinite(scores).any(dim=1) & (annotated >= 0)
    total = F.cross_entropy(scores[rows], annotated[rows], reduction="sum")
    return place()[1] * total / summed(rows.sum()).clamp_min(1)


def focal_loss(
    logits: torch.Tensor, severity: torch.Tensor, known: torch.Tensor, condition: torch.Tensor, *, gamma: float,
    class_weights: torch.Tensor, share: torch.Tensor | float = 1.0,
) -> torch.Tensor:
    """`focal_loss_of_each`, its mean in each condition, then over them; share (B,) how much a label counts."""
    each = focal_loss_of_each(logits, severity, known, condition, gamma=gamma, class_weights=class_weights)
    return mean_over_conditions(sums_by_condition(each._replace(weight=each.weight * share), condition))


def focal_class_weights(counts: torch.Tensor, weighting: Literal["as_run", "as_intended"]) -> torch.Tensor:
    """w a of each class from label counts (..., 3) after balancing.

    With f the class frequencies, a = (1 - f) / sum(1 - f); w = N / (3 n) as intended, [1, 2, 3] as the paper's code
    ran by a slip. A class without a label has no weight.
    """
    counts = counts.to(torch.float64)
    total = counts.sum(dim=-1, keepdim=True)
    rarity = 1 - counts / total
    alpha = rarity / rarity.sum(dim=-1, keepdim=True)
    if weighting == "as_run":
        weights = torch.arange(1, counts.shape[-1] + 1).to(counts).expand_as(counts)
    else:
        weights = total / (counts.shape[-1] * counts.clamp_min(1))
    return torch.where(counts > 0, weights * alpha, 0.0)


def cross_entropy_of_each(
    logits: torch.Tensor, severity: torch.Tensor, known: torch.Tensor, *, weights: Sequence[int] = SEVERITY_WEIGHTS,
    label_smoothing: float = 0.0,
) -> Weighed:
    """What `weighted_cross_entropy` takes the mean of, of samples (B,)."""
    label = severity * known
    return Weighed(F.cross_entropy(logits, label, reduction="none", label_smoothing=label_smoothing),
                   logits.new_tensor(weights)[label] * known)


def focal_loss_of_each(
    logits: torch.Tensor, severity: torch.Tensor, known: torch.Tensor, condition: torch.Tensor, *, gamma: float,
    class_weights: torch.Tensor,
) -> Weighed:
    """The paper's focal loss of samples (B,): -(w a)[y] (1 - p[y])^gamma log p[y], p clipped, all weights alike.

    class_weights: (conditions, 3), the products w a of `focal_class_weights`; they stand where the metric's weights
    would. Its minimiser is neither probability nor weight times probability.
    """
    label = severity * known
    p = logits.softmax(dim=1).clamp(EPSILON, 1 - EPSILON).gather(1, label[:, None]).squeeze(1)
    return Weighed(-class_weights.to(p)[condition, label] * (1 - p) ** gamma * p.log(), known.to(p))


def sums_by_condition(each: Weighed, condition: torch.Tensor) -> Weighed:
    """Sums (conditions,): of weight times loss over this process's samples, of the weights over those of all."""
    weight = each.weight.to(each.loss)
    loss = weight.new_zeros(len(Condition)).index_add(0, condition, weight * each.loss)
    return Weighed(loss, summed(weight.new_zeros(len(Condition)).index_add(0, condition, weight)))


def mean_over_conditions(sums: Weighed) -> torch.Tensor:
    """The mean over the conditions that have a weight of their weighted means; as far as this process's samples go."""
    present = sums.weight > 0
    terms = torch.where(present, sums.loss / torch.where(present, sums.weight, 1.0), 0.0)
    return place()[1] * terms.sum() / present.sum().clamp_min(1)
