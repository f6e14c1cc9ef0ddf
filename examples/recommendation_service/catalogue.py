"""Titles, features and users of the items of a model."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def read_titles(path: Path | None) -> dict[str, str]:
    """Read a JSON file that maps item ids to titles.

    The keys of a JSON object are always text, so the titles are looked up by the text of an id.
    """
    if path is None:
        return {}
    try:
        titles = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a valid JSON file: {error}.") from error
    if not isinstance(titles, dict):
        raise ValueError(f'{path} must contain a JSON object of titles by item id, such as {{"7": "A ship"}}.')
    for id, title in titles.items():
        if not isinstance(title, str):
            shown = json.dumps(title)[:100]
            raise ValueError(f"{path} must contain strings as titles, but the title of {id!r} is {shown}.")
    return titles


def searchable(text: str) -> str:
    """Remove accents and differences between capital and small letters."""
    letters = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()


class Catalogue:
    """Titles, features and users of the items. Items are numbered as in `recommender.items_`.

    Parameters
    ----------
    recommender : recommender
        Fitted recommender.
    titles : mapping of str to str
        Titles by item id. An item without a title is shown with its id.
    """

    def __init__(self, recommender: Any, titles: Mapping[str, str]) -> None:
        self.ids: list[Any] = recommender.items_.tolist()
        self.titles = [titles.get(str(id), str(id)) for id in self.ids]
        self._searchable = [searchable(title) for title in self.titles]
        by_item = recommender.interactions_.tocsc()
        self._starts, self._users = by_item.indptr, by_item.indices
        self._most_popular_first = np.argsort(-np.diff(self._starts), kind="stable").tolist()
        self._features, self.feature_counts = _features(recommender)

    def users(self, row: int) -> np.ndarray:
        """Return the rows of the users who interacted with an item."""
        return self._users[self._starts[row] : self._starts[row + 1]]

    def features(self, row: int) -> list[str]:
        """Return the names of the features of an item."""
        return self._features.get(row, [])

    def search(self, text: str, k: int) -> list[int]:
        """Return the items whose titles contain all words of a text.

        Titles that start with the text come first, and popular items come before others. If the text is blank, the most
        popular items are returned.
        """
        wanted = searchable(text).split()
        start = " ".join(wanted)
        found = [row for row in self._most_popular_first if all(word in self._searchable[row] for word in wanted)]
        return sorted(found, key=lambda row: not self._searchable[row].startswith(start))[:k]


def _features(recommender: Any) -> tuple[dict[int, list[str]], dict[str, int]]:
    """Return the features of each item, and the number of items with each feature.

    Features that the model does not use, because they are rare, are left out.
    """
    features = recommender.item_features_
    if features is None:
        return {}, {}
    names = features.feature_names().tolist()
    used = set(recommender.item_encoder_.feature_names_.tolist())
    rows = np.searchsorted(recommender.items_, features.ids).tolist()
    by_row, counts = {}, dict.fromkeys(sorted(used), 0)
    for position, row in enumerate(rows):
        start, stop = features.matrix.indptr[position : position + 2]
        by_row[row] = sorted(names[column] for column in features.matrix.indices[start:stop] if names[column] in used)
        for name in by_row[row]:
            counts[name] += 1
    return by_row, counts
