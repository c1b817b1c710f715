"""Networks that share nothing stop each by itself, as if it trained alone."""

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from lightning.pytorch import Callback

from lsdc.competition import CompetitionFolder
from lsdc.grade import fit as fitting
from lsdc.grade import train_classifier
from lsdc.grade.artefact import load_classifier
from lsdc.grade.model import CONDITIONS, build_model
from lsdc.grade.stopping import EachPatience
from lsdc.taxonomy import Condition

APART = ("classifier.shared=false", "training.early_stop_patience=2", "training.epochs=12",
         "training.learning_rate=0.02", "training.schedule=constant", "training.ema_decay=0")
CANAL, FORAMINAL, SUBARTICULAR = map(CONDITIONS.index, Condition)


@pytest.fixture
def two_conditions(folder):
    """The folder with a left foraminal point, on the sagittal T1 series, where each canal point is."""
    more = folder.points.assign(condition=str(Condition.FORAMINAL), side="left",
                                series_id=folder.points["series_id"] - 1)
    return replace(folder, points=pd.concat([folder.points, more], ignore_index=True))


def all_severe(folder: CompetitionFolder) -> CompetitionFolder:
    """With the same foraminal grade everywhere: it is learned better epoch by epoch, and the canal's are not."""
    grades = folder.grades
    foraminal = (grades["condition"] == "foraminal") & grades["severity"].notna()
    return replace(folder, grades=grades.assign(severity=grades["severity"].mask(foraminal, "severe")))


@pytest.fixture
def train(settings, errors, tmp_path, monkeypatch):
    monkeypatch.setenv("LSDC_CACHE", str(tmp_path / "cache"))

    def run(data, name, *overrides):
        out = tmp_path / name
        train_classifier(data, fit_studies=(1001, 1002, 1003, 1004), tuning_studies=(1005, 1006), seed=9, fold=2,
                         location_errors=errors, settings=settings(*APART, *overrides), out=out)
        return out, load_classifier(out).model

    return run


class Watch(Callback):
    """Keeps every condition's network of every epoch."""

    def __init__(self):
        self.seen = []

    def on_validation_end(self, trainer, module):
        self.seen.append([module.final.of_condition(index) for index in range(len(CONDITIONS))])


def equal(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def stops(losses: list[float], patience: int) -> tuple[int, int]:
    """The epoch that a network which trains alone keeps, and its last one, of these tuning losses."""
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        elif epoch - best >= patience:
            return best, epoch
    return best, len(losses) - 1


def test_each_network_is_kept_at_its_own_best(train, two_conditions, watched_by):
    watch = watched_by(Watch())
    out, model = train(all_severe(two_conditions), "watched", "training.epochs=6")
    history = pd.read_csv(out / "history.csv")
    alone = {index: stops(history[f"{CONDITIONS[index]}_tuning_loss"].tolist(), 2) for index in (CANAL, FORAMINAL)}
    assert alone[CANAL][1] < alone[FORAMINAL][1] == len(history) - 1
    assert alone[CANAL][0] < alone[FORAMINAL][0]
    for index, (best, _) in alone.items():
        assert equal(model.of_condition(index), watch.seen[best][index])
    assert equal(model.of_condition(SUBARTICULAR), watch.seen[0][SUBARTICULAR])  # it saw nothing
    assert not (out / "best.ckpt").exists()


def test_they_share_nothing(train, two_conditions):
    """Other foraminal grades, and the canal's network is the same to the bit."""
    _, one = train(two_conditions, "one")
    _, two = train(all_severe(two_conditions), "two")
    assert equal(one.of_condition(CANAL), two.of_condition(CANAL))
    assert not equal(one.of_condition(FORAMINAL), two.of_condition(FORAMINAL))


def test_a_training_that_goes_on_stops_where_it_would_have(train, two_conditions, monkeypatch):
    straight, model = train(two_conditions, "straight")
    real, seen = fitting._trainer, []

    class Dies(Callback):
        def on_train_epoch_start(self, trainer, module):
            seen.append(trainer.current_epoch)
            if trainer.current_epoch == 2:
                raise KeyError("dies")

    def deadly(*arguments, **keywords):
        trainer = real(*arguments, **keywords)
        trainer.callbacks.append(Dies())
        return trainer

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "_trainer", deadly)
        with pytest.raises(KeyError, match="dies"):
            train(two_conditions, "stopped")
    assert seen == [0, 1, 2]
    stopped, again = train(two_conditions, "stopped")
    losses = [pd.read_csv(out / "history.csv").drop(columns="seconds") for out in (straight, stopped)]
    pd.testing.assert_frame_equal(*losses, check_exact=False, atol=1e-6, rtol=0)
    for index in range(len(CONDITIONS)):
        for name, value in model.of_condition(index).items():
            assert (again.of_condition(index)[name].float() - value.float()).abs().max() <= 1e-6, name


def test_the_last_to_stop_ends_the_training(settings):
    chosen = settings("classifier.shared=false")
    module = SimpleNamespace(final=build_model(chosen.classifier, chosen.crops))
    each, trainer = EachPatience(2), SimpleNamespace(callback_metrics={}, should_stop=False)
    ended = []
    for canal, foraminal in ((3.0, 5.0), (2.0, 6.0), (2.5, 7.0), (2.5, 1.0), (1.0, 1.0)):
        trainer.callback_metrics = {"canal_tuning_loss": torch.tensor(canal),
                                    "foraminal_tuning_loss": torch.tensor(foraminal)}
        each.on_validation_end(trainer, module)
        ended.append(trainer.should_stop)
    assert each.best == {"canal": 2.0, "foraminal": 5.0}  # what came after they had stopped does not count
    assert ended == [False, False, False, True, True]
    again, other = EachPatience(2), SimpleNamespace(callback_metrics={}, should_stop=False)
    again.load_state_dict(each.state_dict())
    again.on_train_start(other, module)
    assert other.should_stop
