"""Recommenders that each break one promise about ids, scores or lists."""

from __future__ import annotations

import numpy as np
import pandas as pd
from broken_fits import Changed

# Ids.


class ReturnsRowNumbers(Changed):
    """Returns row numbers of the matrix instead of item ids."""

    def changed_table(self, table, k):
        return table.assign(item=np.searchsorted(self.items_, table["item"]))


class TruncatesStrings(Changed):
    """Returns only the first five characters of strings."""

    def changed_table(self, table, k):
        return table.assign(item=[item[:5] if isinstance(item, str) else item for item in table["item"]])


class UsesValuesOfIds(Changed):
    """Learns from the values of ids, which are names."""

    def _learn(self, interactions):
        learnt = super()._learn(interactions)
        learnt["popularity_"] *= self.length_of_ids
        return learnt

    def arguments_of_fit(self, X, y):
        self.length_of_ids = len(str(np.asarray(X)[0, 1]))
        return X, y


class KnowsNoNewUsers(Changed):
    """Scores unknown users as NaN."""

    def _score_users(self, users, history):
        scores = super()._score_users(users, history)
        scores[users < 0] = np.nan
        return scores


class KnowsNoNewItems(Changed):
    """Scores unknown items as NaN."""

    def _score_unknown_items(self, scores):
        return np.full(len(scores), np.nan)


# Ranked lists.


class CountsFromZero(Changed):
    """Starts ranks at 0."""

    def changed_table(self, table, k):
        return table.assign(rank=table["rank"] - 1)


class SortsByItem(Changed):
    """Sorts the items of a list by id."""

    def changed_table(self, table, k):
        table = table.sort_values(["user", "item"])
        return table.assign(rank=table.groupby("user").cumcount() + 1)


class ReversesTies(Changed):
    """Puts items with equal scores in descending order of their ids."""

    def changed_table(self, table, k):
        table = table.sort_values(["user", "score", "item"], ascending=[True, False, False])
        return table.assign(rank=table.groupby("user").cumcount() + 1)


class ScoresByRank(Changed):
    """Returns the reciprocal rank as the score."""

    def changed_table(self, table, k):
        return table.assign(score=1 / table["rank"])


class MissesBest(Changed):
    """Leaves out the item with the largest score."""

    def recommend(self, users=None, k=10, **kwargs):
        table = super().recommend(users, k + 1, **kwargs)
        return table[table["rank"] > 1].assign(rank=table["rank"] - 1)


class DependsOnBatch(Changed):
    """Centres the scores over the users of a batch."""

    def _score_users(self, users, history):
        scores = super()._score_users(users, history)
        return scores - scores.mean(axis=0)


class ScoresHits(Changed):
    """Scores by the number of hits, not divided by k."""

    def score(self, X, y=None, *, k=5):
        return k * super().score(X, y, k=k)


class ScoresNothing(Changed):
    """Returns NaN as the score of rows without known users."""

    def score(self, X, y=None, *, k=5):
        return super().score(X, y, k=k) if np.isin(np.asarray(X)[:, 0], self.users_).any() else np.nan


# Arguments of recommend.


class RepeatsSeenItems(Changed):
    """Recommends items that the user has already seen."""

    def recommend(self, users=None, k=10, *, exclude_seen=True, **kwargs):
        return super().recommend(users, k, exclude_seen=False, **kwargs)


class IgnoresExclude(Changed):
    """Ignores `exclude`."""

    def recommend(self, users=None, k=10, *, exclude=None, **kwargs):
        return super().recommend(users, k, **kwargs)


class IgnoresTables(Changed):
    """Ignores candidates that are a table."""

    def recommend(self, users=None, k=10, *, candidates=None, **kwargs):
        candidates = None if isinstance(candidates, pd.DataFrame) else candidates
        return super().recommend(users, k, candidates=candidates, **kwargs)


class FailsOnShortList(Changed):
    """Raises an error if a user has fewer than k items left."""

    def changed_table(self, table, k):
        if len(table) and k < 100 and (table.groupby("user").size() < k).any():
            raise ValueError(f"A user has fewer than {k} items left.")
        return table


class ReturnsNoColumns(Changed):
    """Returns a table without columns if no item is left."""

    def changed_table(self, table, k):
        return table if len(table) else pd.DataFrame()


class ForgetsHistory(Changed):
    """Recommends the items of the history that is passed."""

    def recommend(self, users=None, k=10, *, history=None, **kwargs):
        if users is None and history is not None:
            users = np.unique(np.asarray(history)[:, 0]).astype(int)
        return super().recommend(users, k, **kwargs)


class IgnoresHistory(Changed):
    """Computes the scores of new users from no interactions, whatever the history."""

    def _score_users(self, users, history):
        return super()._score_users(users, self.interactions_[np.maximum(users, 0)])


class RefusesHistory(Changed):
    """Raises an error if the history contains unknown items."""

    def recommend(self, users=None, k=10, *, history=None, **kwargs):
        if history is not None and not np.isin(np.asarray(history)[:, 1], self.items_).all():
            raise KeyError("unknown item")
        return super().recommend(users, k, history=history, **kwargs)
