"""The whole harness with a faked training: which stages run, which are shared, and the numbers of its table."""

from math import log
from pathlib import Path

import numpy as np
import pytest

from lsdc.bench.quality import bench_quality, quality_variants
from lsdc.bench.trial import open_trial
from lsdc.config import load_settings
from lsdc.errors import ConfigError, DataError, FoldError
from lsdc.evaluate import evaluate_run
from lsdc.files import read_json, write_json
from lsdc.runs import RunFolder
from lsdc.taxonomy import Condition
from tests.bench.faked import FLOOR, SMALL, Faked, answer, write_folder

DEFAULT, PAPER = 0.8, 0.6  # the two classifiers' probability of each grade read


def says(settings, study, target):
    if settings.classifier.network != "deepscorenet":
        return answer(study, target, DEFAULT)
    return np.full(3, 1 / 3) if target.condition == Condition.FORAMINAL else answer(study, target, PAPER)


@pytest.fixture
def faked(monkeypatch) -> Faked:
    return Faked(monkeypatch, says)


@pytest.fixture
def open_it(tmp_path, faked):
    folder = write_folder(tmp_path)

    def trial(*, folds=(), overrides=()):
        variants = quality_variants(Path("configs/smoke.yaml"), [*SMALL, *overrides])
        return open_trial(folder, variants, tmp_path / "runs", "quality", folds=folds)
    return trial


def saved(cache) -> dict:
    return read_json(cache / "bench" / "quality.json")


def test_one_detector_of_each_fold_serves_both(open_it, faked, tmp_path):
    bench_quality(open_it())
    detectors = [step for step in faked.done if step[0] in ("detector", "locate")]
    assert detectors == [(step, "quality-default", fold) for fold in (0, 1) for step in ("detector", "locate")]
    for name in ("default", "paper"):
        assert [step for step in faked.done if step[0] == "classifier" and step[1] == f"quality-{name}"] == [
            ("classifier", f"quality-{name}", 0), ("classifier", f"quality-{name}", 1)]
    one, other = (RunFolder(tmp_path / "runs" / f"quality-{name}").fold(1) for name in ("default", "paper"))
    assert one.locations.read_bytes() == other.locations.read_bytes()
    assert read_json(other.stages)["locate"]["taken_from"] == "quality-default"
    before = len(faked.done)
    bench_quality(open_it())
    assert len(faked.done) == before  # nothing is done twice


def test_the_numbers_of_the_table(open_it, cache):
    trial = open_it()
    text = bench_quality(trial)
    figures = saved(cache)
    default, paper = figures["rows"]
    priors, floor = figures["ends"]
    assert default["canal"] == pytest.approx(-log(DEFAULT))
    assert default["any_severe"] == pytest.approx(-log(DEFAULT))  # every study has a severe canal
    assert default["total"] == pytest.approx(-log(DEFAULT))
    assert paper["foraminal"] == pytest.approx(log(3))
    assert paper["total"] == pytest.approx((log(3) - 3 * log(PAPER)) / 4)
    assert floor["total"] == pytest.approx(-log(FLOOR))
    way = (priors["total"] - default["total"]) / (priors["total"] - floor["total"])
    assert default["share_of_way"]["value"] == pytest.approx(way)
    assert default["kappa"] == pytest.approx({"canal": 1, "foraminal": 1, "subarticular": 1})
    assert paper["kappa"] == pytest.approx({"canal": 1, "foraminal": 0, "subarticular": 1})  # always the same answer
    less = figures["default_minus_paper"]
    assert less["value"] == pytest.approx(default["total"] - paper["total"])
    assert less["interval"] == pytest.approx([less["value"]] * 2)  # the same in each study
    assert not less["inside_noise"]
    assert (figures["studies"], figures["folds"], figures["left_out"]) == (6, [0, 1], [])
    whole = evaluate_run(trial.run(trial.first), trial.folder, trial.first.settings.evaluation, all_folds=True)
    assert whole.figures["scores"][0]["total"] == default["total"]
    for words in (f"{default['total']:.3f}", f"{100 * way:.1f} %", f"{less['value']:+.4f}", "clear of the noise",
                  "priors of the training folds", "floor of the phantom", "detector.epochs: 10 -> 24"):
        assert words in text


