"""The web page of the example service, in headless Chromium."""

from __future__ import annotations

import threading
import time

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("selenium")
import uvicorn
from screenshots import resize
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from small_service import HOSTILE, HOSTILE_TAG, small_app

pytestmark = pytest.mark.browser
PATIENCE = 60
PAGES = ["/", "/?item=0", "/?feature=tag%3Dred", "/?search=ship"]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """URL of a running service."""
    app = small_app(tmp_path_factory.mktemp("service"))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + PATIENCE
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def opened(browser, url):
    """Function that opens a page and waits until it shows something."""
    browser.get_log("browser")  # discards messages of earlier pages

    def opened(path="/"):
        browser.get(url + path)
        wait(browser, lambda: find(browser, "h1"))
        return browser

    return opened


def wait(browser, condition):
    return WebDriverWait(browser, PATIENCE, 0.05).until(lambda _: condition())


def find(browser, selector):
    return browser.find_elements("css selector", selector)


def heading(browser):
    """Text of the heading; the element itself may be replaced meanwhile."""
    return browser.execute_script("return document.querySelector('h1')?.textContent")


def wait_for_heading(browser, text):
    wait(browser, lambda: heading(browser) == text)


def search(browser, text):
    box = find(browser, "#text")[0]
    box.send_keys(text)
    wait(browser, lambda: find(browser, "#suggestions [role=option]"))
    return box


@pytest.mark.parametrize("path", PAGES)
def test_console_is_empty_and_pictures_load(opened, path):
    browser = opened(path)
    images = "return [...document.images].filter(image => image.loading !== 'lazy')"
    wait(browser, lambda: browser.execute_script(f"{images}.every(image => image.naturalWidth)"))
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("path", PAGES)
def test_no_request_goes_to_another_host(opened, url, path):
    browser = opened(path)
    names = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert len(names) > 5
    assert [name for name in names if not name.startswith(f"{url}/")] == []


