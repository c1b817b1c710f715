"""From what a trunk saw to one feature of a target: over slices, over views, over a study's targets."""

import torch
from torch import nn

from lsdc.crops.mirror import OPPOSITE
from lsdc.taxonomy import TARGETS, Condition, Level, Side

PLACES = tuple(dict.fromkeys((target.condition, target.side) for target in TARGETS))  # five: canal, and two by side
HEADS_OF_ATTENTION = 4
SCALED = 0.1  # of what the neighbours say, at first


class SlicePool(nn.Module):
    """Features of slices (N, S, F), valid (N, S) -> their attention-weighted mean (N, F), scores (N, S).

    Slices that are not valid get the score -inf. Gated attention: Ilse, Tomczak & Welling (2018), equation 9.
    """

    def __init__(self, features: int, width: int = 64):
        super().__init__()
        self.value, self.gate = nn.Linear(features, width), nn.Linear(features, width)
        self.score = nn.Linear(width, 1, bias=False)

    def forward(self, features: torch.Tensor, valid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        gated = torch.tanh(self.value(features)) * torch.sigmoid(self.gate(features))
        scores = self.score(gated).squeeze(2).float().masked_fill(~valid, float("-inf"))
        return (scores.softmax(dim=1).unsqueeze(2).to(features) * features).sum(dim=1), scores


class ViewFusion(nn.Module):
    """Features by view (B, V, F), seen (B, V) -> (B, F). What is not seen is a learned feature of its own."""

    def __init__(self, features: int, views: int):
        super().__init__()
        self.unseen = nn.Parameter(torch.zeros(views, features))
        self.mix = nn.Sequential(nn.Linear(views * features, features), nn.GELU())

    def forward(self, features: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        return self.mix(torch.where(seen.unsqueeze(2), features, self.unseen.to(features)).flatten(1))


class StudySequence(nn.Module):
    """Lets the targets of a study see each other: features (B, F) with condition, side, level, study (B,) -> (B, F).

    A transformer over the study's 25 places, those that the batch lacks masked. Each side's targets see the study from
    their own side (own recess, other recess, ...), the canal from both, whose mean it takes; so a mirrored study gives
    mirrored answers. No target of a study may be in a batch twice.
    """

    def __init__(self, features: int, layers: int, dropout: float):
        super().__init__()
        self.place = nn.Parameter(0.02 * torch.randn(len(PLACES), features))
        self.level = nn.Parameter(0.02 * torch.randn(len(Level), features))
        layer = nn.TransformerEncoderLayer(features, HEADS_OF_ATTENTION, 2 * features, dropout, "gelu",
                                           batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.scale = nn.Parameter(torch.full((features,), SCALED))
        mirror = [PLACES.index((condition, OPPOSITE[side])) for condition, side in PLACES]
        self.register_buffer("mirror", torch.tensor(mirror), persistent=False)
        number = torch.zeros(len(Condition), len(Side), dtype=torch.long)
        for index, (condition, side) in enumerate(PLACES):
            number[list(Condition).index(condition), list(Side).index(side)] = index
        self.register_buffer("number", number, persistent=False)

    def forward(self, features: torch.Tensor, condition: torch.Tensor, side: torch.Tensor, level: torch.Tensor,
                study: torch.Tensor) -> torch.Tensor:
        _, group = torch.unique(study, return_inverse=True)
        place = self.number[condition, side]  # (B,)
        groups = int(group.max()) + 1
        table = features.new_zeros(groups, len(PLACES), len(Level), features.shape[1])
        table = table.index_put((group, place, level), features)
        there = torch.zeros(groups, len(PLACES), len(Level), dtype=torch.bool, device=features.device)
        there[group, place, level] = True
        seen = torch.cat([table, table[:, self.mirror]])  # (2 G, 5, 5, F): from the left, and from the right
        absent = ~torch.cat([there, there[:, self.mirror]]).flatten(1)
        tokens = seen + self.place[:, None] + self.level
        told = self.layers(tokens.flatten(1, 2), src_key_padding_mask=absent).view_as(seen)
        left, right = told.chunk(2)
        own = torch.where((place == 0)[:, None], (left[group, 0, level] + right[group, 0, level]) / 2, torch.where(
            (side == list(Side).index(Side.LEFT))[:, None], left[group, place, level],
            right[group, self.mirror[place], level]))
        return features + self.scale * own
