"""Generate synthetic interactions from low-rank preferences."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Literal, TypeAlias, overload

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.utils import check_random_state

from sklearn_recsketch.preprocessing import SideFeatures
from sklearn_recsketch.typing import RandomState
from sklearn_recsketch.utils._compat import Interval, validate_params

__all__ = ["make_interactions"]

BLOCK_SCORES = 4_000_000  # maximum number of scores in memory
# The weight of component k is k ** -DECAY, so that singular values decrease by a power law, as on MovieLens 100k,
# lastfm and steam. With equal weights, they would drop after the last component, and more components would fit noise.
DECAY = 0.5
ITEM_SCALE = 0.25  # standard deviation of the random part of an item factor; it is 0.7 for the mean of four tags
Interactions: TypeAlias = tuple[pd.DataFrame, np.ndarray]
InteractionsWithFeatures: TypeAlias = tuple[pd.DataFrame, np.ndarray, SideFeatures]

LARGEST = 1e6  # upper bound of real parameters; larger values cause overflow


@overload
def make_interactions(
    n_users: int = 2000,
    n_items: int = 1000,
    *,
    n_components: int = 64,
    mean_activity: float = 20.0,
    popularity_exponent: float = 0.5,
    taste: float = 30.0,
    counts: bool = False,
    n_tags: int = 100,
    tags_per_item: float = 4.0,
    return_features: Literal[False] = False,
    random_state: RandomState = None,
) -> Interactions: ...
@overload
def make_interactions(
    n_users: int = 2000,
    n_items: int = 1000,
    *,
    n_components: int = 64,
    mean_activity: float = 20.0,
    popularity_exponent: float = 0.5,
    taste: float = 30.0,
    counts: bool = False,
    n_tags: int = 100,
    tags_per_item: float = 4.0,
    return_features: Literal[True],
    random_state: RandomState = None,
) -> InteractionsWithFeatures: ...
@overload
def make_interactions(
    n_users: int = 2000,
    n_items: int = 1000,
    *,
    n_components: int = 64,
    mean_activity: float = 20.0,
    popularity_exponent: float = 0.5,
    taste: float = 30.0,
    counts: bool = False,
    n_tags: int = 100,
    tags_per_item: float = 4.0,
    return_features: bool,
    random_state: RandomState = None,
) -> Interactions | InteractionsWithFeatures: ...
@validate_params(
    {
        "n_users": [Interval(Integral, 1, None, closed="left")],
        "n_items": [Interval(Integral, 1, None, closed="left")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "mean_activity": [Interval(Real, 2, LARGEST, closed="both")],
        "popularity_exponent": [Interval(Real, 0, LARGEST, closed="both")],
        "taste": [Interval(Real, 0, LARGEST, closed="both")],
        "counts": ["boolean"],
        "n_tags": [Interval(Integral, 0, None, closed="left")],
        "tags_per_item": [Interval(Real, 1, LARGEST, closed="both")],
        "return_features": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_interactions(
    n_users: int = 2000,
    n_items: int = 1000,
    *,
    n_components: int = 64,
    mean_activity: float = 20.0,
    popularity_exponent: float = 0.5,
    taste: float = 30.0,
    counts: bool = False,
    n_tags: int = 100,
    tags_per_item: float = 4.0,
    return_features: bool = False,
    random_state: RandomState = None,
) -> Interactions | InteractionsWithFeatures:
    """Generate random interactions from low-rank preferences, item popularity and tags.

    Each item has a factor: the mean of the factors of its tags, multiplied by ``sqrt(2)``, plus a random vector with a
    standard deviation of 0.25. Item and user factors are then scaled to unit length. User u interacts with the items
    that have the largest values of ``taste * x_u.y_i + log(popularity_i) + noise``, where the noise has a standard
    Gumbel distribution. This method is equivalent to sampling items from a softmax distribution without
    replacement. The number of items per user has a shifted log-normal distribution.

    Parameters
    ----------
    n_users, n_items : int, default=2000, 1000
        Number of users and number of items. X does not contain items without interactions.
    n_components : int, default=64
        Rank of the preferences. Component k has a weight of ``k ** -0.5``.
    mean_activity : float, default=20.0
        Mean number of items per user, at least 2. The number of items per user has a heavy-tailed distribution, and
        ranges from 2 to half of all items.
    popularity_exponent : float, default=0.5
        Exponent of the item popularity. The popularity of the item with rank r is ``r ** -popularity_exponent``.
    taste : float, default=30.0
        Weight of the preferences relative to popularity and noise. If 0, interactions do not depend on preferences.
    counts : bool, default=False
        Whether the strengths are counts. A count is 1 plus a Poisson variable with mean ``exp(z)``, where z is the
        preference after standardization over the generated pairs. If False, all strengths are 1.
    n_tags : int, default=100
        Number of tags. Tags differ in popularity. If 0, item factors are independent of each other.
    tags_per_item : float, default=4.0
        Mean number of tags per item, at least 1.
    return_features : bool, default=False
        Whether to also return the tags. If True, `n_tags` must be at least 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the random number generator. Pass an int for reproducible data.

    Returns
    -------
    X : DataFrame with columns user, item
        Table of integer ids, with rows in random order.
    y : ndarray of shape (n_rows,)
        Strengths of the interactions.
    item_features : SideFeatures
        Tags of all items, with names such as "tag=t0". Only returned if `return_features=True`.

    Notes
    -----
    The time complexity is O(n_users * n_items). The scores are computed in batches of bounded size.

    Examples
    --------
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> X, y, features = make_interactions(n_users=100, n_items=50, n_tags=20,
    ...                                    return_features=True, random_state=0)
    >>> X.columns.tolist(), features.ids.shape
    (['user', 'item'], (50,))
    """
    if return_features and n_tags == 0:
        raise ValueError("return_features=True needs at least one tag, got n_tags=0. Set n_tags=1 or more.")
    rng = check_random_state(random_state)
    tags = _draw_tags(n_items, n_tags, tags_per_item, rng)
    tag_factors = rng.standard_normal((n_tags, n_components))
    share = 1.0 / np.maximum(1.0, np.asarray(tags.sum(axis=1)).ravel())
    item_factors = (tags @ tag_factors) * share[:, None] * np.sqrt(2.0)
    item_factors += ITEM_SCALE * rng.standard_normal((n_items, n_components))
    weights = np.arange(1, n_components + 1) ** -DECAY
    item_factors *= weights
    item_factors /= np.linalg.norm(item_factors, axis=1, keepdims=True)
    user_factors = rng.standard_normal((n_users, n_components)) * weights
    user_factors /= np.linalg.norm(user_factors, axis=1, keepdims=True)
    log_popularity = -popularity_exponent * np.log(rng.permutation(n_items) + 1.0)
    activity = 2 + (mean_activity - 2) * rng.lognormal(-0.5, 1.0, n_users)
    activity = np.minimum(np.rint(activity), max(2, n_items // 2)).astype(int).clip(1, n_items)
    users, items, preferences = [], [], []
    for start in range(0, n_users, max(1, BLOCK_SCORES // n_items)):
        block = slice(start, start + max(1, BLOCK_SCORES // n_items))
        preference = taste * (user_factors[block] @ item_factors.T)
        noisy = preference + log_popularity + rng.gumbel(size=preference.shape)
        deepest = int(activity[block].max())
        best = np.argpartition(-noisy, min(deepest, n_items - 1), axis=1)[:, :deepest]
        best = np.take_along_axis(best, np.argsort(-np.take_along_axis(noisy, best, 1), axis=1), 1)
        row, rank = np.nonzero(np.arange(deepest) < activity[block, None])
        users.append(start + row)
        items.append(best[row, rank])
        preferences.append(preference[row, best[row, rank]])
    order = rng.permutation(sum(map(len, users)))
    X = pd.DataFrame({"user": np.concatenate(users)[order], "item": np.concatenate(items)[order]})
    y = np.ones(len(X))
    if counts:
        y += rng.poisson(np.exp(_standardized(np.concatenate(preferences)[order])))
    return (X, y, _as_features(tags)) if return_features else (X, y)


def _standardized(values: np.ndarray) -> np.ndarray:
    """Standardize values to mean 0 and standard deviation 1, or return zeros if all values are equal."""
    centered = values - values.mean()
    spread = centered.std()
    return centered / spread if spread > 1e-9 * (1 + np.abs(values).max()) else np.zeros_like(values)


def _draw_tags(n_items: int, n_tags: int, tags_per_item: float, rng: np.random.RandomState) -> sp.csr_array:
    """Sample a binary item-tag matrix with at least one tag per item.

    The probability of tag t is proportional to 1 / (t + 1).
    """
    if n_tags == 0:
        return sp.csr_array((n_items, 0))
    n_drawn = 1 + rng.poisson(max(tags_per_item - 1, 0), n_items)
    weight = 1.0 / np.arange(1, n_tags + 1)
    drawn = rng.choice(n_tags, size=int(n_drawn.sum()), p=weight / weight.sum())
    rows = np.repeat(np.arange(n_items), n_drawn)
    tags = sp.coo_array((np.ones(len(rows)), (rows, drawn)), shape=(n_items, n_tags)).tocsr()
    tags.data[:] = 1
    return tags


def _as_features(tags: sp.csr_array) -> SideFeatures:
    row, tag = tags.nonzero()
    table = pd.DataFrame({"item": row, "type": "tag", "value": [f"t{t}" for t in tag]})
    return SideFeatures.from_long(table, id="item")
