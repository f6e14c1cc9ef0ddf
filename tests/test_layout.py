"""The layout of the package: layers, names of files, sizes of files."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sklearn_recsketch"
FILES = sorted(PACKAGE.rglob("*.py"))
# A module imports from its own layer and from those before it in this list, never from those after it. A layer is a
# folder, or a module where a folder has several. What a folder re-exports does not count.
LAYERS = (
    "exceptions",
    "typing",
    "utils",
    "kernels",
    "_linalg",
    "_data",
    "preprocessing",
    "datasets",
    "_ranking",
    "metrics",
    "base",
    "recommenders/_divergence",
    "recommenders/_training",
    "recommenders/_entities",
    "recommenders/_inner_product",
    "recommenders/_similarity",
    "recommenders/_item_weights",
    "recommenders/_factors",
    "recommenders/_engine_requirements",
    "recommenders/_als",
    "recommenders/_pairwise",
    "recommenders",
    "_persistence",
    "model_selection/_split",
    "model_selection/_monitor",
    "model_selection/_fits",
    "model_selection/_search",
    "model_selection/_epochs",
    "model_selection/_bayes",
    "model_selection",
    "inspection",
    "serving",
    "conversion",
    "spark",
    "utils/estimator_checks",
)


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def layer(module):
    """Place of a module, or of the folder that it is in, among LAYERS."""
    path = MODULES[module].relative_to(PACKAGE).with_suffix("")
    return next(LAYERS.index(name.as_posix()) for name in (path, *path.parents) if name.as_posix() in LAYERS)


def imported(path):
    """Modules of the package that a file imports when it is imported, and those that its functions import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_once = {id(node) for node in ast.walk(tree)}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.Lambda):
            at_once -= {id(node) for node in ast.walk(function)}
    found = {True: set(), False: set()}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found[id(node) in at_once].update(name if name in MODULES else node.module for name in names)
        elif isinstance(node, ast.Import):
            found[id(node) in at_once].update(alias.name for alias in node.names)
    return {now: names & MODULES.keys() for now, names in found.items()}


IMPORTS = {module: imported(path) for module, path in MODULES.items()}


def test_no_module_imports_from_a_layer_above_it():
    upward = [
        f"{module} imports {other}"
        for module, names in IMPORTS.items()
        for other in names[True] | names[False]
        if MODULES[module].stem != "__init__" and layer(other) > layer(module)
    ]
    assert upward == []


def test_no_module_imports_itself_through_others():
    left = {module: names[True] - {module} for module, names in IMPORTS.items()}
    while free := {module for module, names in left.items() if not names & left.keys()}:
        left = {module: names for module, names in left.items() if module not in free}
    assert left == {}


def test_no_two_files_have_one_name():
    """The folders of the two algorithms may name the same part alike."""
    alike = Counter(path.stem.strip("_") for path in FILES if path.parent.name not in ("_als", "_pairwise"))
    del alike["init"]
    assert [name for name, count in alike.items() if count > 1] == []


def test_private_names_of_scikit_learn_are_imported_in_one_module():
    private = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sklearn":
                names = [*node.module.split("."), *(alias.name for alias in node.names)]
                if any(name.startswith("_") for name in names):
                    private.append(path.relative_to(PACKAGE).as_posix())
    assert set(private) == {"utils/_compat.py"}


@pytest.mark.parametrize("folder", ["sklearn_recsketch", "tests", "benchmarks", "examples", "fuzz"])
def test_no_file_has_more_than_400_lines(folder):
    long = [
        str(path) for path in (ROOT / folder).rglob("*.py") if len(path.read_text(encoding="utf-8").splitlines()) > 400
    ]
    assert long == []


def test_every_folder_of_tests_is_one_of_the_package():
    folders = {path.parent.relative_to(ROOT / "tests").as_posix() for path in (ROOT / "tests").rglob("test_*.py")}
    assert {folder for folder in folders if not (PACKAGE / folder).is_dir()} == set()
