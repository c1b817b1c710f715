import os
import socket

import pytest
import timm
import torch
from safetensors.torch import save_file

from lsdc.errors import ConfigError, WeightsError
from lsdc.grade.timm_network import timm_trunk


@pytest.fixture(scope="module")
def source():
    torch.manual_seed(5)
    return timm.create_model("test_resnet", pretrained=False)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize("classes", [1000, 3, 0])
def test_local_weights_are_taken_whole_and_adapted(source, tmp_path, suffix, classes):
    state = {name: value for name, value in source.state_dict().items() if classes or not name.startswith("fc.")}
    if classes == 3:
        state |= {"fc.weight": state["fc.weight"][:3].clone(), "fc.bias": state["fc.bias"][:3].clone()}
    path = tmp_path / f"weights{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save({"state_dict": state}, path)
    trunk = timm_trunk("test_resnet", in_chans=5, weights=path)
    kept = trunk.state_dict()
    assert kept["conv1.0.weight" if "conv1.0.weight" in kept else "conv1.weight"].shape[1] == 5
    same = [name for name, value in state.items() if name in kept and torch.equal(kept[name], value)]
    assert set(kept) - set(same) == {name for name in kept if name in ("conv1.weight", "conv1.0.weight")}
    first = next(iter(set(kept) - set(same)))
    assert torch.allclose(kept[first], state[first][:, [0, 1, 2, 0, 1]] * 3 / 5, atol=1e-6)  # timm's own way


def test_without_weights_any_number_of_slices():
    trunk = timm_trunk("test_resnet", in_chans=7, weights=None).eval()
    assert trunk(torch.rand(2, 7, 32, 32)).shape == (2, trunk.num_features)


@pytest.mark.parametrize("size_px", [32, 64])
@pytest.mark.parametrize("name", ["test_vit3", "test_maxvit"])  # made for 160 pixels
def test_networks_of_one_size_are_made_for_the_size_of_the_crops(tmp_path, name, size_px):
    path = tmp_path / "weights.safetensors"
    save_file(timm.create_model(name).state_dict(), path)
    for weights in (None, path):
        trunk = timm_trunk(name, in_chans=5, weights=weights, size_px=size_px)
        assert trunk.training
        assert trunk.eval()(torch.rand(2, 5, size_px, size_px)).shape == (2, trunk.num_features)


@pytest.mark.parametrize(("name", "size_px"), [("test_vit3", 10), ("inception_v3", 32)])
def test_a_size_that_a_network_cannot_see(name, size_px):
    with pytest.raises(ConfigError, match=rf"{name} cannot see crops of this size\n  got:    {size_px} pixels: .*size"):
        timm_trunk(name, in_chans=1, weights=None, size_px=size_px)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"(?s)weights file is missing.*test_resnet.*none\.safetensors"):
        timm_trunk("test_resnet", in_chans=3, weights=tmp_path / "none.safetensors")


def test_another_architecture_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file(timm.create_model("test_efficientnet").state_dict(), path)
    with pytest.raises(WeightsError, match=r"(?s)of another network\n  wanted: weights of timm's test_resnet.*Missing"):
        timm_trunk("test_resnet", in_chans=3, weights=path)


def test_a_missing_layer_is_refused(source, tmp_path):
    path = tmp_path / "partial.safetensors"
    state = source.state_dict()
    state.pop("layer2.0.bn1.weight")
    save_file(state, path)
    with pytest.raises(WeightsError, match=r"(?s)another network.*layer2\.0\.bn1\.weight"):
        timm_trunk("test_resnet", in_chans=3, weights=path)


def test_weights_that_are_no_numbers_are_refused(source, tmp_path):
    state = source.state_dict()
    state["layer2.0.bn1.weight"][0] = float("nan")
    save_file(state, tmp_path / "nan.safetensors")
    with pytest.raises(WeightsError, match=r"(?s)no finite numbers.*layer2\.0\.bn1\.weight"):
        timm_trunk("test_resnet", in_chans=3, weights=tmp_path / "nan.safetensors")


@pytest.mark.parametrize("name", ["damaged.safetensors", "damaged.pt"])
def test_a_damaged_file_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"not weights at all")
    with pytest.raises(WeightsError, match="cannot be read"):
        timm_trunk("test_resnet", in_chans=3, weights=tmp_path / name)


def test_an_unknown_name_gets_close_ones():
    with pytest.raises(ConfigError, match=r"(?s)no network of this name.*deepscorenet, or a timm name.*resnet10t.*"
                                          r"got:    resnet10x"):
        timm_trunk("resnet10x", in_chans=3, weights=None)


def test_nothing_goes_out_to_the_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a network attempt")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    timm_trunk("resnet10t", in_chans=5, weights=None)
    assert os.environ["HF_HUB_OFFLINE"] == "1"
