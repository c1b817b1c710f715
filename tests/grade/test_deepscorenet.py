import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn

from lsdc.grade.deepscorenet import DeepScoreNet, ResidualBlock, SamePool

# the table of the paper's system: one entry for each layer with parameters, in order of the forward pass
TABLE = [
    896, 128,
    18_496, 256, 36_928, 256, 2_112,
    73_856, 512, *[147_584, 512] * 3, 8_320,
    295_168, 1_024, *[590_080, 1_024] * 3, 33_024,
    65_792, 32_896, 387,
]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = DeepScoreNet()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
            nn.init.uniform_(layer.running_mean, -1, 1)
            nn.init.uniform_(layer.running_var, 0.5, 40)
    return network.eval()


def layer_size(layer):
    size = sum(parameter.numel() for parameter in layer.parameters(recurse=False))
    if isinstance(layer, nn.BatchNorm2d):
        size += layer.running_mean.numel() + layer.running_var.numel()
    return size


def test_every_layer_has_the_papers_parameters(network):
    assert [size for layer in network.modules() if (size := layer_size(layer))] == TABLE
    assert sum(TABLE) == 2_787_651
    assert sum(parameter.numel() for parameter in network.parameters()) == 2_784_259


def test_norms_are_as_keras_has_them(network):
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 11
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}


def test_sizes_of_the_stages(network):
    image, sizes = torch.zeros(1, 3, 32, 32), []
    image = network.trunk.stem(image)
    for block in network.trunk.blocks:
        sizes.append(tuple(image.shape[1:]))
        image = block(image)
    assert [*sizes, tuple(image.shape[1:])] == [(32, 32, 32), (64, 16, 16), (128, 8, 8), (256, 4, 4)]


def test_same_pooling_pads_bottom_and_right_with_minus_infinity():
    image = -torch.arange(16.0).reshape(1, 1, 4, 4)
    assert SamePool()(image)[0, 0].tolist() == [[0, -2], [-8, -10]]
    assert not torch.equal(SamePool()(image), nn.MaxPool2d(3, 2, padding=1)(image))


def test_no_relu_after_an_addition():
    torch.manual_seed(1)
    assert ResidualBlock(4, 8, 2).eval()(torch.randn(2, 4, 8, 8)).min() < 0


def numpy_convolution(image, layer):  # (C, H, W), an independent implementation: windows and one product
    weight, bias = layer.weight.detach().numpy().astype(np.float64), layer.bias.detach().numpy()
    size, stride = weight.shape[-1], layer.stride[0]
    padded = np.pad(image, ((0, 0), (size // 2, size // 2), (size // 2, size // 2)))
    windows = sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::stride, ::stride]  # (C, H, W, k, k)
    return np.tensordot(weight, windows, axes=([1, 2, 3], [0, 3, 4])) + bias[:, None, None]


def numpy_norm(image, layer):
    mean, variance, gain, shift = (value.detach().numpy().astype(np.float64)[:, None, None] for value in (
        layer.running_mean, layer.running_var, layer.weight, layer.bias))
    return (image - mean) / np.sqrt(variance + 1e-3) * gain + shift


def numpy_pool(image):
    padded = np.pad(image, ((0, 0), (0, 1), (0, 1)), constant_values=-np.inf)
    return sliding_window_view(padded, (3, 3), axis=(1, 2))[:, ::2, ::2].max(axis=(3, 4))


def numpy_forward(image, network):
    def relu(values):
        return np.maximum(values, 0)

    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    norms = iter([layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)])
    wide = iter([layer for layer in convolutions if layer.kernel_size == (3, 3)])
    shortcuts = iter([layer for layer in convolutions if layer.kernel_size == (1, 1)])
    image = relu(numpy_norm(numpy_convolution(image, next(wide)), next(norms)))
    for depth in (2, 4, 4):
        body = image
        for _ in range(depth):
            body = numpy_norm(numpy_convolution(relu(body), next(wide)), next(norms))
        image = numpy_pool(body) + numpy_convolution(image, next(shortcuts))
    features = image.mean(axis=(1, 2))
    dense = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    for number, layer in enumerate(dense):
        features = layer.weight.detach().numpy().astype(np.float64) @ features + layer.bias.detach().numpy()
        features = relu(features) if number < len(dense) - 1 else features
    return features


def test_forward_equals_an_independent_numpy_implementation(network):
    image = np.random.default_rng(0).uniform(0, 255, (3, 32, 32))
    expected = numpy_forward(image, network)
    answer = network(torch.from_numpy(image[None]).float()).detach().numpy()[0]
    assert np.abs(expected).max() > 0.1
    assert np.abs(answer - expected).max() < 1e-4 * max(1, np.abs(expected).max())
