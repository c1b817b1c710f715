"""The trained network as TorchScript of its raw head output, so that inference needs torch alone."""

import warnings
from pathlib import Path

import torch
from torch import nn


class RawHead(nn.Module):
    """A fused YOLOv8 detection model whose head stops before decoding: (B, 1, H, W) -> (B, 64 + classes, anchors)."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.layers = nn.ModuleList(model.model[:-1])
        self.sources = [layer.f for layer in model.model]  # of each layer's input: -1, an index, or a list
        self.distances, self.classes = model.model[-1].cv2, model.model[-1].cv3

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        outputs = [images]  # outputs[i + 1] is layer i's
        for layer, source in zip(self.layers, self.sources, strict=False):
            outputs.append(layer(self._pick(outputs, source)))
        levels = self._pick(outputs, self.sources[-1])
        maps = [torch.cat([far(level), kind(level)], dim=1)
                for far, kind, level in zip(self.distances, self.classes, levels, strict=True)]
        return torch.cat([one.flatten(2) for one in maps], dim=2)

    @staticmethod
    def _pick(outputs: list[torch.Tensor], source: int | list[int]):
        if isinstance(source, int):
            return outputs[-1] if source == -1 else outputs[source + 1]
        return [outputs[-1] if one == -1 else outputs[one + 1] for one in source]


def export_network(model: nn.Module, path: Path, image_px: int) -> None:
    """Trace an ultralytics YOLOv8 model to a file; the file's batch and (multiples of 32) image sizes are free."""
    model = model.float().eval().cpu().fuse(verbose=False)
    example = torch.zeros(2, 1, image_px, image_px)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, yet loads on every torch that we support
        traced = torch.jit.trace(RawHead(model), example, check_trace=False)
        torch.jit.save(traced, str(path))
