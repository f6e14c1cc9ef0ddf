"""Summary of a fitted recommender, which notebooks show below its HTML diagram."""

from __future__ import annotations

import html
from typing import Any

from sklearn_recsketch.utils._doc_link import DocLinkMixin

__all__ = ["RecommenderDiagramMixin"]

# Not a table, which notebooks would give a style of their own. Colours are inherited and greys are half transparent, so
# that the summary is readable in light and dark notebooks.
STYLE = """
.recsketch-summary { color: inherit; margin: 8px 0 0; font-size: .9em; line-height: 1.6; max-width: 40em; }
.recsketch-summary div { display: flex; border-bottom: 1px solid rgba(128, 128, 128, .25); }
.recsketch-summary span { flex: 1; overflow-wrap: anywhere; }
.recsketch-summary span:first-child { flex: 0 0 11em; opacity: .7; }
"""


class RecommenderDiagramMixin(DocLinkMixin):
    """Mixin for the HTML diagrams of recommenders: a link to the documentation and, if fitted, a short summary.

    It must precede scikit-learn's `BaseEstimator` in the list of base classes.
    """

    def _html_repr(self) -> str:
        """Return the diagram and, if the recommender is fitted, the summary."""
        diagram: str = super()._html_repr()  # type: ignore[misc]
        rows = _summarize(self)
        if not rows:
            return diagram
        lines = "".join(
            f"<div><span>{html.escape(name)}</span><span>{html.escape(text)}</span></div>" for name, text in rows
        )
        return f'{diagram}<div class="recsketch-summary"><style>{STYLE}</style>{lines}</div>'


def _summarize(recommender: Any) -> list[tuple[str, str]]:
    """Return the names and texts of the rows, or an empty list if the recommender is not fitted."""
    fitted = vars(recommender)
    if not {"users_", "items_", "interactions_"} <= fitted.keys():
        return []
    rows = [
        ("users", f"{len(fitted['users_']):,}{_features(fitted, 'user')}"),
        ("items", f"{len(fitted['items_']):,}{_features(fitted, 'item')}"),
        ("interactions", f"{fitted['interactions_'].nnz:,}"),
    ]
    if "n_iter_" in fitted:
        rows.append(("epochs", _epochs(fitted)))
    losses = fitted.get("loss_curve_", ())
    if 0 < fitted.get("n_iter_", 0) <= len(losses):
        rows.append(("loss", f"{losses[fitted['n_iter_'] - 1]:.6g}"))
    for name in ("alpha", "user_regularization", "item_regularization"):
        if f"{name}_" in fitted:
            rows.append((name, f"{fitted[f'{name}_']:.4g}{_origin(recommender, name)}"))
    return rows


def _features(fitted: dict[str, Any], side: str) -> str:
    """Return how many features the users or items have, if any."""
    features = fitted.get(f"{side}_features_")
    return "" if features is None else f", with {features.matrix.shape[1]:,} features"


def _epochs(fitted: dict[str, Any]) -> str:
    """Return the number of epochs, and whether training ended early or diverged."""
    n_epochs = f"{fitted['n_iter_']:,}"
    if fitted.get("diverged_"):
        return f"{n_epochs}: training diverged, and the last finite vectors were kept"
    scores = fitted.get("validation_scores_")
    if scores is not None and len(scores):
        best = scores[fitted["n_iter_"] - 1]
        return f"{n_epochs}: the best of {len(scores):,} by the validation score, {best:.3g}"
    return n_epochs


def _origin(recommender: Any, name: str) -> str:
    """Return whether the value of a parameter was computed from the interactions or passed by the caller."""
    passed = getattr(recommender, name, None)
    if passed is None and name != "alpha":  # the penalties of users and items default to a common one
        passed = getattr(recommender, "regularization", None)
    return ", computed from the interactions" if isinstance(passed, str) and passed == "auto" else ""
