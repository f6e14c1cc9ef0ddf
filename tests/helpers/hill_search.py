"""Bayesian searches over an estimator with a known score that records its fits."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.model_selection import UserHoldoutSplit

skopt = pytest.importorskip("skopt", reason="scikit-optimize is an optional dependency")

from skopt.learning import GaussianProcessRegressor  # noqa: E402

from sklearn_recsketch.model_selection import BayesSearchCV  # noqa: E402 - needs skopt

NON_FINITE = pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
CV = UserHoldoutSplit(n_items=2, random_state=0)
# Few random trials, and a surrogate with a fixed kernel, optimised on a coarse grid: a trial takes 10 ms, not 500 ms.
BRIEF = {"n_initial_points": 3, "acq_optimizer": "sampling", "acq_optimizer_kwargs": {"n_points": 200}}
QUICK = BRIEF | {"base_estimator": GaussianProcessRegressor(normalize_y=True)}
ROWS = np.column_stack([np.arange(20), np.arange(20)])
SPLITS = [(np.arange(10), np.arange(10, 20)), (np.arange(10, 20), np.arange(10))]

FITS: list[dict] = []
ACTIONS: dict[int, BaseException] = {}


class Hill(BaseEstimator):
    """Estimator that appends its parameters to FITS at each fit; fit n raises the exception ``ACTIONS[n]``, if any."""

    def __init__(self, a=1, b=1.0, kind="round"):
        self.a = a
        self.b = b
        self.kind = kind

    def fit(self, X, y=None, *, item_features=None, X_val=None):
        FITS.append(self.get_params())
        if len(FITS) in ACTIONS:
            raise ACTIONS[len(FITS)]
        return self


def height(hill, X, y=None):
    """Return the score of a `Hill`, which is highest for a=3 and b=1."""
    return -((hill.a - 3) ** 2) - np.log10(hill.b) ** 2 - len(X) / 100 * (hill.kind == "steep")


SPACE = {"a": (0, 6), "b": (0.01, 10.0, "log-uniform")}


def hill_search(space=SPACE, *, cv=SPLITS[:1], **options):
    """Return a search over the parameters of `Hill`, by default with one fit per trial."""
    options = {"n_iter": 6, "random_state": 0, "scoring": height, "optimizer_kwargs": QUICK} | options
    return BayesSearchCV(Hill(), space, cv=cv, **options)


def rec_search(estimator=None, **options):
    """Return a search over the parameters of a recommender, by default of a small WRMF."""
    options = {"n_iter": 4, "random_state": 0, "cv": CV, "optimizer_kwargs": QUICK, "error_score": "raise"} | options
    estimator = WRMFRecommender(2, max_iter=1, random_state=0) if estimator is None else estimator
    return BayesSearchCV(estimator, options.pop("space", {"alpha": (1.0, 50.0, "log-uniform")}), **options)


def table(search):
    """Return the results of a search without its times."""
    results = {key: value for key, value in search.cv_results_.items() if not key.endswith("_time")}
    best = (search.best_params_, search.best_score_, int(search.best_index_))
    return results["params"], {k: v.tolist() for k, v in results.items() if k.split("_")[0] in ("mean", "split0")}, best


def assert_equal(search, other):
    """Assert that two searches have equal results."""
    np.testing.assert_equal(table(search), table(other))
