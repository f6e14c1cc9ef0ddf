"""Recommenders that each break one promise, under the name of the check that must notice it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from own_recommender import NearestItemRecommender

__all__ = ["BROKEN", "Changed"]


class Changed(NearestItemRecommender):
    """A correct recommender whose subclasses change the arguments or results of one of its methods."""

    def fit(self, X, y=None):
        return super().fit(*self.arguments_of_fit(X, y))

    def arguments_of_fit(self, X, y):
        return X, y

    def recommend(self, users=None, k=10, **kwargs):
        return self.changed_table(super().recommend(users, k, **kwargs), k)

    def changed_table(self, table, k):
        return table


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


# Strengths.


class NumbersRows(Changed):
    """Takes the row number for the strength if y is None."""

    def arguments_of_fit(self, X, y):
        return X, np.arange(1.0, len(X) + 1) if y is None else y


class DropsRepeatedRows(Changed):
    """Keeps only the first of repeated rows."""

    def arguments_of_fit(self, X, y):
        _, first = np.unique(np.asarray(X), axis=0, return_index=True)
        return pd.DataFrame(X).iloc[first], None if y is None else np.asarray(y)[first]


class CapsStrengths(Changed):
    """Caps strengths at a fixed number, as if they were always ratings from 1 to 5."""

    def arguments_of_fit(self, X, y):
        return X, None if y is None else np.minimum(y, 5)


class CountsZeros(Changed):
    """Takes the strength 0 for an interaction."""

    def arguments_of_fit(self, X, y):
        return X, None if y is None else np.where(np.equal(y, 0), 1, y)


class SortsByIndex(Changed):
    """Assigns strengths to rows by the index of a Series."""

    def arguments_of_fit(self, X, y):
        return X, y.sort_index() if isinstance(y, pd.Series) else y


class IgnoresWeights(Changed):
    """Ignores the weight column."""

    def arguments_of_fit(self, X, y):
        return X.iloc[:, :2] if isinstance(X, pd.DataFrame) else X, y


class RepairsStrengths(Changed):
    """Replaces invalid strengths instead of raising an error."""

    def arguments_of_fit(self, X, y):
        return X, None if y is None else np.abs(np.nan_to_num(y, posinf=1))


# Rows and containers.


class TrustsLaterRows(Changed):
    """Gives larger weights to later rows."""

    def arguments_of_fit(self, X, y):
        return X, np.linspace(1, 2, len(X)) if y is None else y


class ExpectsHeader(Changed):
    """Takes the first row of a list for a header."""

    def arguments_of_fit(self, X, y):
        return (X[1:], None if y is None else y[1:]) if isinstance(X, list) else (X, y)


class ReturnsPandas(Changed):
    """Always returns pandas frames."""

    def changed_table(self, table, k):
        return pd.DataFrame({name: np.asarray(table[name]) for name in table.columns})


class ReadsFirstBatch(Changed):
    """Reads only the first record batch of an Arrow table."""

    def arguments_of_fit(self, X, y):
        if hasattr(X, "to_batches"):
            X = X.slice(0, 100)
        return X, y


class SortsInPlace(Changed):
    """Sorts arrays in place."""

    def arguments_of_fit(self, X, y):
        if isinstance(X, np.ndarray):
            X[:] = X[np.lexsort(X.T)]
        return X, y


class AddsColumn(Changed):
    """Adds a column to the caller's history."""

    def recommend(self, users=None, k=10, *, history=None, **kwargs):
        if isinstance(history, pd.DataFrame):
            history["strength"] = 1.0
        return super().recommend(users, k, history=history, **kwargs)


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


class RefusesHistory(Changed):
    """Raises an error if the history contains unknown items."""

    def recommend(self, users=None, k=10, *, history=None, **kwargs):
        if history is not None and not np.isin(np.asarray(history)[:, 1], self.items_).all():
            raise KeyError("unknown item")
        return super().recommend(users, k, history=history, **kwargs)


# Contract with scikit-learn.


class ChangesParameter(Changed):
    """Changes a parameter in fit."""

    def arguments_of_fit(self, X, y):
        self.shrinkage = self.shrinkage + 1
        return X, y


class ClonesItself(Changed):
    """Is its own clone."""

    def __sklearn_clone__(self):
        return self


class CopiesParameter(Changed):
    """Uses a copy of a parameter, made in the constructor."""

    def __init__(self, shrinkage=10.0):
        super().__init__(shrinkage)
        self.squared = shrinkage**2

    def _learn(self, interactions):
        other = NearestItemRecommender(float(np.sqrt(self.squared)))
        return other._learn(interactions)


class ContinuesFit(Changed):
    """Adds to the earlier fit in fit."""

    def fit(self, X, y=None):
        return self.partial_fit(X, y)


class ForgetsOnError(Changed):
    """Removes the earlier fit before the new data are checked."""

    def arguments_of_fit(self, X, y):
        vars(self).pop("similarity_", None)
        return X, y


class ForgetsEarlierFit(Changed):
    """Forgets the earlier interactions in partial_fit."""

    def partial_fit(self, X, y=None):
        return super().fit(X, y)


class KeepsFunction(Changed):
    """Keeps a function that cannot be pickled."""

    def _learn(self, interactions):
        return super()._learn(interactions) | {"weight_": lambda strength: strength}


class ReadsRowsByLabel(Changed):
    """Reads rows by their labels, which are not 0 to n - 1 in a fold."""

    def arguments_of_fit(self, X, y):
        return X.loc[range(len(X))] if isinstance(X, pd.DataFrame) else X, y


BROKEN = {
    "check_integer_ids": ReturnsRowNumbers,
    "check_string_ids": TruncatesStrings,
    "check_renamed_ids": UsesValuesOfIds,
    "check_unknown_users": KnowsNoNewUsers,
    "check_unknown_items": KnowsNoNewItems,
    "check_default_strengths": NumbersRows,
    "check_repeated_rows": DropsRepeatedRows,
    "check_unit_of_strengths": CapsStrengths,
    "check_zero_strengths": CountsZeros,
    "check_containers_of_strengths": SortsByIndex,
    "check_weight_column": IgnoresWeights,
    "check_invalid_strengths": RepairsStrengths,
    "check_row_order": TrustsLaterRows,
    "check_lists_and_arrays": ExpectsHeader,
    "check_polars_frames": ReturnsPandas,
    "check_arrow_tables": ReadsFirstBatch,
    "check_read_only_arrays": SortsInPlace,
    "check_data_of_caller": AddsColumn,
    "check_table": CountsFromZero,
    "check_order": SortsByItem,
    "check_ties": ReversesTies,
    "check_predictions": ScoresByRank,
    "check_best_items": MissesBest,
    "check_batches": DependsOnBatch,
    "check_score": ScoresHits,
    "check_score_of_unknown_ids": ScoresNothing,
    "check_seen_items": RepeatsSeenItems,
    "check_exclude": IgnoresExclude,
    "check_candidates": IgnoresTables,
    "check_short_lists": FailsOnShortList,
    "check_empty_lists": ReturnsNoColumns,
    "check_history": ForgetsHistory,
    "check_partly_known_history": RefusesHistory,
    "check_parameters": ChangesParameter,
    "check_clone": ClonesItself,
    "check_set_params": CopiesParameter,
    "check_refit": ContinuesFit,
    "check_failed_fit": ForgetsOnError,
    "check_partial_fit": ForgetsEarlierFit,
    "check_pickle": KeepsFunction,
    "check_cross_validation": ReadsRowsByLabel,
}
