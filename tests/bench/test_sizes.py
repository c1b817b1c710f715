"""Cost against size: folders of any number of studies, every stage on them, figures and their page."""

import re

import pytest

from lsdc.audit import Severity, audit_folder
from lsdc.bench.saved import save_figures
from lsdc.bench.sizes import bench_sizes
from lsdc.bench.sizes.measure import measure
from lsdc.bench.sizes.page import sizes_page
from lsdc.bench.sizes.place import FILES_EACH, make_place
from lsdc.bench.sizes.text import text_of
from lsdc.bench.sizes.work import STAGES
from lsdc.competition import open_folder
from lsdc.files import read_json
from lsdc.phantom.latents import draw_labels
from lsdc.submit.writer import check_submission
from lsdc.taxonomy import TARGETS

SIZES = (10, 20, 40)
IN_PROCESSES = ("folds", "audit of tables", "predict again")


@pytest.fixture(scope="module")
def places(phantom, settings, tmp_path_factory):
    root = tmp_path_factory.mktemp("sizes")
    return [make_place(phantom / "competition", root / str(size), size, settings) for size in SIZES]


def test_a_place_is_a_competition_folder_of_so_many_studies(places, settings):
    place = places[1]
    folder, found = open_folder(place.competition), audit_folder(place.competition, workers=1)
    for part in ("train", "test"):
        assert len(folder.study_ids(part)) == found.sizes[part][0] == place.studies
    assert not [one for one in found.findings if one.kind.severity == Severity.FATAL]
    series = [path for path in place.competition.glob("*_images/*/*") if path.is_dir()]
    assert len(series) == len(folder.series["train"]) + len(folder.series["test"])
    assert {len(list(one.iterdir())) for one in series} == {FILES_EACH}
    grades = folder.grades["severity"].to_numpy().reshape(place.studies, len(TARGETS))
    for number in (0, 7, 19):  # each study its own, whichever phantom's files it is linked to
        drawn = draw_labels(settings.phantom.seed, "train", number).severity
        assert [("normal_mild", "moderate", "severe")[grade] for grade in drawn] == grades[number].tolist()


def test_every_stage_goes_through_all_of_each_size(places, settings):
    for place in places:
        files = len(list(place.competition.glob("train_images/*/*/*.dcm")))
        rows = place.studies * len(TARGETS)
        wanted = {"audit": files, "metric": rows, "evaluate": rows, "bootstrap": settings.evaluation.bootstrap}
        for name in STAGES:
            figures = measure(name, place, settings)
            assert figures["counted"] == wanted.get(name, place.studies), name
            assert figures["studies"] == place.studies
            assert figures["seconds"] > 0
            assert figures["peak_mb"] >= 0.99 * figures["held_mb"] > 50
        page = (place.report / "worklist.html").read_text(encoding="utf-8")
        assert set(re.findall(r"studies/(\d+)\.html", page)) == {
            str(study) for study in open_folder(place.competition).study_ids("train")}
        check_submission(place.work / "submission.csv", open_folder(place.competition).sample)


def test_stages_in_processes_become_figures_and_a_page(phantom, settings, cache):
    text = bench_sizes(phantom / "competition", settings, sizes=SIZES, stages=IN_PROCESSES)
    saved = read_json(cache / "bench" / "sizes.json")
    assert list(saved["stages"]) == sorted(IN_PROCESSES)
    assert all([row["studies"] for row in rows] == list(SIZES) for rows in saved["stages"].values())
    assert not list(cache.glob("sizes.*"))
    lines = [line[:20].strip() for line in text.splitlines()]
    assert [name for name in lines if name in STAGES] == 2 * [name for name in STAGES if name in IN_PROCESSES]
    assert str(cache / "bench" / "sizes.html") in text
    assert (cache / "bench" / "sizes.html").read_text(encoding="utf-8") == sizes_page(saved)
    assert "%" not in text
    again = bench_sizes(phantom / "competition", settings, sizes=SIZES, stages=IN_PROCESSES[:1])
    assert "%" in next(line for line in again.splitlines() if line.startswith(IN_PROCESSES[0]))


@pytest.fixture
def figures(cache):
    """Of two sizes: predict takes the square of the studies, the audit holds more than its tables."""
    def rows(power: float, megabytes: float) -> list[dict]:
        return [{"studies": size, "counted": size, "seconds": size**power, "processor_seconds": size**power,
                 "held_mb": 100.0, "peak_mb": 100 + megabytes * size} for size in (100, 1000)]

    stages = {"audit": rows(1.0, 1.0), "audit of tables": rows(1.0, 0.5), "predict": rows(2.0, 0.001),
              "submission": rows(1.0, 0.0), "metric": rows(1.0, 1.0)}
    save_figures("sizes", {"sizes": [100, 1000], "files_each": 2, "bootstrap": 5, "stages": stages})
    return read_json(cache / "bench" / "sizes.json")


def test_what_is_too_much_is_told(figures):
    page, text = sizes_page(figures), text_of(figures, {"predict": [1.0, 2e6]})
    assert "Worse than linear in time: predict." in page
    assert "Memory grows with the studies gone through: audit." in page
    cells = {tuple(re.split("  +", line.strip())) for line in text.splitlines()}
    assert ("predict", "10000.0 s", "1000000.0 s", "1000000.0 s", "-50 %", "2.00", "worse than linear") in cells
    assert ("audit", "100.0 s", "1000.0 s", "1000.0 s", "1.00", "linear") in cells
    assert ("audit", "200 MB", "1100 MB", "1000.0", "grows beside its tables") in cells
    assert ("metric", "200 MB", "1100 MB", "1000.0", "with its tables") in cells
    assert ("predict", "100 MB", "101 MB", "1.0", "flat beside its tables") in cells


def test_the_page_opens_from_disk_with_a_drawing_of_each_figure(figures, browser, tmp_path):
    (tmp_path / "sizes.html").write_text(sizes_page(figures), encoding="utf-8")
    page = browser.new_context(viewport={"width": 1200, "height": 900}).new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "sizes.html").as_uri())
    assert (said, len(asked)) == ([], 1)  # nothing else is needed
    assert page.locator("h1").inner_text() == "Cost against size"
    drawings = page.locator("[role=img]")
    assert drawings.count() == 2
    for drawn in drawings.all():
        assert drawn.bounding_box()["width"] > 500
        for words in (*figures["stages"], "Reading a folder", "Scoring", "Report and submission", "studies"):
            assert words in drawn.text_content()
        assert all(name in drawn.get_attribute("aria-label") for name in figures["stages"])
    rows = page.locator("table", has_text="Largest memory").locator("tbody tr").all_inner_texts()
    assert [row.split("\t")[0] for row in rows] == [name for name in STAGES if name in figures["stages"]]
    commit = figures["environment"]["commit"]
    assert commit is None or commit in page.locator(".lead").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.context.close()
