"""One battery for every network."""

import socket

import pytest
import torch

from lsdc.config import load_settings
from lsdc.config.sections import ClassifierSettings, CropSettings
from lsdc.errors import ConfigError
from lsdc.grade.artefact import Classifier, load_classifier, save_classifier
from lsdc.grade.losses import weighted_cross_entropy
from lsdc.grade.model import CONDITIONS, SIDES, MiddleSliceInput, build_model
from lsdc.grade.module import GradingModule
from lsdc.taxonomy import TARGETS, Level
from tests.grade.conftest import PHANTOM

OWN = CropSettings(size_px=32, size_mm=None, slices=5, views="own", intensity="minmax", mirror_right=True)
BOTH = OWN.model_copy(update={"views": "both"})
PLAIN = ClassifierSettings(network="test_resnet", weights=None, shared=True, slices="stacked", sequence_layers=0,
                           head="ordinal", level_bias=True, dropout=0.1, metric_weights="in_loss", flip_at_test=False)
PAPER = PLAIN.model_copy(update={"network": "deepscorenet", "shared": False, "head": "softmax", "level_bias": False,
                                 "dropout": 0.0})


def like(base, crops, **changes):
    return base.model_copy(update=changes), crops


CASES = {
    "the paper's": like(PAPER, OWN),
    "the paper's, shared": like(PAPER, OWN, shared=True, head="ordinal", level_bias=True, dropout=0.2),
    "timm, shared": like(PLAIN, OWN),
    "timm, apart": like(PLAIN, OWN, network="test_efficientnet", shared=False, head="softmax", dropout=0.0),
    "without BatchNorm": like(PLAIN, OWN, network="test_convnext", level_bias=False, dropout=0.0),
    "a transformer": like(PLAIN, OWN, network="test_vit3"),
    "two views": like(PLAIN, BOTH),
    "slice attention": like(PLAIN, OWN, slices="attention"),
    "level sequence": like(PLAIN, OWN, sequence_layers=2),
    "all of it": like(PLAIN, BOTH, slices="attention", sequence_layers=1, metric_weights="at_inference"),
    "all of it, apart": like(PLAIN, BOTH, slices="attention", sequence_layers=1, shared=False, head="softmax"),
}
SOME = [TARGETS[number] for number in (0, 6, 17, 3, 14, 20)]


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def settings(request):
    return request.param


@pytest.fixture
def model(settings):
    torch.manual_seed(0)
    return build_model(*settings)


@pytest.fixture
def batch(settings):
    return batch_of(SOME, settings[1])


