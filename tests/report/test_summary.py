import re
import tomllib
import xml.etree.ElementTree as ET
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from lsdc.evaluate.table import PHANTOM_LINE
from lsdc.files import write_json
from lsdc.report import write_summary
from lsdc.report.figures import Curve, Mark, learning_curves, score_marks, stage_bars
from lsdc.report.page import Grid, Part, render
from lsdc.report.summary import summary_of
from tests.report.runs import evaluation, write_fold, write_run

ROOT = Path(__file__).parents[2]


class Page(HTMLParser):
    """Tags with their attributes, in order, and the text."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def named(self, *names: str) -> list[dict]:
        return [attributes for tag, attributes in self.tags if tag in names]


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path, "one")


def test_the_page_is_written_into_the_run_and_is_the_same_again(run, tmp_path):
    assert write_summary(run) == run.path / "summary.html"
    assert run.summary.read_text() == summary_of(run)
    assert summary_of(run) == summary_of(write_run(tmp_path / "other", "one"))


def test_the_page_shows_what_the_files_say(run):
    page = Page(summary_of(run))
    for words in ("0.5000", "0.4000 to 0.6000", "75.0 %", "-0.3000 (-0.4000 to -0.2000)", "P(model better) = 0.875",
                  PHANTOM_LINE, "canal: labelled rows", "L4/L5", "no sagittal_t1 series",
                  "Answered by priors: 5 of 100 rows (5.0 %)",
                  "Against annotated points", "95.0 %", "train the detector", "aaaabbbbcccc, ddddeeeeffff", "seed=3",
                  "phantom-9-2-seed1/competition", "canal 48.0, foraminal 40.0", "3.12.1",
                  "2024-10-08T07:06:05+00:00"):
        assert words in page.text, words
    assert "/somewhere" not in page.text
    assert len(page.named("svg")) == 3


def test_the_page_needs_nothing_from_elsewhere(run):
    page = Page(summary_of(run))
    assert not page.named("script", "link", "iframe", "img", "object", "image")
    for tag, attributes in page.tags:
        assert not {name for name in attributes if name.startswith("on") or name in ("src", "action")}, tag
        assert (attributes.get("xlink:href") or attributes.get("href") or "#").startswith("#"), tag
    assert "@import" not in summary_of(run)
    assert not re.search(r"url\((?!#)", summary_of(run))


def test_the_page_can_be_read_without_seeing_it(run):
    page = Page(summary_of(run))
    assert page.named("html")[0]["lang"] == "en"
    assert [tag for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)][:2] == ["h1", "h2"]
    assert len(page.named("h1")) == 1
    assert len(page.named("table")) == len(page.named("caption"))
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.named("th"))
    drawings = [one for one in page.named("div") if one.get("role") == "img"]
    assert len(drawings) == len(page.named("svg")) == len(page.named("figcaption"))
    assert all(len(one["aria-label"]) > 40 for one in drawings)
    labels = " ".join(one["aria-label"] for one in drawings)
    assert "fold 0: the training loss goes from 1.0000 to 0.3333 in 3 epochs, its tuning loss is least at" in labels
    identities = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identities) == len(set(identities))
    assert {one["aria-labelledby"] for one in page.named("section")} <= set(identities)


def test_what_files_say_is_never_markup(tmp_path):
    evil = "\"'><img src=x onerror=alert(1)><script>alert('&')</script>"
    run = write_run(tmp_path, "<b>name", causes=(evil,))
    environment = {"data": {"folder": evil, "fingerprint": evil}, "command": evil}
    write_json(run.environment, environment)
    run.config.write_text(yaml.safe_dump({evil: {"</td>": evil}}))
    page = Page(summary_of(run))
    assert not page.named("script", "b", "img")
    assert page.text.count(evil) >= 5


def test_a_stale_score_is_not_shown(tmp_path):
    run = write_run(tmp_path, "one", total=0.4321)
    assert "0.4321" in summary_of(run)
    run.fold(0).predictions.write_text("others\n")
    page = Page(summary_of(run))
    assert "its evaluation is not of these predictions (predicted anew: fold 0): make evaluate" in page.text
    assert "0.4321" not in page.text
    assert "Agreement" not in page.text
    assert "Learning curves" in page.text


def test_a_run_that_has_only_begun_has_a_page(tmp_path):
    page = Page(summary_of(write_run(tmp_path, "one", finished=(), evaluated=False)))
    assert "no fold located, no fold finished, of 3 folds" in page.text
    assert "no fold is located yet" in page.text
    assert not page.named("svg")
    assert "detector" in page.text  # settings


def test_real_data_has_no_floor(tmp_path):
    page = Page(summary_of(write_run(tmp_path, "one", floor=None)))
    assert "floor" not in page.text.replace("from priors to floor", "")
    assert PHANTOM_LINE not in page.text


@pytest.mark.parametrize(("content", "says"), [
    ("epoch,train_loss\n1,2\n", "fold0/classifier/history.csv cannot be read: no column learning_rate"),
    ("epoch,learning_rate,train_loss\n", "no epoch in it"),
    ("epoch,learning_rate,train_loss\n1,.1,much\n", "fold0/classifier/history.csv cannot be read"),
    ("", "fold0/classifier/history.csv is damaged"),
])
def test_a_damaged_history_is_told(run, content, says):
    run.fold(0).history.write_text(content)
    page = Page(summary_of(run))
    assert says in page.text
    assert "Learning curves" in page.text  # of fold 1


def test_losses_that_are_not_numbers_are_left_out_of_the_curve(run):
    run.fold(0).history.write_text("epoch,learning_rate,train_loss,tuning_loss\n1,.1,nan,\n2,.1,.5,.7\n")
    assert "fold 0: the training loss goes from - to 0.5000 in 2 epochs" in summary_of(run)


def test_undefined_scores_are_dashes(run):
    figures = evaluation(run, (0, 1))
    for line in figures["scores"]:
        line |= {"total": None, "canal": None}
        line["intervals"] |= {"total": [None, None], "canal": [None, None]}
    write_json(run.evaluation, figures | {"share_of_way": {"value": None, "interval": [None, None]}})
    assert "Share of the way from priors to floor: - (-)." in Page(summary_of(run)).text


@pytest.mark.parametrize("draw", [
    lambda: learning_curves([Curve(f"fold {i} <&>", [1, 2], [1.0, 0.5], [0.9, 0.8] if i % 2 else None, [0.1, 0.01])
                             for i in range(9)]),
    lambda: score_marks({"total <&>": {"model": Mark(0.5, (0.4, 0.6)), "floor": Mark(None, (None, None))}}),
    lambda: stage_bars({"fold 0 <&>": {"locate": 1.5}, "fold 1": {"predict": 0.5}}),
])
def test_a_figure_is_one_svg_with_its_text(draw):
    svg = draw()
    root = ET.fromstring(svg)  # noqa: S314 (our own)
    assert root.tag.endswith("svg")
    assert "<&>" in "".join(root.itertext())
    assert draw() == svg


def test_later_pages_stand_on_the_same_base(tmp_path):
    part = Part("Title", "name", ["a < b"], grids=[Grid("Caption", ("what", "n"), [["x", "1"]])])
    page = render("summary.html", run="r", lead="l", notices=[], phantom="", key=[], parts=[part])
    assert "a &lt; b" in page
    assert '<th scope="row" class="word">x</th><td>1</td>' in page


def test_the_wheel_brings_the_templates():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["lsdc.report"]
    folder = ROOT / "lsdc" / "report"
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*")
             if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert len(files) >= 3
    assert all(any(fnmatch(name, pattern) for pattern in patterns) for name in files)


def test_a_fold_added_later_is_drawn_too(run):
    write_fold(run, 2)
    assert "fold 2: the training loss" in summary_of(run)
