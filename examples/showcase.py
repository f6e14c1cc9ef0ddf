"""Uses of the embeddings of a tuned recommender.

Shows galleries of recommendations, similar items and items for a tag, an explanation of a recommendation, suggested
tags, and maps of the embedding space.
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
    """Features, titles and images of the items.

    Attributes
    ----------
    features : SideFeatures or None
    names : Series or None
        Titles by id.
    images : callable
        Function that maps ids to a mapping from ids to images.
    """

    features: SideFeatures | None
    names: pd.Series | None
    images: Callable[[Any], Mapping[Any, Any]]

    @classmethod
    def of(cls, features: SideFeatures | None, names: pd.Series | None, thumbnails: bool) -> Catalogue:
        """Use embedded thumbnails from Sketchfab or placeholder images, and no titles if they are equal to the ids."""

        def images(ids: Any) -> Mapping[Any, Any]:
            return sketchfab_thumbnails(ids, embed=True) if thumbnails else {}

        named = names is not None and not (names.index == names).all()
        return cls(features, names if named else None, images)

    def gallery(self, table: pd.DataFrame) -> ItemGallery:
        """Gallery of a table of items."""
        column = "similar_item" if "similar_item" in table else "item"
        shown = pd.unique(pd.concat([table[name] for name in {column, "item"} & set(table)]))
        return ItemGallery(table, images=self.images(shown), titles=self.names)

    def features_of(self, item: Any) -> list[str]:
        """Names of the features of an item."""
        row = np.flatnonzero(self.features.ids == item)
        return self.features.feature_names()[self.features.matrix[row].indices].tolist()

    def carriers(self, feature: str) -> set[Any]:
        """Ids of the items that have a feature."""
        column = self.features.feature_names().tolist().index(feature)
        return set(self.features.ids[self.features.matrix[:, [column]].toarray().ravel() > 0])


def show_recommendations(report: Report, winner: Any, X: pd.DataFrame, catalogue: Catalogue) -> None:
    """Show the recommendations of three users, and explain one of them."""
    by_activity = X["user"].value_counts().index
    middle = len(by_activity) // 2
    table = winner.recommend(by_activity[middle : middle + 3], k=6)
    report.section(
        "Recommendations", "For three users with the median number of likes, without the items that they have liked."
    )
    report.gallery(catalogue.gallery(table))
    display = ExplanationDisplay.from_estimator(winner, table["user"][0], table["item"][0], titles=catalogue.names)
    report.figure(display.figure_, caption="Explanation of the first recommendation: contributions to its score")


def show_neighbours(report: Report, winner: Any, X: pd.DataFrame, catalogue: Catalogue) -> None:
    """Show the items most similar to the three most popular ones."""
    popular = X["item"].value_counts().index[:3]
    report.section(
        "Similar items",
        "The items most similar to the three most liked ones, by cosine similarity of their embeddings.",
    )
    report.gallery(catalogue.gallery(winner.similar_items(popular, k=5)))


def show_tags(report: Report, winner: Any, X: pd.DataFrame, catalogue: Catalogue) -> None:
    """Show items sorted by tag, suggested tags and similar tags."""
    common = embedding_norms(winner, "item_features")["feature"][:8].tolist()
    table = rank_by_feature(winner, common[:3], k=6)
    carriers = {tag: catalogue.carriers(tag) for tag in common[:3]}
    has = [item in carriers[tag] for tag, item in zip(table["feature"], table["item"], strict=True)]
    report.section(
        "Tags",
        f"Items sorted by similarity to a tag. {sum(has)} of these {len(has)} items have the tag.",
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
    report.table(nearest.rename("similar").reset_index(), caption="Tags with similar embeddings")


def show_space(report: Report, winner: Any, catalogue: Catalogue, seed: int) -> None:
    """Show maps of items and tags, and the norms of their vectors."""
    report.section("Embedding space", "Items that the same users like are close together; the axes have no meaning.")
    titles = None if catalogue.names is None else catalogue.names.to_dict()
    maps = {"items": titles} if catalogue.features is None else {"items": titles, "item_features": None}
    for of, labels in maps.items():
        display = EmbeddingDisplay.from_estimator(winner, of, n_points=500, labels=labels, random_state=seed)
        report.figure(display.figure_, caption=f"Map of {of.replace('_', ' ')}")
    report.figure(EmbeddingNormsDisplay.from_estimator(winner).figure_, caption="Popularity and norms of vectors")


def show_embeddings(report: Report, winner: Any, X: pd.DataFrame, catalogue: Catalogue, seed: int) -> None:
    """Show all sections."""
    show_recommendations(report, winner, X, catalogue)
    show_neighbours(report, winner, X, catalogue)
    if catalogue.features is not None:
        show_tags(report, winner, X, catalogue)
    show_space(report, winner, catalogue, seed)


def titled(table: pd.DataFrame, names: pd.Series | None) -> pd.DataFrame:
    """Add a column of titles if items have any."""
    if names is None:
        return table
    return table.assign(title=[names.get(item, "") for item in table["item"]])[["item", "title", "has", "suggested"]]
