"""Mixup and cutmix: a batch whose samples are blended with others', labels in the same shares.

Sources: Zhang et al. (2018), mixup; Yun et al. (2019), CutMix.
"""

import numpy as np
import torch

from lsdc.config.sections import AugmentSettings

ALPHA = 0.4  # of the Beta distribution that mixup's shares come from


def mixed(
    batch: dict[str, torch.Tensor], settings: AugmentSettings, rng: np.random.Generator, *, whole: bool
) -> dict[str, torch.Tensor]:
    """The batch as it is, or blended: `share` (B,) of the sample's own label, the rest for `other_severity` (B,).

    Partners are of one condition and show the same views; with `whole`, where a study's targets see each other, they
    are the same target of another study. A sample without a partner, or with an unknown one, stays as it is.
    """
    chosen = rng.random()
    if chosen >= settings.mixup + settings.cutmix:
        return batch
    partner = _partners(batch, rng, whole=whole)
    image, other = batch["image"], batch["image"][partner]
    alone = (partner == torch.arange(len(partner), device=partner.device)) | ~(batch["known"] & batch["known"][partner])
    if chosen < settings.mixup:
        share = float(rng.beta(ALPHA, ALPHA))
        kept = torch.where(alone, 1.0, share).to(image)
        image = other.lerp(image, kept[:, None, None, None, None])
    else:
        box, share = _box(image.shape[-2:], rng)
        cut = image.clone()
        cut[..., box[0], box[1]] = other[..., box[0], box[1]]
        image = torch.where(alone[:, None, None, None, None], image, cut)
        kept = torch.where(alone, 1.0, share).to(image)
    return batch | {"image": image, "share": kept, "other_severity": batch["severity"][partner]}


def _partners(batch: dict[str, torch.Tensor], rng: np.random.Generator, *, whole: bool) -> torch.Tensor:
    """(B,) number of each sample's partner: the next of its kind, round a random number of steps."""
    seen = (batch["seen"] * 2 ** torch.arange(batch["seen"].shape[1], device=batch["seen"].device)).sum(dim=1)
    kinds = [batch["condition"], seen, *((batch["side"], batch["level"]) if whole else ())]
    kind = torch.stack(kinds, dim=1).cpu().numpy()
    _, group = np.unique(kind, axis=0, return_inverse=True)
    partner, steps = np.arange(len(kind)), int(rng.integers(1, 1 << 16))
    for one in range(group.max() + 1):
        members = np.flatnonzero(group == one)
        if len(members) > 1:
            partner[members] = np.roll(members, 1 + steps % (len(members) - 1))
    return torch.from_numpy(partner).to(batch["seen"].device)


def _box(size_hw: tuple[int, int], rng: np.random.Generator) -> tuple[tuple[slice, slice], float]:
    """Rows and columns of a box of uniform area, and the share of the image outside of it."""
    side = np.sqrt(1 - rng.random())
    spans = []
    for size in size_hw:
        length = round(size * side)
        first = int(rng.integers(size - length + 1))
        spans.append(slice(first, first + length))
    inside = np.prod([span.stop - span.start for span in spans]) / np.prod(size_hw)
    return tuple(spans), 1 - float(inside)
