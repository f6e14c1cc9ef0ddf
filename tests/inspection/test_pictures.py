"""Supported pictures and links, and placeholders for items without a picture."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest
from gallery_page import PICTURES, TABLE, is_placeholder, page
from hypothesis import given
from hypothesis import strategies as st

from sklearn_recsketch.inspection import ItemGallery, placeholder_picture
from sklearn_recsketch.inspection._pictures import image_type

# Pictures.


@pytest.mark.parametrize("kind", PICTURES)
def test_files_and_bytes_are_recognised_and_embedded(kind, tmp_path):
    path = tmp_path / "picture.bin"
    path.write_bytes(PICTURES[kind])
    expected = f"data:image/{kind};base64,{base64.b64encode(PICTURES[kind]).decode()}"
    assert page(TABLE, images={5: PICTURES[kind], 3: path}).all("src") == [expected] * 3


@pytest.mark.parametrize("address", ["http://a.org/1.png", "HTTPS://a.org/?a=1&b='2'", "data:image/png;base64,AAAA"])
def test_urls_are_not_changed(address):
    assert page(TABLE, images=lambda item: address).all("src") == [address] * 3


@pytest.mark.parametrize(
    "bad",
    ["pictures/1.png", "javascript:alert(1)", " \tJavaScript:alert(1)", "java\nscript:alert(1)", "data:text/html,x",
     "file:///etc/passwd", "//example.org/1.png", b"<html><svg></svg></html>", b"", b"GIF88a", 3.5, ["http://a.org"]],
)  # fmt: skip
def test_the_error_for_an_unsupported_picture_names_the_id(bad):
    with pytest.raises((TypeError, ValueError), match=r"The image of 3 must be .*, got "):
        ItemGallery(TABLE, images={3: bad})


@pytest.mark.parametrize("bad", ["javascript:alert(1)", "data:text/html,<script>", "models/1", "http://", 7])
def test_the_error_for_an_unsupported_link_names_the_id(bad):
    with pytest.raises(ValueError, match=r"The link of 3 must be an http or https URL, got "):
        ItemGallery(TABLE, links=lambda item: bad if item == 3 else None)


def test_the_error_for_an_unsupported_file_names_the_file(tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("notes")
    with pytest.raises(
        ValueError, match=r"The image of 3 must be PNG.*, got the file .*notes\.png starting with b'notes'"
    ):
        ItemGallery(TABLE, images={3: path})


def test_a_missing_file_affects_one_picture_only(tmp_path):
    with pytest.warns(UserWarning, match=r"first: 3, FileNotFoundError: .*none\.png"):
        shown = page(TABLE, images={3: tmp_path / "none.png", 5: PICTURES["gif"]})
    assert [is_placeholder(source) for source in shown.all("src")] == [False, True, False]


@pytest.mark.parametrize(
    "before", ["", "\ufeff", "<!-- a --><!DOCTYPE svg [ <!ENTITY a '>'> ]>\n", "<?xml-style x?>\n"]
)
def test_svg_is_recognised_after_a_prolog(before):
    assert image_type(f"{before}<svg viewBox='0 0 1 1'/>".encode()) == "svg+xml"


def test_svg_is_recognised_in_linear_time_after_many_comments():
    """Backtracking over all groupings of the comments would take exponential time."""
    assert image_type(b"<!---->" * 500) is None


# Placeholders.


@pytest.mark.slow
def test_a_placeholder_is_the_same_in_every_process():
    code = "from sklearn_recsketch.inspection import placeholder_picture as p; print(p('abc', 'A ship').decode())"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": "5"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip().encode() == placeholder_picture("abc", "A ship")


def test_placeholders_differ_by_id():
    assert len({placeholder_picture(item, "same") for item in range(200)}) == 200


@pytest.mark.parametrize(
    "text, written", [("A ship", "AS"), ("robot", "RO"), (" x ", "X"), (None, "17"), ("<&", "<&"), ("\x00\x07", None)]
)
def test_a_placeholder_contains_initials(text, written):
    assert ElementTree.fromstring(placeholder_picture(17, text)).find("{*}text").text == written


@given(st.text())
def test_placeholders_are_valid_xml_for_any_text(text):
    ElementTree.fromstring(placeholder_picture(text))


def test_the_background_of_a_picture_from_the_web_is_the_placeholder():
    style = page(TABLE, images={5: "https://a.org/1.png"}).all("style")[0]
    assert is_placeholder(re.fullmatch(r"background-image: url\((.*)\)", style)[1])


def test_an_embedded_picture_has_no_background():
    assert page(TABLE, images={5: PICTURES["gif"]}).all("style") == [None] * 3
