"""What the embedded space of a tuned recommender is good for: the second half of the posts.

Galleries of recommendations, similar items and items for a tag, why an item is recommended, tags suggested for
items, and maps of the space.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from report import Report

from sklearn_recsketch import SideFeatures
from sklearn_recsketch.inspection import (
    EmbeddingDisplay,
    EmbeddingNormsDisplay,
    ExplanationDisplay,
    ItemGallery,
    embedding_norms,
    rank_by_feature,
    similar_features,
    sketchfab_thumbnails,
    suggest_features,
)


@dataclass(frozen=True)
class Catalogue:
    """What is known of the items beside the likes.

    Attributes
    ----------
    features : SideFeatures or None
    names : Series or None
        Titles by id.
    images : callable
        From ids to pictures by id.
    """

    features: SideFeatures | None
    names: pd.Series | None
    images: Callable[[Any], Mapping[Any, Any]]

    @classmethod
    def of(cls, features: SideFeatures | None, names: pd.Series | None, thumbnails: bool) -> Catalogue:
        """With Sketchfab's thumbnails, embedded in the page, or generated pictures; no titles that are ids."""

        def images(ids: Any) -> Mapping[Any, Any]:
            return sketchfab_thumbnails(ids, embed=True) if thumbnails else {}

        named = names is not None and not (names.index == names).all()
        return cls(features, names if named else None, images)

    def gallery(self, table: pd.DataFrame) -> ItemGallery:
        """A table of items as pictures."""
        column = "similar_item" if "similar_item" in table else "item"
        shown = pd.unique(pd.concat([table[name] for name in {column, "item"} & set(table)]))
        return ItemGallery(table, images=self.images(shown), titles=self.names)

    def features_of(self, item: Any) -> list[str]:
        """Names of the features an item has."""
        row = np.flatnonzero(self.features.ids == item)
        return self.features.feature_names()[self.features.matrix[row].indices].tolist()

    def carriers(self, feature: str) -> set[Any]:
        """Items that have a feature."""
        column = self.features.feature_names().tolist().index(feature)
        return set(self.features.ids[self.features.matrix[:, [column]].toarray().ravel() > 0])


def show_recommendations(report: Report, winner: Any, X: pd.DataFrame, catalogue: Catalogue) -> None:
    """What three users get, and why one of them gets the first."""
    by_activity = X["user"].value_counts().index
    middle = len(by_activity) // 2
    table = winner.recommend(by_activity[middle : middle + 3], k=6)
    report.section("Recommendations", "For three users with the median number of likes; what they like is left out.")
    report.gallery(catalogue.gallery(table))
    display = ExplanationDisplay.from_estimator(winner, table["user"][0], table["item"][0], titles=catalogue.names)
    report.figure(display.figure_, caption="Why the first of these: what adds up to its score")


def show_neighbours(report: Report, winner: Any, X: pd.DataFrame, catalogue: Catalogue) -> None:
    """Similar items."""
    popular = X["item"].value_counts().index[:3]
    report.section("Similar items", "The nearest to the three most liked, by cosine in the embedded space.")
    report.gallery(catalogue.gallery(winner.similar_items(popular, k=5)))


def show_tags(report: Report, winner: Any, X: pd.DataFrame, catalogue: Catalogue) -> None:
    """Sorting by tag, suggesting tags, similar tags."""
    common = embedding_norms(winner, "item_features")["feature"][:8].tolist()
    table = rank_by_feature(winner, common[:3], k=6)
    carriers = {tag: catalogue.carriers(tag) for tag in common[:3]}
    has = [item in carriers[tag] for tag, item in zip(table["feature"], table["item"], strict=True)]
    report.section(
        "Tags",
        f"Items sorted by how near they are to a tag: {sum(has)} of these {len(has)} have the tag they are under.",
    )
    report.gallery(catalogue.gallery(table))
    popular = X["item"].value_counts().index[:5]
    suggested = suggest_features(winner, popular, k=5).groupby("item", sort=False)["feature"].agg(", ".join)
    rows = [
        {"item": item, "has": ", ".join(catalogue.features_of(item)[:8]), "suggested": suggested.get(item, "")}
        for item in popular
    ]
    report.table(titled(pd.DataFrame(rows), catalogue.names), caption="Tags suggested for the most liked items")
    nearest = similar_features(winner, common, k=4).groupby("feature", sort=False)["similar_feature"].agg(", ".join)
    report.table(nearest.rename("similar").reset_index(), caption="Tags that mean much the same to this model")


def show_space(report: Report, winner: Any, catalogue: Catalogue, seed: int) -> None:
    """Maps of items and tags, and how long their vectors are."""
    report.section("The space", "Near each other is what is liked by the same users; directions have no meaning.")
    titles = None if catalogue.names is None else catalogue.names.to_dict()
    maps = {"items": titles} if catalogue.features is None else {"items": titles, "item_features": None}
    for of, labels in maps.items():
        display = EmbeddingDisplay.from_estimator(winner, of, n_points=500, labels=labels, random_state=seed)
        report.figure(display.figure_, caption=f"Map of {of.replace('_', ' ')}")
    report.figure(EmbeddingNormsDisplay.from_estimator(winner).figure_, caption="Popularity against length of vectors")


def show_embeddings(report: Report, winner: Any, X: pd.DataFrame, catalogue: Catalogue, seed: int) -> None:
    """All of it."""
    show_recommendations(report, winner, X, catalogue)
    show_neighbours(report, winner, X, catalogue)
    if catalogue.features is not None:
        show_tags(report, winner, X, catalogue)
    show_space(report, winner, catalogue, seed)


def titled(table: pd.DataFrame, names: pd.Series | None) -> pd.DataFrame:
    """With a column of titles where items have any."""
    if names is None:
        return table
    return table.assign(title=[names.get(item, "") for item in table["item"]])[["item", "title", "has", "suggested"]]
