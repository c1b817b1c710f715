"""Any timm network as a trunk, with local weights only. The one file that imports timm."""

import difflib
import os
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before the import: no look-up may leave the machine

import timm
import torch
from torch import nn

from lsdc.errors import ConfigError, WeightsError, shortened
from lsdc.tensors import read_safetensors, read_tensors


def timm_trunk(name: str, *, in_chans: int, weights: Path | None, size_px: int | None = None) -> nn.Module:
    """A timm network (B, in_chans, H, W) -> (B, num_features), its classifier removed.

    weights: a safetensors file or checkpoint of this very architecture; its first convolution is adapted to in_chans
    as timm does, its classifier left out; None starts from scratch. size_px: of H and W, tried at once; a network that
    takes images of one size only is made for this one, as timm does. ConfigError for a name that timm does not know
    or a size that the network cannot see, WeightsError for a file that is missing or of another network.
    """
    if not timm.is_model(name):
        near = difflib.get_close_matches(name.split(".")[0], timm.list_models(), n=5, cutoff=0.5)
        raise ConfigError("timm has no network of this name", got=name, where="classifier.network",
                          wanted=f"deepscorenet, or a timm name such as {', '.join(near or ['resnet10t'])}")
    network = _made(name, in_chans, weights)
    if size_px is None or (fault := _fault(network, in_chans, size_px)) is None:
        return network
    with suppress(TypeError):  # what networks for any size say of img_size
        network = _made(name, in_chans, weights, img_size=size_px)
        if (fault := _fault(network, in_chans, size_px)) is None:
            return network
    raise ConfigError(f"{name} cannot see crops of this size", got=f"{size_px} pixels: {shortened(fault)}",
                      where="crops.size_px", remedy="try a multiple of 32, or name another network")


def _made(name: str, in_chans: int, weights: Path | None, **more: int) -> nn.Module:
    if weights is None:
        return _described(timm.create_model(name, pretrained=False, in_chans=in_chans, num_classes=0, **more))
    weights = Path(weights)
    if not weights.is_file():
        raise WeightsError("the weights file is missing", wanted=f"local weights of {name}", where=weights,
                           remedy="put the file there, or set classifier.weights to null to start from scratch")
    classes = _classes(name, weights)  # equal to the file's, so that timm loads strictly; the classifier goes after
    try:
        network = timm.create_model(name, pretrained=True, in_chans=in_chans, num_classes=classes,
                                    pretrained_cfg_overlay={"file": str(weights), "num_classes": classes}, **more)
    except (RuntimeError, ValueError, KeyError, AttributeError) as error:
        lines = str(error).strip().splitlines()
        raise WeightsError("the weights file is of another network", wanted=f"weights of timm's {name}",
                           got=" ".join(line.strip() for line in lines[:3])[:400], where=weights,
                           remedy="take the file of this architecture, or change classifier.network") from error
    if broken := next((key for key, value in network.state_dict().items() if not torch.isfinite(value).all()), None):
        raise WeightsError("the weights file holds values that are no finite numbers", got=broken, where=weights,
                           remedy="take the file from its source again")
    network.reset_classifier(0)
    return _described(network)


def _fault(network: nn.Module, in_chans: int, size_px: int) -> str | None:
    """Why a network cannot see images of this size; None when it can."""
    try:
        with torch.no_grad():
            shape = tuple(network.eval()(torch.zeros(1, in_chans, size_px, size_px)).shape)
    except (RuntimeError, AssertionError, ValueError) as error:
        return str(error).strip() or type(error).__name__
    finally:
        network.train()
    return None if shape == (1, network.num_features) else f"features of shape {shape}"


def _described(network: nn.Module) -> nn.Module:
    network.num_features = getattr(network, "head_hidden_size", None) or network.num_features
    return network


def _classes(name: str, weights: Path) -> int:
    """Classes of the file's classifier; 0 when it has none."""
    heads = timm.get_pretrained_cfg(name, allow_unregistered=True)
    head = (heads.classifier if heads else None) or "fc"
    head = head if isinstance(head, str) else head[0]
    shapes = _shapes(weights)
    shape = shapes.get(f"{head}.weight") or shapes.get(f"{head}.bias")
    return int(shape[0]) if shape else 0


def _shapes(weights: Path) -> dict[str, tuple[int, ...]]:
    remedy = "fetch the file again, or take one of safetensors or plain tensors from a source that you trust"
    if weights.suffix == ".safetensors":
        content = read_safetensors(weights, remedy=remedy)
    else:
        content = read_tensors(weights, remedy=remedy)
    for wrapping in ("state_dict_ema", "model_ema", "state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(wrapping), dict):
            content = content[wrapping]
    if not isinstance(content, dict):
        raise WeightsError("the weights file cannot be read", wanted="safetensors, or a checkpoint of plain tensors",
                           where=weights, got=type(content).__name__, remedy=remedy)
    return {str(key).removeprefix("module."): tuple(value.shape) for key, value in content.items()
            if isinstance(value, torch.Tensor)}
