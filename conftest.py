"""Run the examples of README.md in a temporary folder, because they save a model."""

import pytest


@pytest.fixture(autouse=True)
def folder_of_readme(request, monkeypatch):
    if request.node.name == "README.md":
        monkeypatch.chdir(request.getfixturevalue("tmp_path"))