def batch_of(targets, crops, studies=(7,)):
    """Noise for targets of studies; of the second target the second view is missing, of the third the own one."""
    count, views = len(targets) * len(studies), 2 if crops.views == "both" else 1
    image = torch.rand(count, views, 5, 32, 32, generator=torch.Generator().manual_seed(1))
    seen, valid = torch.ones(count, views, dtype=torch.bool), torch.ones(count, views, 5, dtype=torch.bool)
    valid[0, 0, 4] = False
    if views == 2:
        seen[1, 1] = seen[2, 0] = False
        image[~seen], valid[~seen] = 0, False
    targets = [target for _ in studies for target in targets]
    return {
        "image": image, "seen": seen, "valid": valid,
        "condition": torch.tensor([CONDITIONS.index(one.condition) for one in targets]),
        "side": torch.tensor([SIDES.index(one.side) for one in targets]),
        "level": torch.tensor([list(Level).index(one.level) for one in targets]),
        "study": torch.tensor(studies).repeat_interleave(count // len(studies)),
    }


def rows(batch, chosen):
    return {name: values[chosen] for name, values in batch.items()}


SEVERITY, KNOWN = torch.tensor([0, 1, 2, 2, 1, 0]), torch.ones(6, dtype=torch.bool)


def test_shape_and_finite(model, settings, batch):
    answers = model(batch)
    assert answers.logits.shape == (6, 3)
    assert answers.logits.dtype == torch.float32
    assert torch.isfinite(answers.logits).all()
    assert (answers.scores is None) == (settings[0].slices == "stacked")
    if answers.scores is not None:
        assert torch.equal(torch.isfinite(answers.scores), batch["valid"][:, 0])


def test_every_parameter_gets_a_gradient(model, batch):
    for parameter in model.parameters():
        if parameter.ndim == 1:  # timm starts the last norm of a block at zero
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    weighted_cross_entropy(model(batch).logits, SEVERITY, KNOWN, batch["condition"]).backward()
    assert [name for name, parameter in model.named_parameters()
            if parameter.grad is None or not torch.isfinite(parameter.grad).all()] == []
    without = {name for name, parameter in model.named_parameters() if parameter.ndim > 1 and not parameter.grad.any()}
    # only the subarticular target lacks its own view here, only the foraminal one its second
    assert {name for name in without if not name.endswith(".unseen")} == set()


def test_evaluation_is_deterministic_and_each_target_is_by_itself(model, settings, batch):
    model.eval()
    with torch.inference_mode():
        whole = model(batch).logits
        assert torch.equal(whole, model(batch).logits)
        single = torch.cat([model(rows(batch, slice(i, i + 1))).logits for i in range(6)])
    near = (whole - single).abs().max() < 1e-5 * max(1, whole.abs().max())
    assert near == (settings[0].sequence_layers == 0)  # which lets a study's targets see each other


def test_other_studies_in_the_batch_change_nothing(model, settings):
    model.eval()
    both = batch_of(SOME, settings[1], studies=(7, 9))
    order = torch.tensor([3, 9, 0, 6, 11, 1, 2, 8, 4, 10, 5, 7])
    with torch.inference_mode():
        apart = torch.cat([model(rows(both, both["study"] == study)).logits for study in (7, 9)])
        together = model(rows(both, order)).logits
    assert torch.allclose(together, apart[order], atol=1e-5 * max(1, float(apart.abs().max())))


def test_it_builds_without_a_network(settings, monkeypatch):
    def refuse(*_):
        raise AssertionError("a network attempt")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    build_model(*settings)


def test_saved_and_loaded_it_gives_the_same(model, settings, batch, tmp_path):
    model.eval()
    save_classifier(Classifier(model, *settings, fold=3), tmp_path)
    loaded = load_classifier(tmp_path)
    assert (loaded.fold, loaded.classifier, loaded.crops) == (3, *settings)
    with torch.inference_mode():
        assert torch.equal(loaded.model(batch).logits, model(batch).logits)


def test_it_learns_a_batch_by_heart(model, batch):
    settings = load_settings(PHANTOM, ["training.learning_rate=0.003"])
    optimizer = GradingModule(model, settings, steps=1, seed=0).configure_optimizers()["optimizer"]
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for _ in range(100):
        optimizer.zero_grad()
        loss = weighted_cross_entropy(model(batch).logits, SEVERITY, KNOWN, batch["condition"])
        loss.backward()
        optimizer.step()
        if loss < 0.45:  # it began near 1.1
            return
    pytest.fail(f"the loss is still {loss.item():.3f}")


def test_it_starts_from_a_table_of_rates(model, settings, batch):
    rates = torch.rand(3, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) + 0.1
    rates /= rates.sum(dim=2, keepdim=True)
    pooled = rates.mean(dim=1)
    model.start_from(rates, pooled)
    model.eval()
    with torch.inference_mode():
        answers = model(batch).logits.softmax(dim=1).double()
    condition, level = batch["condition"], batch["level"]
    expected = rates[condition, level] if settings[0].level_bias else pooled[condition]
    assert torch.allclose(answers, expected, atol=2e-3)


@pytest.mark.parametrize("crops", [OWN, BOTH], ids=["own view", "both views"])
def test_a_mirrored_study_gives_the_mirrored_answers(crops):
    """Targets shown as left ones swap their sides; what the canal sees is the same here."""
    torch.manual_seed(0)
    model = build_model(PLAIN.model_copy(update={"sequence_layers": 2}), crops).eval()
    torch.nn.init.ones_(model.sequence.scale)
    batch = batch_of(TARGETS, crops)
    swap = torch.tensor([TARGETS.index(one._replace(side={"left": "right", "right": "left"}.get(one.side, one.side)))
                         for one in TARGETS])
    turned = batch | {name: batch[name][swap] for name in ("image", "seen", "valid")}
    with torch.inference_mode():
        straight, mirrored = model(batch).logits, model(turned).logits
    assert (straight - straight[swap]).abs().max() > 1e-3
    assert torch.allclose(mirrored, straight[swap], atol=1e-5)


def test_a_missing_target_is_no_neighbour():
    torch.manual_seed(0)
    model = build_model(PLAIN.model_copy(update={"sequence_layers": 1}), OWN).eval()
    batch = batch_of(TARGETS, OWN)
    some = torch.arange(5, 25)
    with torch.inference_mode():
        before = model(rows(batch, some)).logits
        batch["image"][:5] = 0.3  # not shown
        assert torch.equal(model(rows(batch, some)).logits, before)


def test_three_networks_share_nothing():
    model = build_model(*CASES["the paper's"])
    assert sum(parameter.numel() for parameter in model.parameters()) == 3 * 2_784_259
    batch = batch_of([TARGETS[6], TARGETS[7]], OWN)
    model(batch).logits.sum().backward()
    assert all(parameter.grad is None for parameter in model.encoders[0].parameters())
    assert all(parameter.grad is not None for parameter in model.encoders[1].parameters())


def test_the_papers_network_sees_the_middle_slice_as_bytes():
    image = torch.rand(6, 5, 32, 32)
    shown = MiddleSliceInput()(image)
    assert shown.shape == (6, 3, 32, 32)
    for channel in range(3):
        assert torch.equal(shown[:, channel], image[:, 2] * 255)


@pytest.mark.parametrize("size_px", [20, 30, 36])
def test_the_papers_network_halves_its_images_three_times(size_px):
    with pytest.raises(ConfigError, match=rf"(?s)cannot see crops of this size\n  wanted: a multiple of 8.*{size_px}"):
        build_model(PAPER, OWN.model_copy(update={"size_px": size_px}))


def test_features_that_four_heads_cannot_share(monkeypatch):
    monkeypatch.setattr("lsdc.grade.deepscorenet.DeepScoreTrunk.num_features", 130)
    with pytest.raises(ConfigError, match=r"(?s)cannot be shared between four heads.*got:    130"):
        build_model(PAPER.model_copy(update={"sequence_layers": 1}), OWN)
