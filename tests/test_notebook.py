"""The notebook among the examples: it is that of its script, ran without errors, and the script still runs."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import matplotlib as mpl
import pytest
from make_notebook import cells

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPT = EXAMPLES / "notebook.py"
MAX_KILOBYTES = 500


@pytest.fixture(scope="module")
def notebook():
    return json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))


def test_the_notebook_has_the_cells_of_the_script(notebook):
    found = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    assert found == cells(SCRIPT.read_text(encoding="utf-8"))


def test_every_cell_was_run_without_errors_or_warnings(notebook):
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output["output_type"] for cell in code for output in cell["outputs"]]
    assert set(outputs) == {"execute_result", "display_data"}  # neither "error" nor "stream"


def test_the_notebook_is_small():
    assert (EXAMPLES / "notebook.ipynb").stat().st_size < MAX_KILOBYTES * 1024


@pytest.mark.slow
def test_the_script_runs():
    pytest.importorskip("rich")
    mpl.use("Agg")
    runpy.run_path(str(SCRIPT))
