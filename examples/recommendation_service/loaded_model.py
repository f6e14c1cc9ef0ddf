"""A model, prepared to answer requests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from recommendation_service.catalogue import Catalogue, read_titles
from recommendation_service.ids import Ids, UnknownIdError
from sklearn_recsketch import load_model
from sklearn_recsketch.inspection import explain, rank_by_feature
from sklearn_recsketch.serving import to_index

Id = int | str


class Who(NamedTuple):
    """The person that a request is about: a known user, or a history of interactions, or both.

    A known user with a history stands for a user whose interactions have changed since the model was fitted.
    """

    user: Id | None = None
    history: Sequence[Id] | None = None
    strengths: Sequence[float] | None = None


class Ranked(NamedTuple):
    """Item ids, their scores, and the ids in the request that the model does not know."""

    items: list[Any]
    scores: list[float]
    unknown: list[Any]


class LoadedModel:
    """A recommender and what is computed once per model file. It does not change, so threads can share it.

    Methods raise an UnknownIdError if the model does not know a user, an item or a feature, and a ValueError if a
    request is invalid in another way.

    Parameters
    ----------
    estimator : recommender or Pipeline that ends in one
        Fitted estimator that learns embeddings.
    titles : dict
        Titles by the text of the item id.
    version : str
        Version of the model, which is sent with each answer.
    """

    def __init__(self, estimator: Any, titles: dict[str, str], version: str) -> None:
        recommender = estimator[-1] if isinstance(estimator, Pipeline) else estimator
        self._neighbours = to_index(recommender, "exact", metric="cosine")  # raises an error without embeddings
        self.recommender = recommender.set_params(n_jobs=1)  # the service runs one thread per request
        self.version, self.loaded_at = version, datetime.now(UTC)
        self.users, self.items = Ids("user", recommender.users_), Ids("item", recommender.items_)
        self.catalogue = Catalogue(recommender, titles)
        self._visitor = self.users.unused()
        first = self.catalogue.ids[0]
        # The first requests load the kernels and test the model.
        for who in (Who(recommender.users_[:1].tolist()[0]), Who(history=[first])):
            self.recommend(who, 1)
        self.similar_items(first, 1)

    @classmethod
    def from_files(cls, model: Path, titles: Path | None, mmap_mode: str | None) -> LoadedModel:
        """Load a model file and, optionally, a file of titles. The version is a digest of the model file."""
        with model.open("rb") as file:
            version = hashlib.file_digest(file, "sha256").hexdigest()[:12]
        return cls(load_model(model, mmap_mode=mmap_mode), read_titles(titles), version)

    def recommend(
        self,
        who: Who,
        k: int,
        candidates: Sequence[Id] | None = None,
        exclude: Sequence[Id] = (),
        exclude_seen: bool = True,
    ) -> Ranked:
        """Recommend items. Ids of items that the model does not know are returned, and otherwise ignored."""
        user, history, unknown = self._query(who)
        allowed = None
        if candidates is not None:
            allowed, unknown_candidates = self.items.split(candidates)
            unknown += unknown_candidates
            if not allowed:
                return Ranked([], [], unknown)
        excluded, unknown_excluded = self.items.split(exclude)
        table = self.recommender.recommend(
            [user], k, history=history, exclude_seen=exclude_seen, candidates=allowed, exclude=excluded or None
        )
        return Ranked(table["item"].to_list(), table["score"].to_list(), unknown + unknown_excluded)

    def similar_items(self, item: Id, k: int) -> Ranked:
        """Find the items with the most similar embeddings."""
        table = self._neighbours.similar_items([self.items.known(item)], k)
        return Ranked(table["similar_item"].to_list(), table["score"].to_list(), [])

    def items_for_feature(self, feature: str, k: int) -> Ranked:
        """Sort the items by their similarity to a feature."""
        try:
            table = rank_by_feature(self.recommender, feature, k)
        except ValueError as error:
            if feature in self.catalogue.feature_counts:
                raise
            raise UnknownIdError(str(error)) from error  # the message lists similar names
        return Ranked(table["item"].to_list(), table["score"].to_list(), [])

    def explain(self, who: Who, item: Id, by: str | None = None) -> list[dict[str, Any]]:
        """Split the score of an item into contributions. Each is a dict with the columns of `inspection.explain`."""
        user, history, _ = self._query(who)
        table = explain(self.recommender, user, self.items.known(item), by=by, history=history)
        columns = (table[name].to_list() for name in ("source", "name", "contribution", "similarity"))
        return [
            {"source": source, "name": _text(name), "contribution": _number(share), "similarity": _number(similarity)}
            for source, name, share, similarity in zip(*columns, strict=True)
        ]

    def common_users(self, item: Id, other: Id) -> int:
        """Count the users who interacted with both items."""
        of_item, of_other = (self.catalogue.users(self.items.row(id)) for id in (item, other))
        return len(np.intersect1d(of_item, of_other))

    def _query(self, who: Who) -> tuple[Id, pd.DataFrame | None, list[Any]]:
        """Return the user and the history for the recommender, and the unknown items in the history."""
        if who.history is None:
            if who.user is None:
                raise ValueError("Pass a user, or a history of items.")
            return self.users.known(who.user), None, []
        strengths = [1.0] * len(who.history) if who.strengths is None else who.strengths
        known = [self.items.find(item) is not None for item in who.history]
        items = [self.items.read(item) for item in who.history]
        if not any(known):
            raise ValueError("The model does not know any item of the history. Pass at least one known item.")
        user = self._visitor if who.user is None else self.users.read(who.user)
        table = pd.DataFrame({"user": user, "item": items, "strength": strengths})[known]
        return user, table, [item for item, is_known in zip(items, known, strict=True) if not is_known]


def _text(value: Any) -> str | None:
    """Return None for a missing name, which is NaN in a column of strings."""
    return None if value is None or value != value else str(value)


def _number(value: float | None) -> float | None:
    """Return None for NaN, which JSON does not have."""
    return None if value is None or value != value else float(value)
