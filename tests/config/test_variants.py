from pathlib import Path

import pytest

from lsdc.config import load_settings, load_variants
from lsdc.errors import ConfigError

BASE = Path("configs/smoke.yaml")


@pytest.fixture
def load(tmp_path):
    def loaded(text: str, overrides=(), **keywords):
        (tmp_path / "variants.yaml").write_text(text)
        return load_variants(tmp_path / "variants.yaml", BASE, overrides, **keywords)
    return loaded


def test_variants_come_in_order_with_what_they_change(load):
    second, first = load('second: [training.epochs=7, "crops.size_mm={canal: 9, foraminal: 8, subarticular: 7}"]\n'
                         "first: [training.ema_decay=0]\n", ["training.epochs=6"])
    assert (second.name, first.name) == ("second", "first")
    assert second.settings.crops.size_mm.canal == 9
    assert second.changes[0] == "crops.size_mm.canal: 48.0 -> 9.0"
    assert "training.epochs: 6 -> 7" in second.changes
    assert first.settings == load_settings(BASE, ["training.epochs=6", "training.ema_decay=0"])


def test_faults_of_all_variants_at_once(load):
    with pytest.raises(ConfigError) as caught:
        load("a: [training.epoch=7]\nb: [training.epochs=0]\nc: [training.epochs=5]\nd: [training.epochs=7]\n")
    text = str(caught.value)
    for line in ("3 variants", "a: training.epoch: unknown key (did you mean epochs?)", "b: training.epochs: Input",
                 "c: training.epochs=5 changes nothing in configs/smoke.yaml", "variants.yaml"):
        assert line in text


@pytest.mark.parametrize(("text", "message"), [
    ("No Jitter: [training.epochs=7]\n", "No Jitter: not a name"),
    ("a/b: [training.epochs=7]\n", "a/b: not a name"),
    ("base: [training.epochs=7]\n", "base: this name is taken"),
    ("a: training.epochs=7\n", "a: wanted a list of section.key=value"),
    ("a: []\n", "a: wanted a list"),
    ("a: [{training.epochs: 7}]\n", "a: wanted a list"),
    ("a: [training.epochs=7]\na: [training.epochs=8]\n", "key given twice: a"),
    ("- a\n", r"a mapping of names to lists of overrides(.|\n)*no_ema"),
])
def test_files_that_are_no_variants(load, text, message):
    with pytest.raises(ConfigError, match=message):
        load(text, taken=("base",))
