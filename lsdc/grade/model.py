"""From settings to a network: trunks (DeepScoreNet or timm's), what puts their views together, a head by condition."""

from typing import NamedTuple

import torch
from torch import nn

from lsdc.config.sections import ClassifierSettings, CropSettings
from lsdc.crops import VIEWS
from lsdc.errors import ConfigError
from lsdc.grade.deepscorenet import DeepScoreTrunk
from lsdc.grade.fusion import SlicePool, StudySequence, ViewFusion
from lsdc.grade.heads import CLASSES, OrdinalHead, SoftmaxHead
from lsdc.taxonomy import Condition, Side

CONDITIONS = tuple(Condition)  # what the condition given to a model counts, as SIDES and LEVELS for side and level
SIDES = tuple(Side)
HEADS = {"softmax": SoftmaxHead, "ordinal": OrdinalHead}
GREY_MEAN, GREY_SD = 0.449, 0.226  # ImageNet's, averaged over colours: what pretrained networks expect


class TimmInput(nn.Module):
    """(B, S, H, W) in 0..1 to the scale that timm's weights were trained on; slices are channels."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return (image - GREY_MEAN) / GREY_SD


class MiddleSliceInput(nn.Module):
    """(B, S, H, W) in 0..1 to (B, 3, H, W) in 0..255: the middle slice as a grey picture, as the paper fed it."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        middle = image.shape[1] // 2
        return (image[:, middle:middle + 1] * 255).expand(-1, 3, -1, -1)


class Answers(NamedTuple):
    """logits (B, 3) float32; scores (B, S) of the own view's slices, -inf where not valid, None without attention."""

    logits: torch.Tensor
    scores: torch.Tensor | None


