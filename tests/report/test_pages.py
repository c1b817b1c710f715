"""A whole report as files: what is said and never is, links that lead somewhere, a folder that appears whole."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pydicom
import pytest

from lsdc.competition import open_folder
from lsdc.errors import DataError, FoldError, LsdcError, StorageError
from lsdc.evaluate import evaluate_run
from lsdc.files import ASIDE
from lsdc.report import page as templates
from lsdc.report import pages
from lsdc.report.pages import write_report
from lsdc.report.report_folder import replaced
from lsdc.runs import RunFolder
from lsdc.tables import LOCATIONS
from lsdc.taxonomy import TARGETS
from tests.report.conftest import EVIL, IDENTITY

PAGES = ("index.html", "worklist.html", "locations.html", "run.html")


class Page(HTMLParser):
    def __init__(self, path: Path):
        super().__init__()
        self.path, self.tags, self.text = path, [], ""
        self.feed(path.read_text(encoding="utf-8"))
        self.ids = [attributes["id"] for _, attributes in self.tags if "id" in attributes]

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    handle_startendtag = handle_starttag

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def every(reported) -> dict[str, Page]:
    names = [*PAGES, *(f"studies/{study}.html" for study in reported.studies)]
    return {name: Page(reported.place / name) for name in names}


def test_every_link_and_file_is_there_and_nothing_leads_out(every, reported):
    checked = 0
    for name, one in every.items():
        for tag, attributes in one.tags:
            for attribute in ("href", "src", "xlink:href"):
                if (value := attributes.get(attribute)) is None:
                    continue
                file, _, anchor = value.partition("#")
                assert re.fullmatch(r"[\w./-]*", file), (name, tag, value)
                path = (one.path.parent / file).resolve() if file else one.path
                assert path.is_relative_to(reported.place.resolve())
                assert path.is_file(), (name, value)
                if anchor and attribute == "href":
                    where = Page(path) if path != one.path else one
                    assert anchor in where.ids, (name, value)
                checked += 1
        assert len(one.ids) == len(set(one.ids)), name
    assert checked > 300


def test_tables_images_and_figures_have_words(every):
    for name, one in every.items():
        assert len(one.all("table")) == len(re.findall("<caption>", one.path.read_text())), name
        assert all(head.get("scope") in ("col", "row") for head in one.all("th")), name
        assert all("alt" in image and "width" in image and image["loading"] == "lazy" for image in one.all("img")), name
        drawings = [div for div in one.all("div") if div.get("role") == "img"]
        assert all(len(div["aria-label"]) > 60 for div in drawings), name
        assert one.all("html")[0]["lang"] == "en"
    assert len([div for div in every["index.html"].all("div") if div.get("role") == "img"]) == 3


def test_what_files_say_is_never_markup(every):
    assert sum(one.text.count(EVIL) for one in every.values()) >= 6  # scanner, reason of a fallback, note
    for name, one in every.items():
        scripts = one.all("script")
        assert scripts == ([{"src": "assets/worklist.js", "defer": None}] if name == "worklist.html" else [])
        assert not [key for _, attributes in one.tags for key in attributes if key.startswith("on")]
        assert not [image for image in one.all("img") if image.get("src") == "x"]


def test_names_and_dates_of_a_header_reach_no_page(reported):
    planted = [path for path in (reported.folder.root / "train_images").glob("*/*/*")
               if path.stat().st_size > 5000 and path.name.endswith(".dcm")]
    assert any(IDENTITY["InstitutionName"] in str(pydicom.dcmread(path, force=True)) for path in planted[:5])
    for path in reported.place.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for name, value in IDENTITY.items():
                if len(value) > 1:
                    assert value.encode() not in content, (path, name)


def test_the_overview_has_every_table_of_evaluate(every, reported):
    text = every["index.html"].text
    figures = evaluate_run(reported.run, reported.folder, reported.settings.evaluation).figures
    model = next(one for one in figures["scores"] if one["name"] == "model")
    for words in (f"{model['total']:.4f}", "priors of the training folds", "floor of the phantom", "Runs scored on the",
                  "By planes that can be read", "By scanner", "By slices in the study", "By longest image side",
                  "Gwet's AC1", "Confusion, canal", "Agreement by level and side", "SpineNet",
                  "Expected calibration error", "Exponent of the metric's weights", "Each fold against the others",
                  "Answered by priors:", "Against true keypoints", "mine (this one)", "40 to 79 slices"):
        assert words in text, words
    saved = json.loads(reported.page("figures.json"))
    assert saved["evaluation"] == figures
    assert sum(row["studies"] for row in saved["subgroups"]["Scanner"]) == len(reported.studies)
    assert [row["study_id"] for row in saved["worklist"]] != []
    assert not reported.run.evaluation.exists()  # a report reads a run and changes nothing in it


def test_a_lost_series_is_told_on_its_page_and_the_first(every, reported):
    study, series = reported.lost
    mine = every[f"studies/{study}.html"]
    assert f"No image of 5 targets: series {series} cannot be read any more." in mine.text
    assert "spinal canal (p" in mine.text
    assert f"study {study}: series {series} cannot be read any more" in every["index.html"].text
    assert "box-canal-midline-l1_l2" not in mine.ids
    assert "say-canal-midline-l1_l2" in mine.ids
    assert "without Sagittal T2/STIR" in every["index.html"].text


def test_each_target_is_said_once_and_drawn_on_its_slice(every, reported):
    places = LOCATIONS.read(reported.run.fold(0).locations)
    study = int(places.study_id[0])
    mine = every[f"studies/{study}.html"]
    for target in TARGETS:
        assert mine.ids.count(f"say-{'-'.join(target)}") == 1
    slices = {f"slice-{row.series_id}-{row.slice_index + 1}" for row in places[places.study_id == study].itertuples()}
    assert {one for one in mine.ids if one.startswith("slice-")} == slices
    assert f"Not assessed: spinal canal ({EVIL})." in mine.text
    assert "Research draft, made by a program. Not for clinical use." in mine.text


def test_images_are_small(reported):
    sizes = [path.stat().st_size for path in (reported.place / "images").rglob("*.webp")]
    assert max(sizes) < 30_000
    assert max(path.stat().st_size for path in (reported.place / "images").rglob("thumb.webp")) < 3_000


def test_the_same_run_gives_the_same_pages_again_and_replaces_only_reports(reported, tmp_path, monkeypatch):
    out = tmp_path / "again"
    write_report(reported.run, reported.folder, reported.settings, out, workers=1)
    names = sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(reported.place) for path in reported.place.rglob("*") if path.is_file())
    assert all((out / name).read_bytes() == (reported.place / name).read_bytes() for name in names)
    before = (out / "index.html").read_bytes()

    def fail(*_, **__):
        raise LsdcError("no more")

    monkeypatch.setattr(pages, "overview_page", fail)
    with pytest.raises(LsdcError, match="no more"):
        write_report(reported.run, reported.folder, reported.settings, out, workers=1)
    assert (out / "index.html").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_a_folder_of_others_is_refused_before_anything_is_done(reported, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(StorageError, match=r"no report(.|\n)*thesis(.|\n)*--out"):
        write_report(reported.run, reported.folder, reported.settings, tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"


def test_what_a_killed_report_left_is_removed(tmp_path):
    (tmp_path / f".report.x{ASIDE}" / "report").mkdir(parents=True)
    (tmp_path / f".report.x{ASIDE}" / "report" / "half.html").touch()
    with replaced(tmp_path / "report") as place:
        assert list(place.iterdir()) == []
        (place / "figures.json").touch()
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["figures.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


@pytest.mark.parametrize("name", ["study.html", "report.css"])
def test_a_missing_template_is_named(reported, tmp_path, monkeypatch, name):
    for path in templates.TEMPLATES.iterdir():
        if path.name != name:
            (tmp_path / "templates").mkdir(exist_ok=True)
            (tmp_path / "templates" / path.name).symlink_to(path)
    monkeypatch.setattr(templates, "TEMPLATES", tmp_path / "templates")
    templates._environment.cache_clear()
    try:
        with pytest.raises(LsdcError, match=f"missing(.|\n)*{name}(.|\n)*make setup"):
            write_report(reported.run, reported.folder, reported.settings, tmp_path / "out", workers=1)
    finally:
        templates._environment.cache_clear()
    assert not (tmp_path / "out").exists()


def test_a_run_that_cannot_be_reported_says_why(reported, tmp_path):
    empty = RunFolder(tmp_path / "empty")
    empty.path.mkdir()
    (empty.path / "folds.csv").write_bytes(reported.run.folds.read_bytes())
    with pytest.raises(DataError, match="no finished fold"):
        write_report(empty, reported.folder, reported.settings, tmp_path / "out")
    (empty.path / "folds.csv").write_text("study_id,fold\n1,0\n")
    with pytest.raises(FoldError):
        write_report(empty, reported.folder, reported.settings, tmp_path / "out")


def test_what_cannot_be_measured_of_the_places_is_a_note(reported, tmp_path):
    box_matches = reported.run.fold(0).box_matches
    kept = box_matches.read_bytes()
    box_matches.unlink()
    try:
        gathered = pages.gather(reported.run, open_folder(reported.folder.root), reported.settings)
    finally:
        box_matches.write_bytes(kept)
    assert gathered.measured is None
    assert "The tables of locations are left out: a csv file is missing" in gathered.notes[0]
    assert any(target.distance_mm is not None for case in gathered.cases for target in case.targets)


def test_a_report_with_something_of_others_in_it_is_not_replaced(tmp_path):
    for name in ("figures.json", "index.html", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.raises(StorageError, match=r"no report(.|\n)*got: +notes\.txt"), replaced(tmp_path):
        raise AssertionError
    assert (tmp_path / "notes.txt").exists()