@pytest.mark.parametrize("width", [320, 400, 800, 1400])
@pytest.mark.parametrize("path", PAGES)
def test_page_fits_any_width(opened, path, width):
    browser = opened(path)
    resize(browser, width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_titles_and_tags_are_shown_literally(opened):
    browser = opened("/?item=0")
    assert heading(browser) == HOSTILE
    assert HOSTILE_TAG in browser.execute_script("return document.querySelector('.tags').textContent")
    counts = "return [document.scripts.length, document.querySelectorAll('[onerror]').length]"
    assert browser.execute_script(counts) == [1, 0]  # the page's own script
    assert browser.title.startswith(HOSTILE)


def test_search_with_the_keyboard_opens_an_item(opened):
    browser = opened()
    box = search(browser, "big")
    box.send_keys(Keys.ARROW_DOWN)
    option = find(browser, "[role=option][aria-selected=true]")[0]
    assert box.get_attribute("aria-activedescendant") == option.get_attribute("id")
    box.send_keys(Keys.ENTER)
    wait_for_heading(browser, "Big ship")
    assert browser.current_url.endswith("/?item=3")


def test_arrow_keys_go_round(opened):
    browser = opened()
    box = search(browser, "ship")
    chosen = []
    for key in [Keys.ARROW_UP, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP]:
        box.send_keys(key)
        chosen.append(box.get_attribute("aria-activedescendant"))
    assert chosen == ["suggestion-3", "suggestion-0", "suggestion-1", "suggestion-0"]


def test_escape_closes_the_suggestions(opened):
    browser = opened()
    box = search(browser, "ship")
    assert box.get_attribute("aria-expanded") == "true"
    box.send_keys(Keys.ESCAPE)
    assert box.get_attribute("aria-expanded") == "false"
    assert not find(browser, "#suggestions")[0].is_displayed()


def test_enter_without_a_choice_lists_the_items(opened):
    browser = opened()
    search(browser, "ship").send_keys(Keys.ENTER)
    wait_for_heading(browser, "Items called “ship”")
    assert len(find(browser, ".cards > li")) == 4


def test_hostile_titles_are_suggested_literally(opened):
    browser = opened()
    search(browser, "<script>")
    assert find(browser, "[role=option]")[0].text == HOSTILE


def test_search_without_result_says_so(opened):
    browser = opened()
    search(browser, "nothing")
    assert find(browser, "#suggestions")[0].text == "No item found"


def test_click_on_a_similar_item_and_back(opened):
    browser = opened("/?item=3")
    card = find(browser, ".cards a")[0]
    target, title = card.get_attribute("href"), card.text
    card.click()
    wait_for_heading(browser, title)
    assert browser.current_url == target
    browser.back()
    wait_for_heading(browser, "Big ship")
    browser.forward()
    wait_for_heading(browser, title)


def test_click_on_a_tag_lists_its_items(opened):
    browser = opened("/?item=1")
    find(browser, ".tags a")[0].click()
    wait_for_heading(browser, "Items for “red”")
    assert len(find(browser, ".cards > li")) == 24


def test_reasons_appear_when_they_are_opened(opened):
    browser = opened("/?item=3")
    find(browser, "summary")[0].click()
    wait(browser, lambda: find(browser, "details[open] dl"))
    text = find(browser, "details[open]")[0].text
    assert "Users of both: " in text and "Shared tags: " in text and "the item itself" in text


@pytest.mark.parametrize(
    ("source", "name", "title", "shown"),
    [
        ("item", "7", "Ship", "the item itself"),
        ("mean item", "7", None, "the mean item"),
        ("bias", "7", "Ship", "the bias of the item"),
        ("remainder", None, None, "the remainder"),
        ("history", "7", "Ship", "Ship"),
        ("item feature", "tag=red", None, "red"),
    ],
)
def test_rows_of_an_explanation_are_named(opened, source, name, title, shown):
    row = {"source": source, "name": name, "title": title}
    script = "const [row, done] = arguments; import('/static/parts.js').then(({ reason }) => done(reason(row)))"
    assert opened().execute_async_script(script, row) == shown


def test_unknown_item_shows_an_error(browser, url):
    browser.get(f"{url}/?item=999")
    wait(browser, lambda: find(browser, "[role=alert]"))
    assert find(browser, "[role=alert]")[0].text == "The item '999' is unknown."


def test_focus_is_visible_and_moves_in_order(opened):
    browser = opened()
    names = []
    for _ in range(3):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        focused = browser.switch_to.active_element
        names.append(focused.get_attribute("id") or focused.text)
        assert focused.value_of_css_property("outline-style") == "solid"
    assert names == ["Skip to the items", "home", "text"]


def test_page_has_landmarks_names_and_alternative_texts(opened):
    browser = opened("/?item=3")
    assert [len(find(browser, tag)) for tag in ("header", "main", "h1", "[role=search]")] == [1, 1, 1, 1]
    assert browser.execute_script("return [...document.images].every(image => image.hasAttribute('alt'))")
    assert find(browser, ".item img")[0].get_attribute("alt") == "Picture of Big ship"
    assert find(browser, "#text")[0].accessible_name == "Search items by title"
    assert all(link.accessible_name for link in find(browser, "a"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_light_and_dark_mode(opened, scheme):
    browser = opened("/?item=3")
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    colours = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
    text, paper = (luminance(colour) for colour in browser.execute_script(colours))
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert (text < paper) == (scheme == "light")
    # WCAG 2 asks for a contrast of at least 7 on level AAA.
    assert (max(text, paper) + 0.05) / (min(text, paper) + 0.05) > 7


def luminance(colour):
    """Relative luminance of a CSS colour such as "rgb(1, 2, 3)", as WCAG 2 defines it."""
    channels = [int(part) / 255 for part in colour.strip("rgba()").split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
