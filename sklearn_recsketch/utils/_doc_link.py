"""Links from the HTML diagram of an estimator to its documentation."""

from __future__ import annotations

from importlib import import_module
from itertools import takewhile

__all__ = ["DocLinkMixin"]

SITE = "https://sklearn-recsketch.github.io/sklearn-recsketch"


class DocLinkMixin:
    """Mixin of the public estimators, whose diagrams in notebooks link to the site of this package."""

    _doc_link_module = "sklearn_recsketch"
    _doc_link_template = SITE + "/generated/{page}.html"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        """Return the name of the page, which is the shortest public name of the class."""
        name = type(self).__name__
        if name in import_module("sklearn_recsketch").__all__:
            return {"page": f"sklearn_recsketch.{name}"}
        public = takewhile(lambda part: not part.startswith("_"), type(self).__module__.split("."))
        return {"page": ".".join([*public, name])}
