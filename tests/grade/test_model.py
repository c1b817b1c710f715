"""One battery for every network."""

import pytest
import torch

from lsdc.config import load_settings
from lsdc.config.sections import ClassifierSettings, CropSettings
from lsdc.grade.artefact import Classifier, load_classifier, save_classifier
from lsdc.grade.losses import weighted_cross_entropy
from lsdc.grade.model import MiddleSliceInput, build_model
from lsdc.grade.module import GradingModule
from tests.grade.conftest import PHANTOM

CROPS = CropSettings(size_px=32, size_mm=None, slices=5, intensity="minmax", mirror_right=True)
CASES = {
    "the paper's": ClassifierSettings(network="deepscorenet", weights=None, shared=False, head="softmax",
                                      level_bias=False, dropout=0),
    "the paper's, shared": ClassifierSettings(network="deepscorenet", weights=None, shared=True, head="ordinal",
                                              level_bias=True, dropout=0.2),
    "timm, shared": ClassifierSettings(network="test_resnet", weights=None, shared=True, head="ordinal",
                                       level_bias=True, dropout=0.1),
    "timm, apart": ClassifierSettings(network="test_efficientnet", weights=None, shared=False, head="softmax",
                                      level_bias=True, dropout=0),
    "a transformer": ClassifierSettings(network="test_convnext", weights=None, shared=True, head="ordinal",
                                        level_bias=False, dropout=0),
}
CONDITION, LEVEL = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([0, 1, 2, 3, 4, 0])


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def settings(request):
    return request.param


@pytest.fixture
def model(settings):
    torch.manual_seed(0)
    return build_model(settings, CROPS)


@pytest.fixture
def image():
    return torch.rand(6, 5, 32, 32, generator=torch.Generator().manual_seed(1))


def test_shape_and_finite(model, image):
    logits = model(image, CONDITION, LEVEL)
    assert logits.shape == (6, 3)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()


def test_every_parameter_gets_a_gradient(model, image):
    for parameter in model.parameters():
        if parameter.ndim == 1:  # timm starts the last norm of a block at zero
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    severity, known = torch.tensor([0, 1, 2, 2, 1, 0]), torch.ones(6, dtype=torch.bool)
    weighted_cross_entropy(model(image, CONDITION, LEVEL), severity, known, CONDITION).backward()
    assert [name for name, parameter in model.named_parameters()
            if parameter.grad is None or not torch.isfinite(parameter.grad).all()] == []
    assert [name for name, parameter in model.named_parameters() if parameter.ndim > 1 and not parameter.grad.any()
            ] == []


def test_evaluation_is_deterministic_and_each_image_is_by_itself(model, image):
    model.eval()
    with torch.inference_mode():
        whole = model(image, CONDITION, LEVEL)
        assert torch.equal(whole, model(image, CONDITION, LEVEL))
        single = torch.cat([model(image[i:i + 1], CONDITION[i:i + 1], LEVEL[i:i + 1]) for i in range(6)])
    assert (whole - single).abs().max() < 1e-5 * max(1, whole.abs().max())


def test_saved_and_loaded_it_gives_the_same(model, settings, image, tmp_path):
    model.eval()
    save_classifier(Classifier(model, settings, CROPS, fold=3, weights_in_probabilities=True), tmp_path)
    loaded = load_classifier(tmp_path)
    assert (loaded.fold, loaded.classifier, loaded.crops) == (3, settings, CROPS)
    with torch.inference_mode():
        assert torch.equal(loaded.model(image, CONDITION, LEVEL), model(image, CONDITION, LEVEL))


def test_it_learns_a_batch_by_heart(model, image, settings):
    training = load_settings(PHANTOM, ["training.learning_rate=0.003"]).training
    optimizer = GradingModule(model, training, steps=1, seed=0).configure_optimizers()["optimizer"]
    severity, known = torch.tensor([0, 1, 2, 2, 1, 0]), torch.ones(6, dtype=torch.bool)
    model.dropout.p = 0.0
    for _ in range(100):
        optimizer.zero_grad()
        loss = weighted_cross_entropy(model(image, CONDITION, LEVEL), severity, known, CONDITION)
        loss.backward()
        optimizer.step()
        if loss < 0.45:  # it began near 1.1
            return
    pytest.fail(f"the loss is still {loss.item():.3f}")


def test_it_starts_from_a_table_of_rates(model, settings, image):
    rates = torch.rand(3, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) + 0.1
    rates /= rates.sum(dim=2, keepdim=True)
    pooled = rates.mean(dim=1)
    model.start_from(rates, pooled)
    model.eval()
    with torch.inference_mode():
        answers = model(image, CONDITION, LEVEL).softmax(dim=1).double()
    assert torch.allclose(answers, rates[CONDITION, LEVEL] if settings.level_bias else pooled[CONDITION], atol=2e-3)


def test_three_networks_share_nothing(image):
    model = build_model(CASES["the paper's"], CROPS)
    assert sum(parameter.numel() for parameter in model.parameters()) == 3 * 2_784_259
    model(image[:2], torch.tensor([1, 1]), LEVEL[:2]).sum().backward()
    assert all(parameter.grad is None for parameter in model.trunks[0].parameters())
    assert all(parameter.grad is not None for parameter in model.trunks[1].parameters())


def test_the_papers_network_sees_the_middle_slice_as_bytes(image):
    shown = MiddleSliceInput()(image)
    assert shown.shape == (6, 3, 32, 32)
    for channel in range(3):
        assert torch.equal(shown[:, channel], image[:, 2] * 255)
