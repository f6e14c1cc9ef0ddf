"""Run the cells of notebook.py, and save them with their output to notebook.ipynb.

    python examples/make_notebook.py

Requires `pip install nbclient ipykernel ipywidgets`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
CELL = re.compile(r"^# %%(?P<kind> \[markdown\])?\n(?P<text>.*?)(?=^# %%|\Z)", re.MULTILINE | re.DOTALL)
WIDGET, STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"


def cells(script: str) -> list[tuple[str, str]]:
    """Kinds and texts of the cells of a script in the percent format: "markdown" or "code"."""
    found = []
    for match in CELL.finditer(script):
        text = match["text"].strip()
        if match["kind"]:
            found.append(("markdown", "\n".join(line.removeprefix("#").strip() for line in text.splitlines())))
        else:
            found.append(("code", re.sub(r"  # noqa: \w+", "", text)))
    return found


def without_widgets(notebook: Any) -> None:
    """Replace each widget by what it shows in the end, so that progress bars are seen where no widgets are."""
    widgets = notebook.metadata.pop("widgets", {}).get(STATE, {}).get("state", {})
    for cell in notebook.cells:
        outputs = []
        for output in cell.get("outputs", []):
            shown = output.get("data", {})
            if WIDGET in shown:
                outputs += widgets[shown[WIDGET]["model_id"]]["state"]["outputs"]
            elif not (output["output_type"] == "display_data" and shown.get("text/plain") == ""):
                outputs.append(output)
        if "outputs" in cell:
            cell["outputs"] = outputs
        cell.get("metadata", {}).pop("execution", None)  # times, which would change with each run


def main() -> None:
    import nbformat
    from nbclient import NotebookClient

    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    script = (FOLDER / "notebook.py").read_text(encoding="utf-8")
    notebook = nbformat.v4.new_notebook(cells=[make[kind](text) for kind, text in cells(script)])
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(FOLDER)}}).execute()
    without_widgets(notebook)
    path = FOLDER / "notebook.ipynb"
    nbformat.write(nbformat.from_dict(notebook), path)
    print(path)


if __name__ == "__main__":
    main()
