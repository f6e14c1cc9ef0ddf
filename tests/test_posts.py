"""The page about two posts: the script writes it from a little made-up data, and the published page is its output."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page that the script writes, and the folder of its pictures."""
    pytest.importorskip("skopt")
    folder = tmp_path_factory.mktemp("posts")
    command = [sys.executable, ROOT / "benchmarks/posts.py", "--quick", "--n-jobs", "1", "--to", folder]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return folder / "posts.rst"


def headings(text):
    return re.findall(r"^(.+)\n[-=]{5,}$", text, re.MULTILINE)


@pytest.mark.slow
def test_the_published_page_has_the_parts_of_the_written_one(page):
    published = (ROOT / "docs/posts.rst").read_text(encoding="utf-8")
    assert headings(page.read_text(encoding="utf-8")) == headings(published)


@pytest.mark.slow
def test_every_conclusion_has_a_verdict(page):
    table = page.read_text(encoding="utf-8").split("What the posts' precision measures")[0].split("Numbers side")[0]
    verdicts = re.findall(r"^     - (yes|no|not clear)$", table, re.MULTILINE)
    assert len(verdicts) == table.count("\n   * -") - 1  # one row is the head


@pytest.mark.slow
def test_every_picture_is_written(page):
    names = re.findall(r"image:: (\S+)", page.read_text(encoding="utf-8"))
    assert len(names) == 6
    assert [name for name in names if (page.parent / name).stat().st_size < 1000] == []


def test_the_pictures_of_the_published_page_exist():
    names = re.findall(r"image:: (\S+)", (ROOT / "docs/posts.rst").read_text(encoding="utf-8"))
    assert [name for name in names if not (ROOT / "docs" / name).is_file()] == []
