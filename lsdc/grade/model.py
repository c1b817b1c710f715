"""From settings to a network: trunks (DeepScoreNet or timm's) and a head for each condition."""

import torch
from torch import nn

from lsdc.config.sections import ClassifierSettings, CropSettings
from lsdc.errors import ConfigError
from lsdc.grade.deepscorenet import DeepScoreTrunk
from lsdc.grade.heads import CLASSES, OrdinalHead, SoftmaxHead
from lsdc.taxonomy import Condition

CONDITIONS = tuple(Condition)  # what the condition given to a model counts, as LEVELS for the level
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


class GradingModel(nn.Module):
    """Image (B, S, H, W) float in 0..1, condition (B,) and level (B,) indices -> logits (B, 3) float32.

    trunks: one for each condition, or a single one that they share.
    """

    def __init__(self, prepare: nn.Module, trunks: list[nn.Module], *, head: type[nn.Module], dropout: float,
                 level_bias: bool):
        super().__init__()
        self.prepare = prepare
        self.trunks = nn.ModuleList(trunks)
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleList(
            head(trunks[index % len(trunks)].num_features, by_level=level_bias) for index in range(len(CONDITIONS)))

    def forward(self, image: torch.Tensor, condition: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        image = self.prepare(image)
        shared = self.trunks[0](image) if len(self.trunks) == 1 else None
        logits = image.new_zeros((len(image), CLASSES), dtype=torch.float32)
        for index, head in enumerate(self.heads):
            rows = torch.nonzero(condition == index).squeeze(1)
            if len(rows):
                features = self.trunks[index](image[rows]) if shared is None else shared[rows]
                logits = logits.index_copy(0, rows, head(self.dropout(features), level[rows]))
        return logits

    def start_from(self, rates: torch.Tensor, pooled: torch.Tensor) -> None:
        """Begin with answers from a table, whatever the image: weighted rates (3, 5, 3) by condition and level.

        pooled: (3, 3) by condition, for heads that do not know the level.
        """
        for head, *own in zip(self.heads, rates, pooled, strict=True):
            head.start_from(*own)


def build_model(classifier: ClassifierSettings, crops: CropSettings) -> GradingModel:
    """The network that the settings describe, freshly initialised or with its local pretrained weights.

    ConfigError for an unknown name, WeightsError for weights that are missing or of another network.
    """
    count = 1 if classifier.shared else len(CONDITIONS)
    if classifier.network == "deepscorenet":
        if classifier.weights is not None:
            raise ConfigError("DeepScoreNet has no pretrained weights", got=classifier.weights,
                              where="classifier.weights", remedy="set it to null, or name a timm network")
        prepare, trunks = MiddleSliceInput(), [DeepScoreTrunk() for _ in range(count)]
    else:
        from lsdc.grade.timm_network import timm_trunk

        prepare = TimmInput()
        trunks = [timm_trunk(classifier.network, in_chans=crops.slices, weights=classifier.weights)
                  for _ in range(count)]
    return GradingModel(prepare, trunks, head=HEADS[classifier.head], dropout=classifier.dropout,
                        level_bias=classifier.level_bias)
