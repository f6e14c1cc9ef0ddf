"""Splitters for cold-start evaluation. They hold out all interactions of random items or users."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral, Real
from typing import Literal

import numpy as np
from sklearn.utils import check_random_state

from sklearn_recsketch._data.interactions import Interactions
from sklearn_recsketch.model_selection._split import _PairSplit
from sklearn_recsketch.typing import RandomState
from sklearn_recsketch.utils._compat import Interval

__all__ = ["ColdItemSplit", "ColdUserSplit"]


class _ColdSplit(_PairSplit):
    """Base class of splitters that hold out all interactions of randomly sampled users or items."""

    _axis: Literal["users", "items"]

    _parameter_constraints = {
        "n_splits": [Interval(Integral, 1, None, closed="left")],
        "test_size": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(self, n_splits: int = 1, *, test_size: float = 0.2, random_state: RandomState = None) -> None:
        self.n_splits = n_splits
        self.test_size = test_size
        self.random_state = random_state

    def _test_rows(self, interactions: Interactions) -> Iterator[np.ndarray]:
        codes = getattr(interactions, self._axis).codes
        positive = interactions.y > 0
        ids = np.unique(codes[positive])
        n_test = max(1, int(self.test_size * len(ids) + 1e-9))  # 0.29 * 100 is 28.999...
        if n_test >= len(ids):
            raise ValueError(
                f"{type(self).__name__}(test_size={self.test_size}) would hold out {n_test} of the "
                f"{len(ids)} {self._axis} with interactions, but must leave at least 1 in the training set. "
                f"Lower test_size, or pass interactions of at least 2 {self._axis}."
            )
        random_state = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            chosen = random_state.choice(ids, size=n_test, replace=False)
            yield positive & np.isin(codes, chosen)


class ColdItemSplit(_ColdSplit):
    """Hold out all interactions of a random sample of items (item cold start).

    The number of test items is ``max(1, floor(test_size * n_items))``, where ``n_items`` is the
    number of items with at least one row with positive strength. The test items are sampled without
    replacement. All their rows with positive strength are test rows, and all other rows are training
    rows. Splits are sampled independently of each other, so their test sets may overlap.

    Parameters
    ----------
    n_splits : int, default=1
        Number of splits.
    test_size : float, default=0.2
        Proportion of items to hold out, between 0 and 1. Only items with interactions are counted.
        At least one item is held out, and at least one item must remain in the training set.
    random_state : int, RandomState instance or None, default=None
        Controls the random sampling. Pass an int to get the same splits on every call.
        HalvingGridSearchCV requires an int.

    See Also
    --------
    ColdUserSplit : Hold out all interactions of a random sample of users.
    UserHoldoutSplit : Hold out some items of each test user.

    Notes
    -----
    The test items have no training interactions, so a model can recommend them only if it knows
    their features. Pass ``item_features`` to `fit`. A test item without features is unknown to the
    model and counts as a miss.

    To rank only items without training rows, use the scorer
    ``make_ranking_scorer("recall@20", candidates="cold")``. It ranks all items in `item_features`
    that have no training rows, including items that are not in `X`. In a ranking of all items, most
    of the top positions would go to items with training interactions, and the score would mainly
    depend on these items. If all items of a user are held out, the user is unknown to the model.

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
    """Hold out all interactions of a random sample of users (strong generalization).

    The number of test users is ``max(1, floor(test_size * n_users))``, where ``n_users`` is the
    number of users with at least one row with positive strength. The test users are sampled without
    replacement. All their rows with positive strength are test rows, and all other rows are training
    rows. Splits are sampled independently of each other, so their test sets may overlap.

    Parameters
    ----------
    n_splits : int, default=1
        Number of splits.
    test_size : float, default=0.2
        Proportion of users to hold out, between 0 and 1. Only users with interactions are counted.
        At least one user is held out, and at least one user must remain in the training set.
    random_state : int, RandomState instance or None, default=None
        Controls the random sampling. Pass an int to get the same splits on every call.
        HalvingGridSearchCV requires an int.

    See Also
    --------
    ColdItemSplit : Hold out all interactions of a random sample of items.
    UserHoldoutSplit : Hold out some items of each test user.

    Notes
    -----
    The test users have no training interactions. There are two ways to evaluate their
    recommendations.

    The first way is to recommend items based on user features: pass ``user_features`` to `fit`.
    Without features, all test users get the same ranking. Keep ``candidates=None`` in
    :func:`~sklearn_recsketch.metrics.make_ranking_scorer` to rank all items, because most of the
    test users' items have training interactions with other users. If only test users have interacted
    with an item and the item has no features, the item is unknown to the model and counts as a miss.

    The second way is fold-in: ``make_ranking_scorer("recall@20", fold_in=0.8)`` folds in 80 % of
    the items of each test user, as ``recommend(history=...)`` does. It then evaluates the ranking
    on the remaining items of the user. This protocol is known as strong generalization, because it
    evaluates a model on users that it was not trained on.

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
