"""The pages of the documentation: their code runs and prints what they show."""

from __future__ import annotations

import importlib
import operator
import re
from pathlib import Path

import pytest
from page_blocks import read_blocks, run_blocks
from spark_data import QUIET
from test_public_names import MODULES

import sklearn_recsketch

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.rst"))
# tests/conversion/test_conversion_page.py runs the named blocks of this page, and compares their models.
WITH_CODE = [path for path in PAGES if path.stem != "conversion" and read_blocks(path)]


SLOW = ("csv_to_server", "embeddings", "model_selection", "recommenders")
MARKS = {"spark": [pytest.mark.spark, *QUIET], **{page: [pytest.mark.slow] for page in SLOW}}


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.stem, marks=MARKS.get(path.stem, ())) for path in WITH_CODE]
)
def test_code_on_the_page_runs_and_prints_what_is_shown(path, request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    variables = {"__name__": "page"}
    if path.stem == "spark":
        variables["spark"] = request.getfixturevalue("spark")
    assert run_blocks(path, variables) > 0


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_block_says_its_language(path):
    """A block after "::" would be shown as Python, but not run."""
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"^(?! *\.\. ).*::$", text, re.MULTILINE) == []


def test_reference_lists_every_public_name():
    text = (DOCS / "api.rst").read_text(encoding="utf-8")
    listed = {
        operator.attrgetter(name)(sklearn_recsketch) for name in re.findall(r"^   ([A-Za-z_.]+)$", text, re.MULTILINE)
    }
    modules = [importlib.import_module("sklearn_recsketch" + part) for part in MODULES]
    assert [
        f"{module.__name__}.{name}"
        for module in modules
        for name in module.__all__
        if getattr(module, name) not in listed
    ] == []


def test_every_block_that_is_not_run_says_why():
    not_run = [block for path in PAGES for block in read_blocks(path) if block.why_not_run]
    assert len(not_run) <= 8
    assert all(block.why_not_run.startswith("needs ") for block in not_run)


def test_blocks_of_a_page_share_variables_and_are_checked(tmp_path):
    page = tmp_path / "page.rst"
    page.write_text(".. testsetup::\n\n   a = 1\n\ntext\n\n>>> a + 1\n2\n\n.. code-block:: python\n\n   b = a\n")
    variables = {}
    assert run_blocks(page, variables) == 3
    assert variables["b"] == 1
    page.write_text(">>> 1 + 1\n3\n")
    with pytest.raises(AssertionError, match="Expected"):
        run_blocks(page, {})
