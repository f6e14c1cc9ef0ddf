"""The report of the demo and the page of a gallery, opened in headless Chromium."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from screenshots import resize

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import ItemGallery

pytestmark = pytest.mark.browser
DEMO = Path(__file__).parents[1] / "examples/demo.py"
HOSTILE = '<script>document.title = "owned"</script> & "a ship"'
HOSTILE_TAG = "<img src=x onerror='document.title=1'>"
LOAD_ALL = """
const done = arguments[0], images = [...document.images];
for (const image of images) image.loading = "eager";
Promise.allSettled(images.map(image => image.decode())).then(
    () => done(images.filter(image => image.naturalWidth === 0).map(image => image.alt)));
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of likes and features in the format of the demo, with titles and a tag that contain HTML."""
    folder = tmp_path_factory.mktemp("likes")
    X, _, tags = make_interactions(200, 80, n_tags=8, return_features=True, random_state=0)
    names = {item: HOSTILE if n % 2 else f"Model {item}" for n, item in enumerate(X["item"].unique())}
    likes = [f"{names[item]}|m{item}|u{user}" for user, item in X.to_numpy()]
    (folder / "likes.psv").write_text("\n".join(["modelname|mid|uid", *likes]))
    values = [HOSTILE_TAG, *(f"t{n}" for n in range(1, 8))]
    entries = tags.matrix.tocoo()
    features = [f"m{tags.ids[row]}|tag|{values[column]}" for row, column in zip(entries.row, entries.col)]
    (folder / "feats.psv").write_text("\n".join(["mid|type|value", *features]))
    return folder


@pytest.fixture(scope="module")
def report(files):
    """Path of the report of a short run of the demo."""
    command = [sys.executable, DEMO, "--likes", files / "likes.psv", "--features", files / "feats.psv"]
    options = ["--n-iter", "2", "--n-jobs", "1", "--report", files]
    subprocess.run([*command, *options], check=True, capture_output=True, text=True)
    return files / "report.html"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    X, y = make_interactions(100, 50, random_state=0)
    rec = WRMFRecommender(8, random_state=0).fit(X, y)
    pictures = ItemGallery(rec.similar_items(rec.items_[:4], k=7), titles=lambda item: HOSTILE, heading=HOSTILE)
    return pictures.to_html(tmp_path_factory.mktemp("gallery") / "gallery.html")


@pytest.fixture(params=["report", "gallery"])
def opened(request, browser):
    browser.get_log("browser")  # discards messages of earlier pages
    browser.get(request.getfixturevalue(request.param).as_uri())
    return browser


def test_the_console_is_empty(opened):
    opened.execute_async_script(LOAD_ALL)
    assert opened.get_log("browser") == []


def test_no_request_is_sent(opened):
    urls = opened.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert [name for name in urls if not name.startswith("data:")] == []


def test_titles_and_tags_are_escaped(opened):
    counts = "return [document.scripts.length, document.querySelectorAll('[onerror]').length, document.title]"
    scripts, handlers, title = opened.execute_script(counts)
    assert (scripts, handlers) == (0, 0)
    assert title in ("From likes to recommendations", HOSTILE)
    assert HOSTILE in opened.execute_script("return document.body.innerText")


def test_every_picture_loads(opened):
    assert opened.execute_script("return document.images.length") > 20
    assert opened.execute_async_script(LOAD_ALL) == []


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_page_fits_any_width(opened, width):
    resize(opened, width)
    assert opened.execute_script("return document.documentElement.scrollWidth") <= width
