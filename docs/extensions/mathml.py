"""Formulas as MathML, which browsers display without scripts, fonts or a network connection."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

# Spellings that latex2mathml reads differently, and ones that it reads as we do.
SPELLINGS = {r"\bigl": r"\left", r"\bigr": r"\right", r"\;": r"\ ", r"\,": r"\thinspace "}


def mathml(latex: str, display: str) -> str:
    """MathML of a formula, with the source as its text alternative."""
    for spelling, other in SPELLINGS.items():
        latex = latex.replace(spelling, other)
    return str(convert(latex, display=display))


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(f'<span class="formula">{mathml(node.astext(), "inline")}</span>')
    raise nodes.SkipNode


def visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="formula">{mathml(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
