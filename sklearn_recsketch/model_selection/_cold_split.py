"""Splits that hold out whole items or whole users: what is left to recommend them by is their features."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from sklearn.utils import check_random_state

from sklearn_recsketch._data.interactions import Interactions
from sklearn_recsketch.model_selection._split import _PairSplit
from sklearn_recsketch.utils._compat import Interval

__all__ = ["ColdItemSplit", "ColdUserSplit"]


class _ColdSplit(_PairSplit):
    """Base of splitters that hold out all interactions of random ids of one column."""

    _axis: Literal["users", "items"]

    _parameter_constraints = {
        "n_splits": [Interval(Integral, 1, None, closed="left")],
        "test_size": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(self, n_splits: int = 1, *, test_size: float = 0.2, random_state: Any = None) -> None:
        self.n_splits = n_splits
        self.test_size = test_size
        self.random_state = random_state

    def _test_rows(self, interactions: Interactions) -> Iterator[np.ndarray]:
        codes = getattr(interactions, self._axis).codes
        positive = interactions.y > 0
        known = np.unique(codes[positive])
        n_test = max(1, int(self.test_size * len(known) + 1e-9))  # .29 * 100 is 28.999...
        if n_test >= len(known):
            raise ValueError(
                f"{type(self).__name__}(test_size={self.test_size}) would hold out {n_test} of the "
                f"{len(known)} {self._axis} with interactions, but must leave at least 1 in training. "
                f"Lower test_size, or pass interactions of at least 2 {self._axis}."
            )
        random_state = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            chosen = random_state.choice(known, size=n_test, replace=False)
            yield positive & np.isin(codes, chosen)


class ColdItemSplit(_ColdSplit):
    """Hold out whole items, as if they were new: the item cold start.

    The test set is every row of positive strength of ``max(1, floor(test_size * n_items))``
    random items, out of the n_items that have such rows. All other rows train. Several splits are
    independent draws.

    Parameters
    ----------
    n_splits : int, default=1
        Number of splits.
    test_size : float, default=0.2
        Test items as a share of all items with interactions, between 0 and 1; at least one item is
        held out, and at least one must be left.
    random_state : int, RandomState instance or None, default=None
        An int gives the same splits at every call; HalvingGridSearchCV demands one.

    See Also
    --------
    ColdUserSplit : The same for users.
    UserHoldoutSplit : Holds out pairs of users and items that are both known.

    Notes
    -----
    Fit does not see the test items, so they must be known by features to be recommendable: pass
    ``item_features=`` to it. An item the model does not know is missed. Score them among each other,
    ``make_ranking_scorer("recall@20", candidates="cold")``: in a ranking of all items those
    with interactions take most places, and the score measures little else. Candidates are then all
    items of `item_features` without training rows, also those that X does not have. Users all of
    whose items are held out are unknown to fit.

    Examples
    --------
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.metrics import make_ranking_scorer
    >>> from sklearn_recsketch.model_selection import ColdItemSplit
    >>> X, y, tags = make_interactions(n_users=100, n_items=60, n_tags=20, return_features=True, random_state=0)
    >>> train, test = next(ColdItemSplit(random_state=0).split(X))
    >>> set(X["item"].iloc[train]) & set(X["item"].iloc[test])
    set()
    >>> scores = cross_val_score(WRMFRecommender(4, max_iter=3, random_state=0), X, y,
    ...                          cv=ColdItemSplit(random_state=0), params={"item_features": tags},
    ...                          scoring=make_ranking_scorer("recall@5", candidates="cold"))
    >>> bool(0 < scores[0] < 1)
    True
    """

    _axis = "items"


class ColdUserSplit(_ColdSplit):
    """Hold out whole users, as if they were new: strong generalisation by features or histories.

    The test set is every row of positive strength of ``max(1, floor(test_size * n_users))``
    random users, out of the n_users that have such rows. All other rows train. Several splits are
    independent draws.

    Parameters
    ----------
    n_splits : int, default=1
        Number of splits.
    test_size : float, default=0.2
        Test users as a share of all users with interactions, between 0 and 1; at least one user is
        held out, and at least one must be left.
    random_state : int, RandomState instance or None, default=None
        An int gives the same splits at every call; HalvingGridSearchCV demands one.

    See Also
    --------
    ColdItemSplit : The same for items.
    UserHoldoutSplit : Holds out some items of users that keep others to learn from.

    Notes
    -----
    Fit does not see the test users, so what it knows of their taste is their features alone: pass
    ``user_features=`` to it. Without them all get the same ranking. Their items have
    interactions, of other users, so scores rank all items: leave `candidates` of
    :func:`~sklearn_recsketch.metrics.make_ranking_scorer` at None. An item that only test users
    have is unknown to fit and missed, unless it has features.

    Or let scores hand over a share of each test user's items: ``make_ranking_scorer("recall@20", fold_in=0.8)``
    folds her in by them, as ``recommend(history=...)`` does, and the others are what is to be found. That is the
    protocol of strong generalisation, which asks what a model makes of users it was not trained on.

    Examples
    --------
    >>> from sklearn_recsketch.model_selection import ColdUserSplit
    >>> X = [["ann", 1], ["ann", 2], ["bob", 1], ["eve", 2], ["eve", 3]]
    >>> [test.tolist() for _, test in ColdUserSplit(2, random_state=1).split(X)]
    [[0, 1], [2]]

    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.metrics import make_ranking_scorer
    >>> X, y = make_interactions(n_users=100, n_items=60, random_state=0)
    >>> scores = cross_val_score(WRMFRecommender(4, max_iter=3, random_state=0), X, y,
    ...                          cv=ColdUserSplit(random_state=0),
    ...                          scoring=make_ranking_scorer("recall@5", fold_in=0.8))
    >>> bool(0 < scores[0] < 1)
    True
    """

    _axis = "users"
