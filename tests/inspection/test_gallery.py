"""ItemGallery: order of the pictures, sources of pictures and titles, escaping, and errors."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from gallery_page import PICTURES, TABLE, Page, is_placeholder, page

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.inspection import ItemGallery, rank_by_feature

FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"user": rng.integers(0, 30, 300), "item": rng.integers(100, 120, 300)})
    return WRMFRecommender(4, random_state=0).fit(X)


# Order of the pictures.


def test_each_user_has_a_strip_in_the_order_of_the_table():
    assert [strip[0] for strip in page(TABLE).strips] == ["user 9", "user 2"]
    assert page(TABLE).all("b") == ["5", "3", "5"]


def test_separated_rows_of_one_user_are_in_one_strip():
    assert [len(strip) for strip in page(TABLE.iloc[[0, 2, 1]]).strips] == [3, 2]


def test_recommendations_are_shown_with_their_scores(fitted):
    table = fitted.recommend([3, 1], k=4)
    shown = page(table)
    assert shown.all("b") == table["item"].astype(str).tolist()
    np.testing.assert_allclose([float(text) for text in shown.all("small")], table["score"], atol=0.005)  # 3 digits


def test_the_query_item_is_shown_before_similar_items(fitted):
    shown = page(fitted.similar_items([110, 104], k=3))
    assert [strip[0] for strip in shown.strips] == ["item 110", "item 104"]
    assert [strip[1]["b"] for strip in shown.strips] == ["110", "104"]
    assert shown.all("queried") == [True, False, False, False] * 2
    assert shown.strips[0][1]["small"] == "query item"


def test_similar_users_are_shown_like_similar_items(fitted):
    assert page(fitted.similar_users([3], k=3), item="similar_user").all("queried") == [True, False, False, False]


def test_the_heading_of_a_strip_of_a_feature_is_the_feature(planted):
    X, y, tags = planted
    rec = WRMFRecommender(4, random_state=0).fit(X, y, item_features=tags)
    shown = page(rank_by_feature(rec, ["tag=t3", "tag=t1"], k=2))
    assert [strip[0] for strip in shown.strips] == ["tag=t3", "tag=t1"]


def test_a_table_with_items_only_is_one_strip_without_heading():
    assert page(pd.DataFrame({"mid": ["x", "y"], "other": [1, 2]}), item="mid").strips[0][0] is None


def test_interactions_have_a_strip_per_user():
    assert [strip[0] for strip in page(TABLE[["user", "item"]]).strips] == ["user 9", "user 2"]


@pytest.mark.parametrize("library", FRAMES)
def test_all_frame_libraries_give_the_same_page(library):
    frame = FRAMES[library](TABLE.to_dict("list"))
    expected = ItemGallery(TABLE, titles="name").to_html()
    assert ItemGallery(frame, titles="name").to_html() == expected


@pytest.mark.parametrize(
    "score, text",
    [(0.91234, "0.912"), (0.5, "0.500"), (100.0, "100"), (999.9, "1000"), (1234.5, "1234"), (-1e-7, "-1.00e-07"),
     (7, "7"), ("A", "A"), (np.nan, None), (None, None)],
)  # fmt: skip
def test_scores_have_three_digits(score, text):
    table = pd.DataFrame({"item": [1], "score": pd.Series([score], dtype=object)})
    assert page(table).all("small") == [text]


@pytest.mark.parametrize("frame", [TABLE[:0], pd.DataFrame(), pl.DataFrame(), pl.DataFrame(TABLE[:0])])
def test_an_empty_table_gives_a_gallery_with_a_message(frame):
    gallery = ItemGallery(frame, images="name", titles={1: "one"}, links=str, heading="Here")
    assert "the table is empty" in gallery.to_html()
    assert repr(gallery) == "ItemGallery of 0 pictures in 0 strips"


def test_later_changes_of_the_table_or_the_titles_have_no_effect():
    table, titles = TABLE.copy(), {5: "five", 3: "three"}
    gallery = ItemGallery(table, titles=titles)
    before = gallery.to_html()
    titles.clear()
    table["item"] = 0
    assert gallery.to_html() == before


def test_arguments_are_not_modified():
    table, titles = TABLE.copy(), pd.Series({5: "five"})
    ItemGallery(table, titles=titles, images={5: None}).to_html()
    pd.testing.assert_frame_equal(table, TABLE)
    assert titles.to_dict() == {5: "five"}


# Sources of pictures, titles and links.


def test_columns_mappings_and_functions_give_the_same_page():
    table = TABLE.assign(title=TABLE["item"].map({5: "five", 3: "three"}))
    titles = {5: "five", 3: "three"}
    sources = ["title", titles, pd.Series(titles), titles.get]
    pages = {ItemGallery(table, titles=source).to_html() for source in sources}
    assert len(pages) == 1
    assert page(table, titles=titles).all("b") == ["five", "three", "five"]


def test_rows_of_one_item_may_have_different_titles_in_a_column():
    assert page(TABLE, titles="name").all("b") == ["a", "b", "c"]


def test_the_title_of_a_query_item_is_read_from_the_row_that_shows_the_item():
    table = pd.DataFrame({"item": [1, 2], "rank": 1, "similar_item": [2, 3], "name": ["two", "three"]})
    assert page(table, titles="name").all("b") == ["1", "two", "two", "three"]


def test_the_title_of_a_query_item_is_the_heading_of_its_strip(fitted):
    titles = {110: "a <ship>", 104: None, 105: "no query"}
    assert [strip[0] for strip in page(fitted.similar_items([110, 104], k=3), titles=titles).strips] == [
        "a <ship>",
        "item 104",
    ]


def test_the_frame_of_the_query_item_is_drawn_inside_its_picture():
    """Notebooks clip what sticks out of an output."""
    style = re.search(r"recsketch-query img \{(.*?)\}", ItemGallery(TABLE)._repr_html_(), re.DOTALL)[1]
    assert re.search(r"outline: 3px .*outline-offset: -3px", style)
    assert "box-shadow" not in style


def test_strips_of_query_items_with_one_title_stay_apart(fitted):
    shown = page(fitted.similar_items([110, 104], k=3), titles=lambda item: "same")
    assert [len(strip) for strip in shown.strips] == [5, 5]


def test_headings_of_users_are_not_titles_of_items():
    assert [strip[0] for strip in page(TABLE, titles={9: "an item"}).strips] == ["user 9", "user 2"]


@pytest.mark.parametrize("ids", [[5, 3, 5], ["v", "u", "v"]])
def test_a_function_is_called_once_per_id_with_a_python_object(ids):
    calls = []
    ItemGallery(TABLE.assign(item=ids), titles=calls.append)
    assert calls == ids[:2]
    assert {type(id) for id in calls} == {type(ids[0])}


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, "", "  "])
def test_missing_values_are_replaced_or_omitted(missing):
    shown = page(TABLE, images={5: missing}, titles={5: missing}, links={5: missing})
    assert all(map(is_placeholder, shown.all("src")))
    assert shown.all("b") == ["5", "3", "5"]
    assert shown.all("link") == [None] * 3


def test_a_function_that_raises_affects_one_picture_only():
    pictures = {3: PICTURES["gif"]}
    with pytest.warns(UserWarning, match=r"images could not be loaded for 1 id \(first: 5, KeyError: 5\)") as record:
        shown = page(TABLE, images=lambda item: pictures[item])
    assert len(record) == 1
    assert [is_placeholder(source) for source in shown.all("src")] == [True, False, True]


def test_links_open_a_new_tab_without_access_to_the_page():
    html = ItemGallery(TABLE, links=lambda item: f"https://example.org/?a={item}&b=1")._repr_html_()
    assert Page(html).all("link") == [f"https://example.org/?a={item}&b=1" for item in (5, 3, 5)]
    assert html.count('rel="noopener" target="_blank"') == 3


# Escaping.

EVIL = "</style></p>\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


def test_all_text_is_escaped():
    table = pd.DataFrame({EVIL: [EVIL], "rank": [1], "item": [EVIL], "score": [EVIL]})
    address = "http://a.org/" + EVIL
    shown = Page(
        ItemGallery(table, heading=EVIL, titles=str, images=lambda _: address, links=lambda _: address).to_html()
    )
    assert "script" not in shown.tags
    assert "onerror" not in shown.attributes
    assert shown.strips[0][0] == f"{EVIL} {EVIL}"
    for name, value in {"b": EVIL, "small": EVIL, "alt": EVIL, "src": address, "link": address}.items():
        assert shown.all(name) == [value], name


def test_there_is_no_javascript():
    shown = Page(ItemGallery(TABLE, images={5: "https://a.org/1.png"}, links=lambda item: "https://a.org").to_html())
    assert "script" not in shown.tags
    assert [name for name in shown.attributes if name.startswith("on")] == []


def test_the_style_applies_to_the_gallery_only():
    style = re.search(r"<style>(.*?)</style>", ItemGallery(TABLE)._repr_html_(), re.DOTALL)[1]
    selectors = re.findall(r"([^{}]+)\{[^}]*\}", style)
    assert len(selectors) > 5
    assert all(re.match(r"\s*\.recsketch-gallery\b[^,]*$", selector) for selector in selectors)


def test_pictures_from_the_web_are_loaded_lazily():
    shown = page(TABLE, images={3: "https://example.org/3.png"})
    assert shown.all("loading") == [None, "lazy", None]


def test_pictures_have_alternative_texts():
    assert page(TABLE, titles={5: "five"}).all("alt") == ["five", "3", "five"]


# HTML pages.


def test_a_page_is_a_complete_html_document_with_the_gallery():
    gallery = ItemGallery(TABLE, heading="A & B")
    html = gallery.to_html()
    assert html.startswith("<!doctype html>")
    assert html.rstrip().endswith("</html>")
    for part in ('<meta charset="utf-8">', 'name="viewport"', "<title>A &amp; B</title>", gallery._repr_html_()):
        assert part in html


def test_a_page_is_written_as_utf8_for_any_titles(tmp_path):
    gallery = ItemGallery(TABLE, titles={5: "東京", 3: "\ud800"})  # a lone surrogate, which UTF-8 cannot encode
    path = gallery.to_html(str(tmp_path / "page.html"))
    assert path == Path(tmp_path / "page.html")
    assert path.read_text(encoding="utf-8") == gallery.to_html()
    assert "東京" in gallery.to_html()


# Errors.


def test_the_error_for_a_table_without_items_names_its_columns():
    with pytest.raises(ValueError, match=r"no column 'item' or 'similar_item'; it has \['mid', 'x'\].*item='mid'"):
        ItemGallery(pd.DataFrame({"mid": [1], "x": [2]}))


@pytest.mark.parametrize("name", ["item", "images", "titles", "links"])
def test_the_error_for_an_unknown_column_names_the_existing_columns(name):
    with pytest.raises(ValueError, match=rf"{name}='url' is not a column of the table, which has \['user', 'rank'"):
        ItemGallery(TABLE, **{name: "url"})


def test_keys_of_another_type_than_the_ids_are_an_error():
    with pytest.raises(ValueError, match=r"titles has keys such as '5', but ids such as 5 are shown\."):
        ItemGallery(TABLE, titles={"5": "five"})


def test_the_error_for_a_missing_id_names_the_row():
    with pytest.raises(ValueError, match="The item id in row 1 is missing"):
        ItemGallery(TABLE.assign(item=["a", None, "b"]))


@pytest.mark.parametrize("table, hint", [([1, 2], ""), (pl.LazyFrame({"item": [1]}), r" Pass table\.collect\(\)\.")])
def test_other_types_than_tables_are_an_error(table, hint):
    with pytest.raises(
        TypeError, match=rf"table must be a pandas, polars or pyarrow table.*{type(table).__name__}\.{hint}"
    ):
        ItemGallery(table)


def test_a_list_of_images_is_an_error():
    with pytest.raises(TypeError, match=r"images must be a mapping, .* got \['a', .* or the name of a column"):
        ItemGallery(TABLE, images=["a", "b", "c"])
