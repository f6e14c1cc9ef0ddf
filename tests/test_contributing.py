"""The files for contributors: they name files that exist, and agree with the code and with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from test_layout import LAYERS

import sklearn_recsketch

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PATH = re.compile(r"(?<![\w/.])((?:\.ci|docs|tests|benchmarks|sklearn_recsketch|recommenders)/[\w./-]*\w)")


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.rst"])
def test_named_files_and_folders_exist(page):
    named = {
        path
        for path in PATH.findall((ROOT / page).read_text(encoding="utf-8"))
        if "_name" not in path and "_build" not in path
    }
    assert len(named) > 1
    roots = (ROOT, ROOT / "sklearn_recsketch")
    assert [path for path in named if not any((root / path).exists() for root in roots)] == []


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", ".github/pull_request_template.md", ".github/workflows/tests.yml"])
def test_named_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = re.findall(r"(?:^|`|run: )make ((?:[a-z-]+ ?)+)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert named
    assert {target for words in named for target in words.split()} <= targets


def test_picture_shows_the_layers_in_their_order():
    picture = (ROOT / "docs" / "images" / "layers.svg").read_text(encoding="utf-8")
    boxes = re.findall(r'class="folder"[^>]*>([\w, ]+)<', picture)
    folders = [name for box in boxes for name in box.split(", ")]
    assert folders == list(dict.fromkeys(layer.split("/")[0] for layer in LAYERS))


def test_architecture_page_describes_every_folder():
    described = re.findall(
        r"^``(\w+)``  ", (ROOT / "docs" / "architecture.rst").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert described == [
        name
        for name in dict.fromkeys(layer.split("/")[0] for layer in LAYERS)
        if name not in ("exceptions", "typing")  # modules, not folders
    ]


def test_pre_commit_has_the_versions_of_the_lint_extra():
    pins = dict(pin.split("==") for pin in PROJECT["optional-dependencies"]["lint"] if "==" in pin)
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    versions = dict(re.findall(r"repo: \S+/(ruff|codespell)\S*\n\s+rev: v(\S+)", text))
    assert versions == {name: pins[name] for name in ("ruff", "codespell")}


def test_citation_has_the_version_of_the_package():
    assert f"\nversion: {sklearn_recsketch.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
