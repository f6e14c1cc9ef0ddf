"""Features beside items in the embedded space: sorting by tag, suggesting tags."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.inspection._fitted import known_rows
from sklearn_recsketch.inspection._space import embedded
from sklearn_recsketch.recommenders._similarity import unit_length
from sklearn_recsketch.solvers._ranking import top_items
from sklearn_recsketch.solvers._request import ranked_table
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._validation import check_k

__all__ = ["items_like_feature", "similar_features", "suggest_features"]


def items_like_feature(estimator: Any, features: Any, k: int = 10) -> Any:
    """The items nearest to a feature in the embedded space: sorting a catalogue by a tag.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Fitted with `item_features`.
    features : str or list of str
        Names as the item encoder gives them, such as "tag=tiltbrush".
    k : int, default=10
        Items per feature, whether they have the feature or not.

    Returns
    -------
    frame with columns feature, rank, item, score
        `score` is the cosine between the feature's embedding and the item's vector.

    Raises
    ------
    ValueError
        For a name that does not exist, with the nearest ones that do, and for a recommender fitted
        without item features.

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
    space = embedded(estimator, "item_features")
    recommender, vectors = space.recommender, unit_length(space.vectors)
    rows = space.rows(features)
    items = unit_length(recommender.item_factors_)
    with workers(recommender.n_jobs) as pool:
        best, scores = top_items(vectors[rows], items, None, check_k(k), pool)
    library = recommender._table_library()
    return ranked_table("feature", space.ids[rows], "item", recommender.items_, best, scores, library)


def suggest_features(estimator: Any, items: Any, k: int = 10, *, prefix: str = "") -> Any:
    """The features nearest to an item that it does not have: suggesting tags.

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
        `score` is the cosine between the item's vector and the feature's embedding.

    Raises
    ------
    ValueError
        For an unknown item, a prefix no feature has, and a recommender fitted without item features.

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
    space = embedded(estimator, "item_features")
    recommender, vectors = space.recommender, unit_length(space.vectors)
    asked, codes = known_rows(recommender, "item", items, "features are suggested for known items only.")
    chosen = space.starting(prefix)
    encoder = recommender.item_encoder_
    present = sp.csr_array(encoder.transform(recommender.item_features_))[codes]
    present = sp.csr_array(present[:, present.shape[1] - len(space.ids) :][:, chosen])
    with workers(recommender.n_jobs) as pool:
        queries = unit_length(recommender.item_factors_[codes])
        best, scores = top_items(queries, vectors[chosen], present, check_k(k), pool)
    return ranked_table("item", asked, "feature", space.ids[chosen], best, scores, recommender._table_library())


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
        As in :func:`items_like_feature`.

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
    space = embedded(estimator, "item_features")
    recommender, vectors = space.recommender, unit_length(space.vectors)
    rows, names = space.rows(features), space.ids
    unwanted = np.array([not name.startswith(prefix) for name in names])
    excluded = np.tile(unwanted, (len(rows), 1))
    excluded[np.arange(len(rows)), rows] = True
    with workers(recommender.n_jobs) as pool:
        best, scores = top_items(vectors[rows], vectors, sp.csr_array(excluded.astype(np.float32)), check_k(k), pool)
    library = recommender._table_library()
    return ranked_table("feature", names[rows], "similar_feature", names, best, scores, library)
