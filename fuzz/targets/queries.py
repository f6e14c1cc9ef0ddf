"""Queries: users, candidates, excluded items and histories in all forms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from fuzz.oracle import check
from fuzz.target import Choices, Target
from fuzz.targets.python_values import ODD, built, byte_seeds
from sklearn_recsketch import EASERecommender, ItemKNNRecommender, PopularityRecommender, WRMFRecommender

__all__ = ["Queries"]

USERS, ITEMS = ["u0", "u1", "u2", "u3", "7"], ["a", "b", "c", "d", "e", "7"]
SEEN = [("u0", "a"), ("u0", "b"), ("u1", "c"), ("u2", "d"), ("u3", "e"), ("7", "7"), ("u1", "a")]
LISTS: list[Callable[[list[Any]], Any]] = [
    lambda ids: ids,
    tuple,
    set,
    lambda ids: np.array(ids, dtype=object),
    np.array,
    pd.Series,
    pd.Index,
    lambda ids: pd.Series(ids, dtype="category"),
    pl.Series,
    lambda ids: pl.Series(ids, dtype=pl.Categorical),
    pa.array,
    lambda ids: pa.chunked_array([ids[:1], ids[1:]]) if ids else pa.array(ids),
    iter,
    dict.fromkeys,
]
TABLES: list[Callable[[list[Any]], Any]] = [
    lambda pairs: pairs,
    lambda pairs: np.array(pairs, dtype=object).reshape(-1, 2),
    np.array,
    lambda pairs: pd.DataFrame(pairs, columns=["user", "item"]),
    lambda pairs: pd.DataFrame(pairs, columns=["user", "item"]).astype("category"),
    lambda pairs: pl.DataFrame(pairs, schema=["user", "item"], orient="row"),
    lambda pairs: pa.Table.from_pandas(pd.DataFrame(pairs, columns=["user", "item"])),
]


class Queries(Target):
    """`recommend`: each user of the query gets all items that are left, in a list without others."""

    name = "queries"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        X = pd.DataFrame(SEEN, columns=["user", "item"])
        self._recommenders = [
            WRMFRecommender(2, max_iter=1, random_state=0).fit(X),
            PopularityRecommender().fit(X),
            EASERecommender().fit(X),
            ItemKNNRecommender().fit(X),
        ]

    def seeds(self) -> list[bytes]:
        return byte_seeds()

    def run(self, data: bytes) -> None:
        choices = Choices(data)
        recommender = choices.pick(self._recommenders)
        seen = defaultdict(set)
        for user, item in SEEN:
            seen[user].add(item)
        query = choices.some(USERS, 4)
        users = self._list(choices, query) if choices.below(4) else None
        allowed, candidates = self._selection(choices)
        excluded, exclude = self._selection(choices)
        exclude_seen = bool(choices.below(2))
        odd = choices.below(6) == 0
        if odd:
            place, value = choices.below(3), choices.pick(ODD)
            users, candidates, exclude = (
                value if place == j else one for j, one in enumerate((users, candidates, exclude))
            )
        history = choices.some([(user, item) for user in USERS for item in ITEMS], 3) if choices.below(4) == 0 else None
        history, given = self._history(choices, history, users)
        table = recommender.recommend(
            users,
            k=20,
            candidates=candidates,
            exclude=exclude,
            exclude_seen=exclude_seen,
            history=given,
        )
        if odd:
            return
        if users is None:
            own = sorted(allowed) if isinstance(allowed, dict) else sorted({user for user, _ in history or []})
            query = own or sorted(USERS)
        elif isinstance(users, set):
            query = sorted(set(query))
        for user, item in history or [] if exclude_seen else []:
            seen[user].add(item)
        expected = []
        for user in dict.fromkeys(query) if isinstance(users, dict) else query:
            left = (
                set(ITEMS) if allowed is None else set(allowed.get(user, []) if isinstance(allowed, dict) else allowed)
            )
            left -= set([] if excluded is None else excluded.get(user, []) if isinstance(excluded, dict) else excluded)
            expected += sorted((user, item) for item in (left - seen[user] if exclude_seen else left))
        got = [*zip(table["user"], table["item"], strict=True)]
        order = {user: place for place, user in enumerate(dict.fromkeys(query))}
        check(sorted(got) == sorted(expected), f"lists differ: {got}, not {expected}")
        check([order[user] for user, _ in got] == sorted(order[user] for user, _ in got) or len(order) < len(query),
              f"users are in another order: {got}, not {query}")  # fmt: skip

    @staticmethod
    def _history(choices: Choices, pairs: Any, users: Any) -> tuple[Any, Any]:
        """Return the pairs of a history, and the history in one of the forms of `recommend`."""
        if pairs is None:
            return None, None
        form = choices.below(4)
        if form == 0:  # a dict of lists or of iterators
            container = choices.pick([list, iter, tuple, set])
            by_user: dict[str, list[str]] = defaultdict(list)
            for user, item in pairs:
                by_user[user].append(item)
            return pairs, {user: container(items) for user, items in by_user.items()}
        if form == 1 and isinstance(users, list) and len(users) == 1:  # the items of a single user
            items = [item for _, item in pairs]
            return [(users[0], item) for item in items], choices.pick([list, iter, tuple])(items)
        return pairs, built(lambda: choices.pick([*TABLES, iter])(pairs))

    @staticmethod
    def _list(choices: Choices, ids: list[Any]) -> Any:
        return built(lambda: choices.pick(LISTS[:-1])(ids))

    def _selection(self, choices: Choices) -> tuple[Any, Any]:
        """Return a selection as a list, as a dict of lists or as None, and in one of the forms of `recommend`."""
        form = choices.below(5)
        if form < 2:
            return None, None
        if form == 2:
            ids = choices.some(ITEMS, 4)
            return ids or None, self._list(choices, ids)
        by_user: dict[str, list[str]] = {user: choices.some(ITEMS, 3) for user in choices.some(USERS, 4)}
        if form == 3:
            return by_user or None, {user: self._list(choices, ids) for user, ids in by_user.items()}
        pairs = [(user, item) for user, ids in by_user.items() for item in ids]
        by_user = {user: ids for user, ids in by_user.items() if ids}
        return by_user or None, built(lambda: choices.pick(TABLES)(pairs))
