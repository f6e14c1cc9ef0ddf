"""Uses of the embeddings of a tuned recommender.

Shows galleries of recommendations, similar items and items for a tag, an explanation of a recommendation, suggested
tags, and maps of the embedding space.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from demo_data import DemoData, tag_name
from report import Report

from sklearn_recsketch.inspection import (
    EmbeddingDisplay,
    ExplanationDisplay,
    ItemGallery,
    embedding_norms,
    rank_by_feature,
    similar_features,
    sketchfab_thumbnails,
    suggest_features,
)


@dataclass(frozen=True)
class Gallery:
    """Pictures of items: thumbnails from Sketchfab, or placeholder images.

    Attributes
    ----------
    data : DemoData
    thumbnails : bool
    """

    data: DemoData
    thumbnails: bool

    def of(self, table: pd.DataFrame) -> ItemGallery:
        """Gallery of a table of items."""
        column = "similar_item" if "similar_item" in table else "item"
        shown = pd.unique(pd.concat([table[name] for name in {column, "item"} & set(table)]))
        images = sketchfab_thumbnails(shown, embed=True) if self.thumbnails else {}
        return ItemGallery(table, images=images, titles=self.data.names)


def show_recommendations(report: Report, model: Any, users: list[Any], gallery: Gallery) -> None:
    """Show the recommendations of some users, and explain one of them."""
    table = model.recommend(users, k=6)
    report.section("Recommendations", "For the three users of the summary, without the items that they have liked.")
    report.gallery(gallery.of(table))
    if hasattr(model, "item_factors_"):
        titles = gallery.data.names
        display = ExplanationDisplay.from_estimator(model, table["user"][0], table["item"][0], titles=titles)
        report.figure(display.figure_, caption="Explanation of the first recommendation: contributions to its score")


def show_neighbours(report: Report, model: Any, X: pd.DataFrame, gallery: Gallery) -> None:
    """Show the items most similar to the three most popular ones."""
    popular = X["item"].value_counts().index[:3]
    report.section(
        "Similar items",
        "The items most similar to the three most liked ones, by cosine similarity of their embeddings.",
    )
    report.gallery(gallery.of(model.similar_items(popular, k=5)))


def show_tags(report: Report, name: str, model: Any, X: pd.DataFrame, gallery: Gallery) -> None:
    """Show items sorted by tag, suggested tags and similar tags."""
    data = gallery.data
    common = embedding_norms(model, "item_features")["feature"][:8].tolist()
    table = rank_by_feature(model, common[:3], k=6)
    carriers = {tag: data.carriers(tag) for tag in common[:3]}
    has = [item in carriers[tag] for tag, item in zip(table["feature"], table["item"], strict=True)]
    share = sum(len(items) for items in carriers.values()) / len(carriers) / len(data.tags.ids)
    report.section(
        "Tags",
        f"From {name}, fitted to all likes. Items sorted by similarity to a tag: {sum(has)} of these {len(has)} items "
        f"have the tag, and {share:.0%} of all items.",
    )
    report.gallery(gallery.of(table))
    popular = X["item"].value_counts().index[:5]
    suggested = suggest_features(model, popular, k=5).groupby("item", sort=False)["feature"].agg(short_names)
    rows = [
        {
            "item": data.name(item),
            "has": short_names(data.tags_of(item)[:8]),
            "suggested": suggested.get(item, ""),
        }
        for item in popular
    ]
    report.table(pd.DataFrame(rows), caption="Tags suggested for the most liked items")
    nearest = similar_features(model, common, k=4).groupby("feature", sort=False)["similar_feature"].agg(short_names)
    report.table(
        nearest.rename(tag_name).rename("similar").rename_axis("tag").reset_index(),
        caption="Tags with similar embeddings",
    )


def show_space(report: Report, model: Any, of: str, labels: dict[Any, str] | None, seed: int) -> None:
    """Show a map of items or tags."""
    display = EmbeddingDisplay.from_estimator(model, of, n_points=500, labels=labels, random_state=seed)
    report.figure(display.figure_, caption=f"Map of {of.replace('_', ' ')}")


def short_names(tags: Iterable[str]) -> str:
    """Names of tags without their type, joined by commas."""
    return ", ".join(map(tag_name, tags))
