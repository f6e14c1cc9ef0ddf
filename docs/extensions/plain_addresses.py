"""Names of metrics such as "ndcg@10" look like mail addresses to docutils. This package has none, so they stay text."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def remove_mail_links(app: Sphinx, doctree: nodes.document) -> None:
    for link in list(doctree.findall(nodes.reference)):
        if link.get("refuri", "").startswith("mailto:"):
            link.replace_self(link.children)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", remove_mail_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
