import json
import pickle
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from lightning.pytorch import Callback
from safetensors.torch import save_file

from lsdc.errors import ConfigError, DataError, DeviceError
from lsdc.grade import fit as fitting
from lsdc.grade import train as training
from lsdc.grade import train_classifier
from lsdc.grade.artefact import load_classifier
from lsdc.grade.checkpoints import WrittenAside
from lsdc.grade.model import build_model
from lsdc.grade.module import GradingModule
from lsdc.grade.timm_network import timm_trunk


@pytest.fixture
def train(folder, settings, errors, tmp_path, monkeypatch):
    monkeypatch.setenv("LSDC_CACHE", str(tmp_path / "cache"))

    def run(name, *overrides, fit=(1001, 1002, 1003, 1004), tuning=(1005, 1006)):
        out = tmp_path / name
        train_classifier(folder, fit_studies=fit, tuning_studies=tuning, location_errors=errors,
                         settings=settings(*overrides), fold=2, seed=9, out=out)
        return out

    return run


def weights(out):
    return load_classifier(out).model.state_dict()


def history(out):
    return pd.read_csv(out / "history.csv").drop(columns="seconds")


def test_what_a_training_leaves(train, settings, caplog):
    out = train("one")
    assert "no location error was measured, so no jitter: foraminal, subarticular" in caplog.text
    assert {path.name for path in out.iterdir()} == {
        "classifier.safetensors", "classifier.json", "history.csv", "inputs.json", "last.ckpt", "tensorboard"}
    assert not out.with_name("one.training").exists()
    trained = load_classifier(out)
    assert (trained.fold, trained.crops) == (2, settings().crops)
    assert history(out)["epoch"].tolist() == [1, 2, 3]
    assert history(out).columns.tolist() == ["epoch", "learning_rate", "tuning_loss", "train_loss"]
    assert history(out).notna().all(axis=None)
    told = json.loads((out / "classifier.json").read_text())
    assert (told["samples"], told["epochs"], told["seed"]) == (19, 3, 9)


def test_the_same_training_gives_the_same_weights_and_leaves_global_randomness_alone(train):
    torch.manual_seed(77)
    before = torch.get_rng_state()
    one = weights(train("one"))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(5)
    two = weights(train("two"))
    assert all(torch.equal(one[name], two[name]) for name in one)


class KilledError(RuntimeError):
    pass


class KillAt(Callback):
    """Dies in the middle of an epoch."""

    def __init__(self, epoch, batch):
        self.at = epoch, batch

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        if (trainer.current_epoch, index) == self.at:
            raise KilledError


WHOLE = ("crops.views=both", "classifier.slices=attention", "classifier.sequence_layers=1", "training.any_severe=0.5",
         "training.slice_loss=0.1", "training.accumulate=2", "training.batch_size=5", "augment.mirror=0.5",
         "augment.view_dropout=0.3", "augment.mixup=0.3", "augment.cutmix=0.2", "augment.gamma=0.2")


@pytest.mark.parametrize(("epoch", "batch", "more"), [(0, 0, ()), (1, 0, ()), (2, 1, ()), (1, 2, WHOLE)])
def test_an_interrupted_training_goes_on_as_if_never_stopped(train, monkeypatch, epoch, batch, more):
    straight = train("straight", *more)
    real = fitting._trainer

    def deadly(*arguments, **keywords):
        trainer = real(*arguments, **keywords)
        trainer.callbacks.insert(0, KillAt(epoch, batch))
        return trainer

    monkeypatch.setattr(fitting, "_trainer", deadly)
    with pytest.raises(KilledError):
        train("stopped", *more)
    monkeypatch.setattr(fitting, "_trainer", real)
    stopped = train("stopped", *more)
    pd.testing.assert_frame_equal(history(stopped), history(straight), check_exact=False, atol=1e-6, rtol=0)
    for name, value in weights(straight).items():
        assert (weights(stopped)[name].float() - value.float()).abs().max() <= 1e-6, name


