"""The pages of `lsdc bench` in a real browser, with markup wherever a text of machine, commit or command stands."""

import pytest

from lsdc.bench.sizes.page import sizes_page
from lsdc.bench.stages.page import stages_page

EVIL = ("<script>window.hit=1</script> \"><img src=x onerror=window.hit=1> '><svg onload=window.hit=1> "
        "{{ 7 * 7 }}</title></style>")
RECORD = ("commit", "command", "system", "processor", "cores", "python")
SPREAD = {"median": 2.0, "least": 1.0, "largest": 3.0}
SIZE = {"studies": 100, "counted": 100, "seconds": 1.0, "processor_seconds": 1.0, "held_mb": 100.0, "peak_mb": 200.0}


def odd(*names: str) -> dict[str, str]:
    return {name: f"{name} {EVIL}" for name in names}


def figures(**more) -> dict:
    return {**odd("made"), "environment": {**odd(*RECORD), "packages": odd("package")}, **more}


STAGE = {**odd("unit", "limited_by"), "made": f"row {EVIL}", "commit": f"its {EVIL}", "rounds": 3, "seconds": SPREAD,
         "bound": SPREAD, "rivals": [{**odd("name"), "goal": 3, "seconds": SPREAD, "ratio": SPREAD}]}
STAGES = figures(threads=f"threads {EVIL}", study={**odd("files", "series"), "pixels": 10**7},
                 rows={f"stage {EVIL}": STAGE, "store": odd("skipped")})
SIZES = figures(sizes=[100, 1000], files_each=f"files {EVIL}",
                stages={"audit of tables": [SIZE, SIZE | {"studies": 1000}]})
PAGES = {
    "stages": (stages_page(STAGES, [f"stage {EVIL}", "store"]), (
        *RECORD, "made", "package", "unit", "limited_by", "row", "its", "name", "threads", "files", "series", "stage",
        "skipped")),
    "sizes": (sizes_page(SIZES), (*RECORD, "made", "package", "files")),
}


@pytest.mark.parametrize("name", PAGES)
def test_what_figures_say_is_shown_and_never_runs(browser, tmp_path, name):
    html, shown = PAGES[name]
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    page = browser.new_context().new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "page.html").as_uri())
    assert page.evaluate("window.hit") is None
    assert (said, len(asked)) == ([], 1)
    assert page.locator("script, img, [onload], [onerror]").count() == 0
    text = page.locator("body").inner_text()
    assert [word for word in shown if f"{word} {EVIL}" not in text] == []
    page.context.close()
