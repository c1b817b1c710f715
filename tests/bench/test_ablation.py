from math import log
from pathlib import Path

import pytest

from lsdc.bench.ablation import ablation_variants, bench_ablation
from lsdc.bench.trial import check_variants, open_trial
from lsdc.errors import ConfigError
from lsdc.files import read_json
from lsdc.tables import PREDICTIONS
from tests.bench.faked import SMALL, Faked, answer, write_folder

SMOKE = Path("configs/smoke.yaml")


def says(settings, study, target):
    """Surer with jitter; without the moving average better on the first studies and worse on the others."""
    if settings.training.ema_decay == 0:
        return answer(study, target, 0.9 if study < 14 else 0.7)
    return answer(study, target, 0.8 if settings.augment.location_jitter else 0.6)


def test_each_variant_is_measured_against_the_base(tmp_path, monkeypatch, cache):
    faked = Faked(monkeypatch, says)
    (tmp_path / "mine.yaml").write_text("no_jitter: [augment.location_jitter=0]\nno_ema: [training.ema_decay=0]\n"
                                        "both: [augment.location_jitter=0, training.ema_decay=0]\n")
    variants = ablation_variants(SMOKE, [*SMALL, "folds.count=3"], table=tmp_path / "mine.yaml")
    trial = open_trial(write_folder(tmp_path), variants, tmp_path / "runs", "quality", folds=(0,))
    text = bench_ablation(trial, only=("default", "no_jitter", "no_ema"))
    assert [step for step in faked.done if step[0] == "detector"] == [("detector", "quality-default", 0)]
    base, no_jitter, no_ema = read_json(cache / "bench" / "ablation.json")["rows"]
    assert base["minus_base"] is None
    assert base["total"] == pytest.approx(-log(0.8))
    assert no_jitter["minus_base"]["value"] == pytest.approx(log(0.8) - log(0.6))
    assert not no_jitter["minus_base"]["inside_noise"]
    assert no_jitter["changes"] == ["augment.location_jitter: 1.0 -> 0.0"]
    assert trial.folds[trial.folds["fold"] == 0]["study_id"].tolist() == [11, 15]  # better on one, worse on the other
    assert no_ema["minus_base"]["inside_noise"]
    lines = text.splitlines()
    assert "clear of the noise" in next(line for line in lines if line.startswith("no_jitter"))
    assert "inside the noise" in next(line for line in lines if line.startswith("no_ema"))
    assert "left out: both: not begun" in text
    assert "2 studies of fold 0" in text
    assert "answered by priors" not in text
    here = trial.run(variants[2]).fold(0)  # no_ema's predictions, two rows of which nobody located
    rows = PREDICTIONS.read(here.predictions)
    rows.loc[:1, "fallback"] = "not located"
    PREDICTIONS.write(rows, here.predictions)
    assert "rows answered by priors, of 50: 2 of no_ema" in bench_ablation(trial, train=False)


def test_the_variants_of_the_kit_fit_its_default():
    variants = ablation_variants(Path("configs/phantom.yaml"))
    names = [variant.name for variant in variants]
    assert names[0] == "default"
    assert {"no_jitter", "no_mirroring", "no_ema"} <= set(names)
    check_variants(variants, only=names[1:2])


def test_what_cannot_be_compared_is_told_before_any_work(tmp_path):
    table = tmp_path / "mine.yaml"
    table.write_text("more_detector: [detector.epochs=99]\nother_split: [folds.seed=6]\n")
    variants = ablation_variants(SMOKE, table=table)
    with pytest.raises(ConfigError, match=r"more_detector: detector.epochs: 24 -> 99\n +other_split: folds.seed: 5"):
        check_variants(variants)
    with pytest.raises(ConfigError, match=r"no row of this name(.|\n)*default, more_detector, other(.|\n)*jitter"):
        check_variants(variants, only=["jitter"])
