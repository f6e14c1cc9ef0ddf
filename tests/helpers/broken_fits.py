"""Recommenders that each break one promise about fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from own_recommender import NearestItemRecommender


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
