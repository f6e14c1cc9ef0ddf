"""Copies of the Markdown files of the repository for the pages that include them, with links that work there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

FILES = {"benchmarks": "benchmarks/README.md", "changelog": "CHANGELOG.md", "contributing": "CONTRIBUTING.md"}
REPOSITORY = "https://github.com/sklearn-recsketch/sklearn-recsketch/blob/main/"
LINK = re.compile(r"(!?\[[^\]]*\])\((?!https?:|#)([^)\s]+)\)")


def copy_with_links(text: str, folder: str) -> str:
    """Text of a file of the repository, with links to pages of the site or to the file on GitHub."""

    def replace(match: re.Match[str]) -> str:
        label, target = match.groups()
        path = target.removeprefix("../") if folder else target
        if path.startswith("docs/") and path.endswith((".rst", ".png", ".svg")):
            return f"{label}({path.removeprefix('docs/')})"
        return f"{label}({REPOSITORY}{path})"

    return LINK.sub(replace, text)


def write_copies(app: Sphinx) -> None:
    root = Path(app.srcdir).parent
    for page, path in FILES.items():
        text = copy_with_links((root / path).read_text(encoding="utf-8"), str(Path(path).parent).strip("."))
        target = Path(app.srcdir) / "generated" / f"{page}.md"
        target.parent.mkdir(exist_ok=True)
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", write_copies)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