def test_a_finished_training_is_kept(train):
    before = (train("one") / "classifier.safetensors").stat().st_mtime_ns
    assert (train("one") / "classifier.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize("overrides", [(), ("classifier.shared=false",)])
def test_the_tuning_loss_is_the_samples_own_however_they_are_put_into_batches(train, overrides):
    once, apart = (history(train(f"of{size}", *overrides, f"compute.batch_size={size}")) for size in (64, 3))
    pd.testing.assert_frame_equal(once, apart, rtol=0, atol=1e-6)
    assert once["tuning_loss"].nunique() == 3


def test_the_history_has_the_learning_rate_of_each_epochs_first_step(train):
    rates = history(train("one", "training.schedule=cosine", "training.warmup_epochs=0"))["learning_rate"]
    assert (rates / rates[0]).tolist() == pytest.approx([1, 0.75, 0.25])


def test_the_average_of_a_network_that_stays_as_it_is_is_that_network(settings):
    chosen = settings("classifier.sequence_layers=1", "training.ema_decay=0.9", "classifier.shared=true")
    module = GradingModule(build_model(chosen.classifier, chosen.crops), chosen, steps=1, seed=0)
    for _ in range(3):
        module.average.update_parameters(module.model)
    kept = dict([*module.average.module.named_parameters(), *module.average.module.named_buffers()])
    for name, value in [*module.model.named_parameters(), *module.model.named_buffers()]:
        torch.testing.assert_close(kept[name], value, rtol=0, atol=0 if not value.is_floating_point() else 1e-6)
    assert kept["sequence.mirror"].tolist() == [0, 2, 1, 4, 3]


def test_slices_that_jitter_moved_out_of_the_crop_are_not_pointed_at(train, errors):
    errors["slices"] = [2.0, -2.0, 2.0]
    out = train("one", "classifier.slices=attention", "training.slice_loss=0.1", "crops.slices=1")
    assert history(out).notna().all(axis=None)


def test_another_training_in_the_same_place_is_refused(train):
    train("one")
    with pytest.raises(ConfigError, match=r"(?s)other settings or inputs.*\['training'\].*remove this folder"):
        train("one", "training.epochs=4")
    with pytest.raises(ConfigError, match=r"\['fit_studies', 'grades', 'points'\]"):
        train("one", fit=(1001, 1002))


def test_other_starting_weights_in_the_same_file_are_another_training(train, tmp_path):
    for seed in (1, 2):
        torch.manual_seed(seed)
        save_file(timm_trunk("test_resnet", in_chans=3, weights=None).state_dict(), tmp_path / "start.safetensors")
        if seed == 1:
            train("one", f"classifier.weights={tmp_path / 'start.safetensors'}", "training.epochs=1")
    with pytest.raises(ConfigError, match=r"other settings or inputs(.|\n)*starting_weights"):
        train("one", f"classifier.weights={tmp_path / 'start.safetensors'}", "training.epochs=1")


def test_early_stopping_keeps_the_best_tuning_loss(train):
    out = train("stop", "training.early_stop_patience=1", "training.epochs=8", "training.learning_rate=0.05",
                "training.schedule=constant", "training.ema_decay=0")
    losses = history(out)["tuning_loss"]
    assert len(losses) < 8
    assert (out / "best.ckpt").exists()
    best = torch.load(out / "best.ckpt", weights_only=True)
    assert best["epoch"] == int(losses.idxmin())
    assert all(torch.equal(best["state_dict"][f"model.{name}"], value) for name, value in weights(out).items())


def gone_on(train, monkeypatch, place, name, deadly, overrides):
    """A training that `deadly` kills in the place of a function, and that goes on afterwards."""
    with monkeypatch.context() as patch:
        patch.setattr(place, name, deadly)
        with pytest.raises(KilledError):
            train("stopped", *overrides)
    return train("stopped", *overrides)


def test_a_training_that_had_stopped_early_is_trained_no_further(train, monkeypatch):
    """Killed after its last epoch, before the classifier was written."""
    stops = ("training.early_stop_patience=1", "training.epochs=8", "training.learning_rate=0.05",
             "training.schedule=constant", "training.ema_decay=0")
    straight = train("straight", *stops)

    def deadly(*_, **__):
        raise KilledError

    stopped = gone_on(train, monkeypatch, training, "save_classifier", deadly, stops)
    assert len(history(straight)) < 8
    pd.testing.assert_frame_equal(history(stopped), history(straight), check_exact=False, atol=1e-6, rtol=0)
    assert all(torch.equal(weights(stopped)[name], value) for name, value in weights(straight).items())


def test_killed_between_two_checkpoints_of_an_epoch_the_best_is_not_lost(train, monkeypatch):
    better = ("training.early_stop_patience=3", "training.ema_decay=0", "training.schedule=constant",
              "training.epochs=2")
    straight = train("straight", *better)
    assert history(straight)["tuning_loss"].idxmin() == 1  # the last epoch writes both checkpoints
    real, written = WrittenAside.save_checkpoint, []

    def deadly(self, checkpoint, path, storage_options=None):
        real(self, checkpoint, path, storage_options)
        written.append(checkpoint["epoch"])
        if written.count(1) == 1:
            raise KilledError

    stopped = gone_on(train, monkeypatch, WrittenAside, "save_checkpoint", deadly, better)
    assert all(torch.equal(weights(stopped)[name], value) for name, value in weights(straight).items())


def test_early_stopping_without_tuning_studies_is_refused(train):
    with pytest.raises(ConfigError, match="early stopping needs tuning studies"):
        train("one", "training.early_stop_patience=3", tuning=())


def test_gradients_of_several_batches_add_up_to_one_step(train):
    """Four batches of one study each, all in one step, are the step of a single batch of four studies."""
    exact = ("classifier.network=test_convnext", "classifier.dropout=0", "training.epochs=1",
             "training.warmup_epochs=0", "training.optimizer=SGD", "training.ema_decay=0", "training.gradient_clip=0",
             "augment.location_jitter=0", "classifier.sequence_layers=1", "training.schedule=constant")
    fit = (1002, 1003, 1004, 1005)  # five labels each, of one condition
    one = weights(train("one", *exact, "training.batch_size=20", fit=fit, tuning=()))
    four = weights(train("four", *exact, "training.batch_size=5", "training.accumulate=4", fit=fit, tuning=()))
    # the loss is normalised by the weights in each batch, so only steps of the same direction can be asked for
    start = weights(train("start", *exact, "training.batch_size=20", "training.learning_rate=1e-12", fit=fit,
                          tuning=()))
    ways = [torch.cat([(end[name] - start[name]).flatten() for name in start]) for end in (one, four)]
    assert torch.nn.functional.cosine_similarity(*ways, dim=0) > 0.95
    assert 0.7 < ways[1].norm() / ways[0].norm() < 1.4


@pytest.mark.parametrize("overrides", [
    ("classifier.shared=false",),
    WHOLE, ("classifier.metric_weights=at_inference", "classifier.head=softmax"),
    ("classifier.network=deepscorenet", "training.loss=focal", "training.focal_gamma=3", "training.balance=true",
     "training.optimizer=SGD", "training.ema_decay=0", "classifier.level_bias=false", "classifier.shared=false"),
])
def test_other_recipes_train_too(train, settings, overrides):
    out = train("other", "training.epochs=1", *overrides, tuning=())
    assert history(out)["train_loss"].notna().all()
    assert load_classifier(out).classifier.network == settings(*overrides).classifier.network


def test_a_gpu_that_is_not_there_is_an_error(train, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="a GPU was asked for and none can be used"):
        train("one", "compute.accelerator=gpu")


WILD = ("training.learning_rate=1e30", "training.gradient_clip=0", "training.warmup_epochs=0",
        "training.optimizer=SGD", "training.schedule=constant")


def test_a_loss_that_is_no_number_names_its_studies(train):
    with pytest.raises(DataError, match=r"(?s)the train loss is not a finite.*epoch \d, studies \[100.*learning_rate"):
        train("one", *WILD, "training.batch_size=2", tuning=())


@pytest.mark.parametrize("patience", [0, 2])
def test_a_tuning_loss_that_is_no_number_ends_a_training_too(train, patience):
    """One step an epoch: what it spoilt is first seen on the tuning studies. Nothing is kept."""
    with pytest.raises(DataError, match=r"(?s)the tuning loss is not a finite.*epoch 1, studies \[1005, 1006\].*to do"):
        train("one", *WILD, "training.batch_size=64", f"training.early_stop_patience={patience}")


class Spoils(Callback):
    """Makes a weight no number in the last step of an epoch."""

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        if trainer.is_last_batch:
            next(module.model.parameters()).data[0] = float("nan")


def test_weights_that_are_no_numbers_are_not_kept(train, monkeypatch, tmp_path):
    real = fitting._trainer

    def spoilt(*arguments, **keywords):
        trainer = real(*arguments, **keywords)
        trainer.callbacks.insert(0, Spoils())
        return trainer

    monkeypatch.setattr(fitting, "_trainer", spoilt)
    with pytest.raises(DataError, match=r"(?s)a weight of the network is not a finite number.*encoders\.0.*epoch 1"):
        train("one", "training.epochs=1", "training.ema_decay=0", tuning=())
    assert not (tmp_path / "one").exists()
    assert not list((tmp_path / "one.training").glob("*.ckpt"))


def test_what_is_compiled_is_compiled_where_it_is_trained(settings, monkeypatch):
    """Compiled networks do not travel to the processes of several devices."""
    chosen = settings("compute.compile=true")
    module = GradingModule(build_model(chosen.classifier, chosen.crops), chosen, steps=1, seed=0)
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **how: compiled.append((self, how)))
    there = pickle.loads(pickle.dumps(module))  # noqa: S301
    there.setup("fit")
    assert compiled == [(there.model.encoders[0].trunk, {"dynamic": True})]


@pytest.mark.parametrize(("text", "device", "whose"), [
    ("CUDA out of memory. Tried to allocate 2 GiB", "cuda", "the GPU"),
    ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", "cuda", "the GPU"),
    ("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory", "cpu", "this machine"),
])
def test_without_memory_the_settings_to_lower_are_named(train, monkeypatch, text, device, whose):
    def full(*_, **__):
        raise RuntimeError(text)

    monkeypatch.setattr(fitting, "choose_device", lambda _: torch.device(device))
    monkeypatch.setattr(fitting, "_trainer", lambda *_, **__: SimpleNamespace(fit=full))
    with pytest.raises(DeviceError, match=rf"(?s){whose} is out of memory.*lower training\.batch_size or crops\.size_px"
                                          r" \(compute\.batch_size where tuning"):
        train("one")
