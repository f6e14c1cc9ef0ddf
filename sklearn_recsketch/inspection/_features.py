"""Features beside users and items in the embedded space: sorting by tag, suggesting tags."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._ranking.candidates import read_item_selection
from sklearn_recsketch._ranking.query import known_rows, ranked_table
from sklearn_recsketch._ranking.top_k import top_items
from sklearn_recsketch.inspection._space import FeatureSpace, embedded
from sklearn_recsketch.recommenders._similarity import chosen_rows, own_places, unit_length
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._validation import check_integer

__all__ = [
    "items_like_feature",
    "similar_features",
    "similar_user_features",
    "suggest_features",
    "suggest_user_features",
    "users_like_feature",
]


def items_like_feature(estimator: Any, features: Any, k: int = 10, *, candidates: Any = None) -> Any:
    """The items nearest to a feature in the embedded space: sorting a catalogue by a tag.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Fitted with `item_features`.
    features : str or list of str
        Names as the item encoder gives them, such as "tag=tiltbrush".
    k : int, default=10
        Items per feature, whether they have the feature or not.
    candidates : array-like of ids or "cold", default=None
        Items to choose from, such as those that have the feature; "cold" is those without interactions in fit. None:
        all known ones. Unknown ones are represented by the mean item, with a warning.

    Returns
    -------
    frame with columns feature, rank, item, score
        `score` is the cosine between the feature's embedding and the item's vector.

    Raises
    ------
    ValueError
        For a name that does not exist, with the nearest ones that do, for no candidates, and for a recommender
        fitted without item features.

    See Also
    --------
    users_like_feature : The same for features of users.

    Notes
    -----
    Time O(len(features) * n_items * n_components); memory that of a copy of the vectors.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import items_like_feature
    >>> X, y, tags = make_interactions(n_users=300, n_items=100, return_features=True, random_state=0)
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y, item_features=tags)
    >>> items_like_feature(rec, "tag=t3", k=2)[["feature", "rank"]]
      feature  rank
    0  tag=t3     1
    1  tag=t3     2
    """
    return _like_feature(embedded(estimator, "item_features"), features, k, candidates)


def users_like_feature(estimator: Any, features: Any, k: int = 10, *, candidates: Any = None) -> Any:
    """The users nearest to a feature of users in the embedded space.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Fitted with `user_features`.
    features : str or list of str
        Names as the user encoder gives them, such as "country=fr".
    k : int, default=10
        Users per feature, whether they have the feature or not.
    candidates : array-like of ids or "cold", default=None
        Users to choose from, as in :func:`items_like_feature`.

    Returns
    -------
    frame with columns feature, rank, user, score
        `score` is the cosine between the feature's embedding and the user's vector.

    Raises
    ------
    ValueError
        As in :func:`items_like_feature`.

    Examples
    --------
    >>> from sklearn_recsketch import SideFeatures, WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import users_like_feature
    >>> X, y = make_interactions(n_users=300, n_items=100, random_state=0)
    >>> countries = SideFeatures.from_dicts({user: {"country": "fr" if user % 2 else "de"} for user in range(300)})
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y, user_features=countries)
    >>> users_like_feature(rec, "country=fr", k=5).columns.tolist()
    ['feature', 'rank', 'user', 'score']
    """
    return _like_feature(embedded(estimator, "user_features"), features, k, candidates)


def suggest_features(estimator: Any, items: Any, k: int = 10, *, prefix: str = "") -> Any:
    """The features that suit an item best and that it does not have: suggesting tags.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Fitted with `item_features`.
    items : id or array-like of ids
        Known items.
    k : int, default=10
        Features per item.
    prefix : str, default=""
        Suggest only features whose name starts so: "tag=".

    Returns
    -------
    frame with columns item, rank, feature, score
        `score` is the model's preference for the item of somebody who likes all items that have the feature,
        and nothing else.

    Raises
    ------
    ValueError
        For an unknown item, a prefix no feature has, and a recommender fitted without item features.

    See Also
    --------
    items_like_feature : The way back, by cosine.

    Notes
    -----
    A feature's own embedding says what the feature adds to a vector, not how likely it is: of rare features it is
    mostly noise, and its cosines are as large as those of others. Somebody who likes what has the feature is
    represented as any new user is (see `history` in `recommend`), with the confidence or the steps that so many
    likes are worth. On citeulike-a this finds 1.1 to 1.5 times as many hidden tags as the cosine with the embedding,
    and four times as many as popularity does. What tags occur together says somewhat more still: where there are many
    tags an item, count pairs of them.

    All features with the prefix are folded in once per call, for one item or for all: in WRMF in
    O(values K + n_features K^2), in WARP and BPR in the time of 20 epochs on as many likes: seconds for 200,000 values.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import suggest_features
    >>> X, y, tags = make_interactions(n_users=300, n_items=100, return_features=True, random_state=0)
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y, item_features=tags)
    >>> suggest_features(rec, rec.items_[0], k=3, prefix="tag=").shape
    (3, 4)
    """
    return _suggest(embedded(estimator, "item_features"), items, k, prefix)


def suggest_user_features(estimator: Any, users: Any, k: int = 10, *, prefix: str = "") -> Any:
    """The features that suit a user best and that she does not have.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Fitted with `user_features`.
    users : id or array-like of ids
        Known users.
    k : int, default=10
        Features per user.
    prefix : str, default=""
        Suggest only features whose name starts so: "interest=".

    Returns
    -------
    frame with columns user, rank, feature, score
        `score` is the model's preference of the user for something that all users who have the feature like.

    Raises
    ------
    ValueError
        As in :func:`suggest_features`, whose notes hold here, too.

    Examples
    --------
    >>> from sklearn_recsketch import SideFeatures, WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import suggest_user_features
    >>> X, y = make_interactions(n_users=300, n_items=100, random_state=0)
    >>> countries = SideFeatures.from_dicts({user: {"country": "fr" if user % 2 else "de"} for user in range(300)})
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y, user_features=countries)
    >>> suggest_user_features(rec, 7)[["user", "rank", "feature"]]
       user  rank     feature
    0     7     1  country=de
    """
    return _suggest(embedded(estimator, "user_features"), users, k, prefix)


def similar_features(estimator: Any, features: Any, k: int = 10, *, prefix: str = "") -> Any:
    """The features nearest to a feature in the embedded space.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Fitted with `item_features`.
    features : str or list of str
        Names as the item encoder gives them.
    k : int, default=10
        Neighbours per feature; the feature itself is none of them.
    prefix : str, default=""
        Only neighbours whose name starts so.

    Returns
    -------
    frame with columns feature, rank, similar_feature, score
        `score` is the cosine of the embeddings.

    Raises
    ------
    ValueError
        As in :func:`items_like_feature`, and for a prefix no feature has.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import similar_features
    >>> X, y, tags = make_interactions(n_users=300, n_items=100, return_features=True, random_state=0)
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y, item_features=tags)
    >>> similar_features(rec, ["tag=t3", "tag=t4"], k=5).shape
    (10, 4)
    """
    return _similar(embedded(estimator, "item_features"), features, k, prefix)


def similar_user_features(estimator: Any, features: Any, k: int = 10, *, prefix: str = "") -> Any:
    """The features of users nearest to a feature of users in the embedded space.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Fitted with `user_features`.
    features : str or list of str
        Names as the user encoder gives them.
    k : int, default=10
        Neighbours per feature; the feature itself is none of them.
    prefix : str, default=""
        Only neighbours whose name starts so.

    Returns
    -------
    frame with columns feature, rank, similar_feature, score
        `score` is the cosine of the embeddings.

    Raises
    ------
    ValueError
        As in :func:`similar_features`.

    Examples
    --------
    >>> from sklearn_recsketch import SideFeatures, WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import similar_user_features
    >>> X, y = make_interactions(n_users=300, n_items=100, random_state=0)
    >>> countries = SideFeatures.from_dicts({user: {"country": "fr" if user % 2 else "de"} for user in range(300)})
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y, user_features=countries)
    >>> similar_user_features(rec, "country=fr")["similar_feature"].tolist()
    ['country=de']
    """
    return _similar(embedded(estimator, "user_features"), features, k, prefix)


def _like_feature(space: FeatureSpace, features: Any, k: int, candidates: Any) -> Any:
    recommender, side = space.recommender, space.side
    rows = space.rows(features)
    ids, vectors = getattr(recommender, f"{side}s_"), getattr(recommender, f"{side}_factors_")
    if candidates is not None:
        ids, places = chosen_rows(recommender, side, read_item_selection(candidates, "candidates", None, side))
        vectors = recommender._vectors(side, places)
    with workers(recommender.n_jobs) as pool:
        best, scores = top_items(
            unit_length(space.vectors[rows]), unit_length(vectors), None, check_integer(k, "k"), pool
        )
    return ranked_table("feature", space.ids[rows], side, ids, best, scores, recommender._table_library())


def _suggest(space: FeatureSpace, ids: Any, k: int, prefix: str) -> Any:
    recommender, side = space.recommender, space.side
    asked, codes = known_rows(recommender, side, ids, f"features are suggested for known {side}s only.")
    chosen = space.starting(prefix)
    carriers = sp.csr_array(space.carriers()[:, chosen])
    vectors, profiles = getattr(recommender, f"_{side}_vectors")(codes), space.profiles(carriers)
    with workers(recommender.n_jobs) as pool:
        best, scores = top_items(vectors, profiles, sp.csr_array(carriers[codes]), check_integer(k, "k"), pool)
    return ranked_table(side, asked, "feature", space.ids[chosen], best, scores, recommender._table_library())


def _similar(space: FeatureSpace, features: Any, k: int, prefix: str) -> Any:
    recommender, rows, chosen = space.recommender, space.rows(features), space.starting(prefix)
    place = np.minimum(np.searchsorted(chosen, rows), len(chosen) - 1)
    itself = own_places(np.where(chosen[place] == rows, place, -1), len(chosen))
    vectors = unit_length(space.vectors)
    with workers(recommender.n_jobs) as pool:
        best, scores = top_items(vectors[rows], vectors[chosen], itself, check_integer(k, "k"), pool)
    library = recommender._table_library()
    return ranked_table("feature", space.ids[rows], "similar_feature", space.ids[chosen], best, scores, library)
