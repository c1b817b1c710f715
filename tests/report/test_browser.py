"""The pages of a report as a reader meets them: opened from disk in a real browser, by mouse, keys, and on paper."""

import re

import pytest

KINDS = ("index.html", "worklist.html", "locations.html", "run.html")


@pytest.fixture
def opened(browser, reported):
    """A function that opens a page of the report; what the console said and what was asked for stand on the page."""
    pages = []

    def open_page(name: str, **context):
        page = browser.new_context(viewport={"width": 1200, "height": 900}, **context).new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto((reported.place / name).as_uri())
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        assert page.said == []
        assert {url.split(":")[0] for url in page.asked} <= {"file", "data"}
        page.context.close()


def study_pages(reported) -> list[str]:
    return [f"studies/{study}.html" for study in reported.studies]


def column(page, number: int) -> list[str]:
    return [text.strip() for text in page.locator(f"#worklist tbody tr > :nth-child({number})").all_inner_texts()]


def test_every_page_opens_from_disk_with_its_images_and_names(opened, reported):
    for name in (*KINDS, *study_pages(reported)):
        page = opened(name)
        page.evaluate("for (const image of document.images) image.loading = 'eager'")
        page.evaluate("Promise.all([...document.images].map(image => image.complete || new Promise("
                      "done => { image.onload = image.onerror = () => done() })))")
        images = page.eval_on_selector_all("img", "all => all.map(i => [i.naturalWidth, i.getAttribute('alt') ?? '-', "
                                           "i.closest('[aria-hidden]') !== null])")
        assert all(width > 0 for width, *_ in images), name
        assert all(hidden or len(alt) > 40 for _, alt, hidden in images), name
        landmarks = {role: page.get_by_role(role).count() for role in ("main", "navigation", "banner", "contentinfo")}
        if name != "run.html":  # the summary is a page of its own
            assert landmarks == {"main": 1, "navigation": 1, "banner": 1, "contentinfo": 1}, name
        assert page.locator("h1").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
    assert any(page.locator("figure.slice img").count() > 5 for page in map(opened, study_pages(reported)))


def test_the_worklist_is_sorted_by_mouse_and_by_keys(opened, reported):
    page = opened("worklist.html")
    head = page.locator("th[data-sort]")
    severe, study = page.locator("th", has_text="p severe canal"), head.filter(has_text="Study")
    assert severe.get_attribute("aria-sort") == "descending"
    ids = column(page, 2)
    assert sorted(ids) == sorted(map(str, reported.studies))
    study.get_by_role("button").click()
    assert column(page, 2) == sorted(ids, key=int)
    assert (study.get_attribute("aria-sort"), severe.get_attribute("aria-sort")) == ("ascending", None)
    study.get_by_role("button").click()
    assert column(page, 2) == sorted(ids, key=int, reverse=True)
    assert "sorted by Study, descending" in page.locator(".sorting").inner_text()
    page.locator("nav a").last.focus()
    for _ in range(20):  # by keys alone
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Uncertainty":
            break
    page.keyboard.press("Enter")
    values = [float(text) for text in column(page, 5) if text != "-"]
    assert values == sorted(values, reverse=True)
    page.keyboard.press("Space")
    values = [float(text) for text in column(page, 5) if text != "-"]
    assert values == sorted(values)
    assert page.locator("th[aria-sort]").inner_text().startswith("Uncertainty")


def test_the_worklist_stands_sorted_without_a_script(opened):
    page = opened("worklist.html", java_script_enabled=False)
    values = [0.999 if text == ">.99" else 0.001 if text == "<.01" else float(text) if text[:1] == "." else -1
              for text in column(page, 3)]
    assert values == sorted(values, reverse=True)
    assert page.locator("th button").count() == 0


def test_a_study_is_reached_by_keys_and_its_neighbours_too(opened):
    page = opened("worklist.html")
    first, second = column(page, 2)[:2]
    link = page.get_by_role("link", name=first, exact=True)
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"studies/{first}.html"))
    assert page.locator("h1").inner_text() == f"Study {first}"
    page.locator("a[rel=next]").press("Enter")
    page.wait_for_url(re.compile(f"studies/{second}.html"))
    page.get_by_role("link", name="Overview").click()
    page.wait_for_url(re.compile("index.html"))


def test_every_sentence_leads_to_its_image_and_the_image_back(opened, reported):
    seen = 0
    for name in study_pages(reported):
        page = opened(name)
        for link in page.locator(".levels a").all():
            target = link.get_attribute("href").removeprefix("#")
            link.click()
            box = page.locator(f"[id='{target}'] rect")
            top = box.bounding_box()["y"]
            assert 0 < top < 900, (name, target)  # scrolled into view
            assert page.locator(f"figure.slice:has([id='{target}']) img").count() == 1
            assert page.evaluate(f"document.getElementById('{target}').matches(':target')")
            back = page.locator(f"[id='{target}']")
            back.press("Enter")
            place = page.locator(f"[id='{back.get_attribute('href').removeprefix('#')}']")
            assert 0 <= place.bounding_box()["y"] < 900
            assert link.inner_text() in place.inner_text()
            seen += 1
    assert seen > 40


def test_a_worst_case_opens_its_study_at_its_box(opened):
    page = opened("locations.html")
    link = page.locator("#worst ~ div a, section:has(#worst) td a, section:has(#worst) th a").first
    wanted = link.get_attribute("href").split("#")[1]
    link.click()
    page.wait_for_url(re.compile(f"#{wanted}$"))
    assert page.locator(f"[id='{wanted}']").count() == 1


def test_on_paper_the_way_around_is_left_out_and_the_draft_says_what_it_is(opened, reported):
    page = opened(study_pages(reported)[0])
    assert page.locator("nav").is_visible()
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator(".draft").is_visible()
    assert "Not for clinical use" in page.locator(".draft").inner_text()
    assert len(page.pdf()) > 20_000


def test_narrow_screens_scroll_only_tables(opened, reported):
    for name in ("index.html", "worklist.html", study_pages(reported)[0]):
        page = opened(name)
        page.set_viewport_size({"width": 380, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name


def test_the_first_key_skips_the_navigation(opened):
    page = opened("index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_what_files_say_never_runs(opened, reported):
    alerts = []
    for name in (*KINDS, *study_pages(reported)):
        page = opened(name)
        page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
        page.reload()
        assert page.locator("script:not([src='assets/worklist.js']), [onerror], img[src=x]").count() == 0
    assert alerts == []
