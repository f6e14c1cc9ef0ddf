"""Searches over an estimator that scores by formula."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

EPOCHS = [1, 2, 4, 8]
GRID = {"max_iter": EPOCHS, "alpha": [1.0, 10.0, 100.0], "norm": ["l1", None]}


class Toy(BaseEstimator):
    """Scores by formula: best at alpha=10 and norm=None; alpha=100 is pruned after 2 epochs."""

    def __init__(self, max_iter=1, alpha=1.0, norm=None, regularization=0.0):
        self.max_iter = max_iter
        self.alpha = alpha
        self.norm = norm
        self.regularization = regularization

    def fit(self, X, y=None):
        if self.alpha < 0:
            raise ValueError("a failed fit")
        return self

    def score(self, X, y=None):
        if self.alpha == 100 and self.max_iter > 2:
            return np.nan
        level = 1 - 0.2 * abs(np.log10(self.alpha) - 1) - 0.05 * (self.norm == "l1")
        # The first fold scores more than the others; overtrained beyond 4 epochs.
        return level * (1 - 0.5**self.max_iter) - 0.02 * max(0, self.max_iter - 4) + 0.01 * (X[0, 0] == 0)


def searched(search, rows=6):
    with warnings.catch_warnings():
        # Scores that are not finite, and failed fits, are what is tested.
        warnings.simplefilter("ignore")
        return search.fit(np.arange(rows)[:, None])


def toy_grid():
    return searched(GridSearchCV(Toy(), GRID, cv=3, return_train_score=True))


def toy_trials():
    """Some trials of which fail."""
    space = {"alpha": [-1.0, 1.0, 3.0, 10.0, 30.0, 1000.0], "norm": ["l1", None]}
    return searched(RandomizedSearchCV(Toy(), space, n_iter=9, cv=2, refit=False, random_state=0))


def toy_failing():
    """A candidate fails, another is pruned after 2 epochs."""
    return searched(GridSearchCV(Toy(), {"max_iter": EPOCHS, "alpha": [1.0, -1.0, 100.0]}, cv=2, refit=False))


def rows_of(search, **params):
    """Rows of cv_results_ of one candidate, by epoch."""
    rows = [r for r, row in enumerate(search.cv_results_["params"]) if params.items() <= row.items()]
    return np.array(sorted(rows, key=lambda r: search.cv_results_["params"][r]["max_iter"]))


def texts(display):
    return [text.get_text().replace("\n", " ") for text in display.legend_.get_texts()]