def test_seconds_are_summed_over_folds(open_it, cache):
    trial = open_it()
    bench_quality(trial)
    for fold, factor in ((0, 1), (1, 2)):
        for name, variant in zip(("default", "paper"), trial.variants, strict=True):
            seconds = {"train the detector": 60, "locate": 12, "predict": 3,
                       "train the classifier": 90 if name == "default" else 30}
            write_json(trial.run(variant).fold(fold).stages, {
                stage: {"seconds": factor * value, "commit": "abc"} for stage, value in seconds.items()})
    text = bench_quality(trial, train=False)
    lines = text.splitlines()
    assert next(line for line in lines if line.startswith("default")).endswith("4.5 min")  # 90 + 180 s
    assert next(line for line in lines if line.startswith("paper's recipe")).endswith("1.5 min")
    assert "detectors 3.0 min, places 0.6 min; with them default took 8.2 min" in text
    assert saved(cache)["rows"][0]["commits"] == ["abc"]


def test_a_stop_loses_only_what_was_going_on(open_it, faked, cache):
    def stop(step, run, fold):
        if (step, run, fold) == ("classifier", "quality-paper", 1):
            raise KeyboardInterrupt

    faked.stop = stop
    with pytest.raises(KeyboardInterrupt):
        bench_quality(open_it())
    text = bench_quality(open_it(), train=False)
    assert "left out: paper: fold 1 not finished" in text
    assert "paired:" not in text
    assert [row["name"] for row in saved(cache)["rows"]] == ["default"]
    assert saved(cache)["default_minus_paper"] is None
    faked.stop, before = lambda *told: None, len(faked.done)
    bench_quality(open_it())
    assert faked.done[before:] == [("classifier", "quality-paper", 1), ("predict", "quality-paper", 1)]
    assert [row["name"] for row in saved(cache)["rows"]] == ["default", "paper"]


def test_only_the_rows_and_folds_asked_for(open_it, faked, cache):
    text = bench_quality(open_it(folds=(1,)), only=("paper",))
    assert faked.done == [("detector", "quality-default", 1), ("locate", "quality-default", 1),
                          ("classifier", "quality-paper", 1), ("predict", "quality-paper", 1)]
    assert "left out: default: fold 1 not finished" in text
    assert (saved(cache)["folds"], saved(cache)["studies"]) == ([1], 3)
    with pytest.raises(DataError, match=r"no row(.|\n)*fold 0, 1 not finished(.|\n)*paper: fold 0 not finished"):
        bench_quality(open_it(), train=False)
    with pytest.raises(FoldError, match="there is no fold 2"):
        open_it(folds=(2,))


def test_a_run_of_other_settings_has_no_row_and_is_not_trained_on(open_it, faked):
    bench_quality(open_it())
    other = open_it(overrides=["training.epochs=9"])  # of the default alone
    text = bench_quality(other, train=False)
    assert "left out: default: this run was made with other settings: training.epochs: 5 -> 9" in text
    assert any(line.startswith("paper's recipe") for line in text.splitlines())
    before = len(faked.done)
    with pytest.raises(ConfigError, match=r"other settings(.|\n)*training.epochs: 5 -> 9"):
        bench_quality(other, only=("paper",))
    assert len(faked.done) == before


def test_without_a_truth_there_is_no_floor(open_it, tmp_path, cache):
    (tmp_path / "truth" / "latents.csv").unlink()
    text = bench_quality(open_it())
    assert [end["name"] for end in saved(cache)["ends"]] == ["priors"]
    assert saved(cache)["rows"][0]["share_of_way"] is None
    assert "floor of the phantom" not in text
    assert "This is the phantom" not in text


def test_the_paper_keeps_its_recipe_and_takes_the_places():
    default, paper = quality_variants(Path("configs/phantom.yaml"), ["detector.epochs=3"])
    own = load_settings("configs/deepscorenet.yaml")
    for name in ("crops", "classifier", "training", "augment"):
        assert getattr(paper.settings, name) == getattr(own, name)
    for name in ("seed", "folds", "detector", "phantom", "compute", "evaluation"):
        assert getattr(paper.settings, name) == getattr(default.settings, name)
    assert (default.settings.phantom.train_studies, default.settings.detector.epochs) == (300, 3)
    assert default.settings.phantom.seed != load_settings("configs/phantom.yaml").phantom.seed
    assert "detector.epochs: 10 -> 3" in paper.changes
