"""The check of the built documentation finds what it looks for."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / "docs" / "check_site.py"
HEAD = '<html><head><meta name="description" content="A page"></head><body id="top">'


@pytest.fixture(scope="module")
def check_site():
    spec = importlib.util.spec_from_file_location("check_site", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "body",
    [
        '<script src="https://cdn.example.com/a.js"></script>',
        '<img src="//example.com/a.png">',
        '<link rel="stylesheet" href="https://fonts.example.com/css">',
        "<style>@font-face { src: url(https://example.com/a.woff2) }</style>",
        '<p style="background: url(https://example.com/a.png)">text</p>',
        '<a href="missing.html">link</a>',
        '<a href="#missing">link</a>',
        '<a href="https://example.com/$.html">link</a>',
        '<a href="mailto:ndcg@10">ndcg@10</a>',
        r"<p>\(x_u \cdot y_i\)</p>",
    ],
)
def test_faults_are_found(check_site, tmp_path, body):
    (tmp_path / "index.html").write_text(HEAD + body)
    assert len(check_site.faults_of(tmp_path)) == 1


def test_addresses_in_style_sheets_are_found(check_site, tmp_path):
    (tmp_path / "a.css").write_text("@import 'https://example.com/b.css';")
    assert check_site.faults_of(tmp_path) == ["a.css loads https://example.com/b.css"]


def test_links_to_other_hosts_and_to_ids_are_fine(check_site, tmp_path):
    body = '<a href="https://example.com">link</a><a href="#top">link</a><a href="index.html#top">link</a>'
    (tmp_path / "index.html").write_text(HEAD + body + r"<code>\alpha</code>")
    assert check_site.faults_of(tmp_path) == []
