"""From settings to a network: trunks (DeepScoreNet or timm's), a head for each condition, a bias for each level."""

import torch
from torch import nn

from lsdc.config.sections import ClassifierSettings, CropSettings
from lsdc.grade.deepscorenet import DeepScoreTrunk
from lsdc.taxonomy import SEVERITY_COLUMNS, Condition, Level

CONDITIONS, LEVELS = tuple(Condition), tuple(Level)  # what the indices given to a model count
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

    def __init__(self, prepare: nn.Module, trunks: list[nn.Module], *, dropout: float, level_bias: bool):
        super().__init__()
        self.prepare = prepare
        self.trunks = nn.ModuleList(trunks)
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleList(
            nn.Linear(trunks[index % len(trunks)].num_features, len(SEVERITY_COLUMNS))
            for index in range(len(CONDITIONS)))
        self.level_bias = nn.ParameterList(
            nn.Parameter(torch.zeros(len(LEVELS), len(SEVERITY_COLUMNS))) for _ in CONDITIONS
        ) if level_bias else None

    def forward(self, image: torch.Tensor, condition: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        image = self.prepare(image)
        shared = self.trunks[0](image) if len(self.trunks) == 1 else None
        logits = image.new_zeros((len(image), len(SEVERITY_COLUMNS)), dtype=torch.float32)
        for index, head in enumerate(self.heads):
            rows = torch.nonzero(condition == index).squeeze(1)
            if not len(rows):
                continue
            features = self.trunks[index](image[rows]) if shared is None else shared[rows]
            answer = head(self.dropout(features)).float()
            if self.level_bias is not None:
                answer = answer + self.level_bias[index][level[rows]]
            logits = logits.index_copy(0, rows, answer)
        return logits

    @torch.no_grad()
    def start_from(self, rates: torch.Tensor) -> None:
        """Start at a table of priors: (3, 5, 3) probabilities by condition and level become the level biases.

        The heads start at zero, so that the first answer is the prior whatever the image.
        """
        if self.level_bias is None:
            raise ValueError("this model has no level bias to hold the rates")
        for head, bias, rate in zip(self.heads, self.level_bias, rates, strict=True):
            bias.copy_(rate.clamp_min(1e-6).log())
            head.weight.zero_()
            head.bias.zero_()


def build_model(classifier: ClassifierSettings, crops: CropSettings) -> GradingModel:
    """The network that the settings describe, freshly initialised or with its local pretrained weights.

    ConfigError for an unknown name, WeightsError for weights that are missing or of another network.
    """
    count = 1 if classifier.shared else len(CONDITIONS)
    if classifier.network == "deepscorenet":
        prepare, trunks = MiddleSliceInput(), [DeepScoreTrunk() for _ in range(count)]
    else:
        from lsdc.grade.timm_network import timm_trunk

        prepare = TimmInput()
        trunks = [timm_trunk(classifier.network, in_chans=crops.slices, weights=classifier.weights)
                  for _ in range(count)]
    return GradingModel(prepare, trunks, dropout=classifier.dropout, level_bias=classifier.level_bias)