class SliceEncoder(nn.Module):
    """A trunk over a view's slices: (N, S, H, W), valid (N, S) -> features (N, F), scores (N, S) or None.

    With a pool the trunk sees each slice by itself; without, all of them as channels.
    """

    def __init__(self, prepare: nn.Module, trunk: nn.Module, pool: SlicePool | None):
        super().__init__()
        self.prepare, self.trunk, self.pool = prepare, trunk, pool
        self.num_features = trunk.num_features

    def forward(self, image: torch.Tensor, valid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        if self.pool is None:
            image = self.prepare(image).contiguous(memory_format=torch.channels_last)
            return self.trunk(image), None
        slices = self.prepare(image.flatten(0, 1)[:, None]).contiguous(memory_format=torch.channels_last)
        return self.pool(self.trunk(slices).unflatten(0, valid.shape), valid)


class GradingModel(nn.Module):
    """Grades targets, each by its views; forward takes a batch of `CropDataset` (without the labels), in unit range.

    encoders: one for each condition, or a single one that they share. fusions: for each condition what puts its views
    together, none where there is one view. sequence: lets a study's targets see each other, or None.
    """

    def __init__(self, encoders: list[SliceEncoder], fusions: list[ViewFusion], sequence: StudySequence | None,
                 heads: list[nn.Module], *, dropout: float):
        super().__init__()
        self.encoders, self.fusions = nn.ModuleList(encoders), nn.ModuleList(fusions)
        self.sequence, self.dropout, self.heads = sequence, nn.Dropout(dropout), nn.ModuleList(heads)

    def forward(self, batch: dict[str, torch.Tensor]) -> Answers:
        condition, level = batch["condition"], batch["level"]
        features, scores = self._views(batch["image"], batch["seen"], batch["valid"], condition)  # (B, V, F)
        features = self._fused(features, batch["seen"], condition)  # (B, F)
        if self.sequence is not None:
            features = self.sequence(features, condition, batch["side"], level, batch["study"])
        features, logits = self.dropout(features), features.new_zeros((len(features), CLASSES), dtype=torch.float32)
        for index, head in enumerate(self.heads):
            if len(rows := torch.nonzero(condition == index).squeeze(1)):
                logits = logits.index_copy(0, rows, head(features[rows], level[rows]))
        return Answers(logits, scores)

    def _views(self, image, seen, valid, condition) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Features (B, V, F), zero where a view is not seen, and the own view's slice scores (B, S)."""
        features = scores = None
        for index, encoder in enumerate(self.encoders):
            chosen = seen if len(self.encoders) == 1 else seen & (condition == index)[:, None]
            if not len(rows := torch.nonzero(chosen)):
                continue
            at = tuple(rows.T)
            found, told = encoder(image[at], valid[at])
            if features is None:
                features = found.new_zeros((*seen.shape, found.shape[1]))
                scores = None if told is None else told.new_full(valid.shape, float("-inf"))
            features = features.index_put(at, found)
            scores = None if told is None else scores.index_put(at, told)
        return features, None if scores is None else scores[:, 0]

    def _fused(self, features: torch.Tensor, seen: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        if not self.fusions:
            return features[:, 0]
        fused = features.new_zeros((len(features), features.shape[2]))
        for index, fusion in enumerate(self.fusions):
            if len(rows := torch.nonzero(condition == index).squeeze(1)):
                fused = fused.index_copy(0, rows, fusion(features[rows], seen[rows]).to(fused))
        return fused

    def of_condition(self, index: int) -> dict[str, torch.Tensor]:
        """A copy, on the CPU, of what belongs to one condition alone, by the names of `state_dict`."""
        own = tuple(f"{part}.{index}." for part in ("encoders", "fusions", "heads"))
        return {name: value.detach().cpu().clone() for name, value in self.state_dict().items() if name.startswith(own)}

    def start_from(self, rates: torch.Tensor, pooled: torch.Tensor) -> None:
        """Begin with answers from a table, whatever the image: rates (3, 5, 3) by condition and level.

        pooled: (3, 3) by condition, for heads that do not know the level. Weight-multiplied ones where the answers are
        to carry the metric's weights.
        """
        for head, *own in zip(self.heads, rates, pooled, strict=True):
            head.start_from(*own)


def build_model(classifier: ClassifierSettings, crops: CropSettings) -> GradingModel:
    """The network that the settings describe, freshly initialised or with its local pretrained weights.

    ConfigError for an unknown name or crops that it cannot see, WeightsError for weights that are missing or of another
    network.
    """
    encoders = [_encoder(classifier, crops) for _ in range(1 if classifier.shared else len(CONDITIONS))]
    width, views = encoders[0].num_features, VIEWS[crops.views]
    if classifier.sequence_layers and width % 4:
        raise ConfigError("the network's features cannot be shared between four heads of attention", got=width,
                          where="classifier.sequence_layers", remedy="set it to 0, or name another network")
    return GradingModel(
        encoders, [ViewFusion(width, views) for _ in CONDITIONS] if views > 1 else [],
        StudySequence(width, classifier.sequence_layers, classifier.dropout) if classifier.sequence_layers else None,
        [HEADS[classifier.head](width, by_level=classifier.level_bias,
                                weighted=classifier.metric_weights == "in_loss") for _ in CONDITIONS],
        dropout=classifier.dropout)


def _encoder(classifier: ClassifierSettings, crops: CropSettings) -> SliceEncoder:
    if classifier.network == "deepscorenet":
        if classifier.weights is not None:
            raise ConfigError("DeepScoreNet has no pretrained weights", got=classifier.weights,
                              where="classifier.weights", remedy="set it to null, or name a timm network")
        if crops.size_px % DeepScoreTrunk.multiple_of:
            raise ConfigError("DeepScoreNet cannot see crops of this size", got=crops.size_px, where="crops.size_px",
                              wanted=f"a multiple of {DeepScoreTrunk.multiple_of}; the paper's: 32")
        return SliceEncoder(MiddleSliceInput(), DeepScoreTrunk(), None)
    from lsdc.grade.timm_network import timm_trunk

    attention = classifier.slices == "attention"
    trunk = timm_trunk(classifier.network, in_chans=1 if attention else crops.slices, weights=classifier.weights,
                       size_px=crops.size_px)
    return SliceEncoder(TimmInput(), trunk, SlicePool(trunk.num_features) if attention else None)
