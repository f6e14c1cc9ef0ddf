"""Searches over an estimator whose score is given by a formula."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

EPOCHS = [1, 2, 4, 8]
GRID = {"max_iter": EPOCHS, "alpha": [1.0, 10.0, 100.0], "norm": ["l1", None]}


class FormulaEstimator(BaseEstimator):
    """Estimator whose score is best for alpha=10 and norm=None, and NaN (pruned) for alpha=100 after 2 epochs."""

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
        # The first fold has a higher score than the others; more than 4 epochs overfit.
        return level * (1 - 0.5**self.max_iter) - 0.02 * max(0, self.max_iter - 4) + 0.01 * (X[0, 0] == 0)


def fit_search(search, rows=6):
    """Fit a search, ignoring warnings about failed fits and scores that are not finite."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return search.fit(np.arange(rows)[:, None])


def grid_search():
    """Return a fitted grid search with training scores."""
    return fit_search(GridSearchCV(FormulaEstimator(), GRID, cv=3, return_train_score=True))


def random_search():
    """Return a fitted random search in which some trials fail."""
    space = {"alpha": [-1.0, 1.0, 3.0, 10.0, 30.0, 1000.0], "norm": ["l1", None]}
    return fit_search(RandomizedSearchCV(FormulaEstimator(), space, n_iter=9, cv=2, refit=False, random_state=0))


def failing_search():
    """Return a fitted grid search in which one candidate fails and another is pruned after 2 epochs."""
    grid = {"max_iter": EPOCHS, "alpha": [1.0, -1.0, 100.0]}
    return fit_search(GridSearchCV(FormulaEstimator(), grid, cv=2, refit=False))


def rows_of(search, **params):
    """Return the rows of `cv_results_` with these parameters, sorted by epoch."""
    rows = [r for r, row in enumerate(search.cv_results_["params"]) if params.items() <= row.items()]
    return np.array(sorted(rows, key=lambda r: search.cv_results_["params"][r]["max_iter"]))


def texts(display):
    """Return the entries of the legend."""
    return [text.get_text().replace("\n", " ") for text in display.legend_.get_texts()]
