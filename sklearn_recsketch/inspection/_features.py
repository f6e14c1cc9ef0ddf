"""Rank items or users by a feature, suggest features, and find similar features."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch._ranking.candidates import read_item_selection
from sklearn_recsketch._ranking.query import known_rows, ranked_table
from sklearn_recsketch._ranking.top_k import top_items
from sklearn_recsketch.inspection._embedding_space import feature_space
from sklearn_recsketch.inspection._neighbour_votes import NeighbourVotes
from sklearn_recsketch.recommenders._similarity import candidate_rows, self_pairs, unit_length
from sklearn_recsketch.typing import Frame
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._validation import check_integer

__all__ = ["rank_by_feature", "similar_features", "suggest_features"]


def rank_by_feature(estimator: Any, features: Any, k: int = 10, *, of: str = "items", candidates: Any = None) -> Frame:
    """Rank items or users by the cosine similarity between their vectors and a feature embedding.

    For example, this function can sort a catalogue of items by their similarity to a tag.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Estimator that was fitted with `item_features`, or with `user_features` if ``of="users"``.
    features : str or list of str
        Feature names, as returned by the encoder, such as "tag=tiltbrush".
    k : int, default=10
        Number of items or users to return for each feature. These items or users need not have the feature.
    of : {"items", "users"}, default="items"
        Whether to rank items by item features or users by user features.
    candidates : array-like of ids or "cold", default=None
        Items or users to rank. For example, pass the ids of all items that have the feature. With "cold", only items or
        users without interactions in the training data are ranked. If None, all known items or users are ranked. If an
        id is unknown, it is represented by the mean item or user, and a warning is issued.

    Returns
    -------
    frame with columns feature, rank, item or user, score
        `score` is the cosine similarity between the feature embedding and the item or user vector.

    Raises
    ------
    ValueError
        If a feature does not exist, if `candidates` is empty, if the recommender was fitted without the item or user
        features, or if `of` is invalid. For unknown features, the message suggests similar names.

    See Also
    --------
    suggest_features : Suggest features that an item or user does not have yet.
    similar_features : Find features with similar embeddings.

    Notes
    -----
    The time complexity is O(len(features) * n * n_components), where n is the number of candidates. The function makes
    one copy of the candidate vectors.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import rank_by_feature
    >>> X, y, tags = make_interactions(n_users=300, n_items=100, return_features=True, random_state=0)
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y, item_features=tags)
    >>> rank_by_feature(rec, "tag=t3", k=2)[["feature", "rank"]]
      feature  rank
    0  tag=t3     1
    1  tag=t3     2

    With ``of="users"``, users are ranked by a user feature:

    >>> from sklearn_recsketch import SideFeatures
    >>> countries = SideFeatures.from_dicts({user: {"country": "fr" if user % 2 else "de"} for user in range(300)})
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y, user_features=countries)
    >>> rank_by_feature(rec, "country=fr", k=5, of="users").columns.tolist()
    ['feature', 'rank', 'user', 'score']
    """
    space = feature_space(estimator, of)
    recommender, side = space.recommender, space.side
    rows = space.rows(features)
    fitted = recommender._side(side)
    ids, vectors = fitted.ids, fitted.factors
    if candidates is not None:
        ids, positions = candidate_rows(recommender, side, read_item_selection(candidates, "candidates", None, side))
        vectors = fitted.vectors(positions)
    with workers(recommender.n_jobs) as pool:
        best, scores = top_items(
            unit_length(space.vectors[rows]), unit_length(vectors), None, check_integer(k, "k"), pool
        )
    return ranked_table("feature", space.ids[rows], side, ids, best, scores, recommender._table_library())


def suggest_features(estimator: Any, ids: Any, k: int = 10, *, of: str = "items", prefix: str = "") -> Frame:
    r"""Suggest features that an item or user does not have yet, such as missing tags.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Estimator that was fitted with `item_features`, or with `user_features` if ``of="users"``.
    ids : id or array-like of ids
        Items, or users if ``of="users"``. They must be known to the model.
    k : int, default=10
        Number of features to suggest for each item or user.
    of : {"items", "users"}, default="items"
        Whether to suggest item features for items or user features for users.
    prefix : str, default=""
        Only suggest features whose names start with this prefix, such as "tag=".

    Returns
    -------
    frame with columns item or user, rank, feature, score
        `score` is a weighted share, between 0 and 1, of the other items or users that have the feature. Features that
        the item or user already has are not suggested.

    Raises
    ------
    ValueError
        If an item or user is unknown, if no feature name starts with `prefix`, if the recommender was fitted without
        the item or user features, or if `of` is invalid.

    See Also
    --------
    rank_by_feature : Rank items or users by a feature.

    Notes
    -----
    All other items vote for their features, and similar items have more weight. Let :math:`T_i` be the set of
    features of item i, and :math:`\theta_{ij}` the angle between the vectors of items i and j. The score of feature t
    for item i is

    .. math::
        \frac{\sum_{j: t \in T_j} w_{ij}}{\sum_j w_{ij}}, \qquad
        w_{ij} = \left(\frac{1 + \cos \theta_{ij}}{2}\right)^{20}
        \Bigl(1 + \sum_{s \in T_i \cap T_j} \log \frac{n}{n_s}\Bigr) \frac{1}{\sqrt{|T_j|}}

    The sums are over the items :math:`j \ne i` that have features, n is the number of items that have features, and
    :math:`n_s` is the number of items that have feature s.

    - The first factor comes from the interactions. It is 1 for vectors of the same direction and :math:`10^{-6}` for
      orthogonal vectors.
    - The second factor makes features likely that often occur together with the item's own features. A shared feature
      increases the weight more if it is rare. For an item without features, this factor is 1.
    - The third factor limits the influence of items with many features.

    With ``of="users"``, all other users vote in the same way. Features without the prefix are not suggested, but
    influence the second and the third factor. An item has a feature if it has a value for it, where a value of 0 only
    counts if the encoder standardizes the feature. The size of the value has no influence.

    On the citeulike-a data set, this method finds five times as many hidden tags as a ranking by popularity, 1.5 to 2
    times as many as the cosine similarity to feature embeddings, and 1.1 to 1.2 times as many as counting how often
    two tags occur together. Feature embeddings are less suitable because they describe how the feature changes the
    item vectors, not how likely an item is to have the feature.

    For each id in `ids`, the time complexity is O(n_items K + values), where K is `n_components` and `values` is the
    number of feature values in the training data. Suggesting tags for an item among 17,000 items with 46,000 tags
    takes 5 to 10 ms, with any recommender, and suggesting tags for all 17,000 items takes 5 seconds in one thread. Each
    thread needs about 30 MB, or the memory for a few numbers per item if there are more than a million items.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import suggest_features
    >>> X, y, tags = make_interactions(n_users=300, n_items=100, return_features=True, random_state=0)
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y, item_features=tags)
    >>> suggest_features(rec, rec.items_[0], k=3, prefix="tag=").shape
    (3, 4)

    With ``of="users"``, user features are suggested:

    >>> from sklearn_recsketch import SideFeatures
    >>> countries = SideFeatures.from_dicts({user: {"country": "fr" if user % 2 else "de"} for user in range(300)})
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y, user_features=countries)
    >>> suggest_features(rec, 7, of="users")[["user", "rank", "feature"]]
       user  rank     feature
    0     7     1  country=de
    """
    space = feature_space(estimator, of)
    recommender, side = space.recommender, space.side
    targets, codes = known_rows(recommender, side, ids, f"features are suggested for known {side}s only.")
    k, chosen = check_integer(k, "k"), space.rows_with_prefix(prefix)
    votes = NeighbourVotes(recommender._side(side).factors, space.feature_indicators(), chosen)
    with workers(recommender.n_jobs) as pool:
        best, scores = votes.top(codes, k, pool)
    return ranked_table(side, targets, "feature", space.ids[chosen], best, scores, recommender._table_library())


def similar_features(estimator: Any, features: Any, k: int = 10, *, of: str = "items", prefix: str = "") -> Frame:
    """For each given feature, find the features with the most similar embeddings.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Estimator that was fitted with `item_features`, or with `user_features` if ``of="users"``.
    features : str or list of str
        Feature names, as returned by the encoder.
    k : int, default=10
        Number of neighbours to return for each feature. A feature is not returned as its own neighbour.
    of : {"items", "users"}, default="items"
        Whether to compare item features or user features.
    prefix : str, default=""
        Only return neighbours whose names start with this prefix.

    Returns
    -------
    frame with columns feature, rank, similar_feature, score
        `score` is the cosine similarity between the two feature embeddings.

    Raises
    ------
    ValueError
        If a feature does not exist, if no feature name starts with `prefix`, if the recommender was fitted without the
        item or user features, or if `of` is invalid. For unknown features, the message suggests similar names.

    See Also
    --------
    EmbeddingDisplay : Plot feature embeddings as a map.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import similar_features
    >>> X, y, tags = make_interactions(n_users=300, n_items=100, return_features=True, random_state=0)
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y, item_features=tags)
    >>> similar_features(rec, ["tag=t3", "tag=t4"], k=5).shape
    (10, 4)

    With ``of="users"``, user features are compared:

    >>> from sklearn_recsketch import SideFeatures
    >>> countries = SideFeatures.from_dicts({user: {"country": "fr" if user % 2 else "de"} for user in range(300)})
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y, user_features=countries)
    >>> similar_features(rec, "country=fr", of="users")["similar_feature"].tolist()
    ['country=de']
    """
    space = feature_space(estimator, of)
    recommender, rows, chosen = space.recommender, space.rows(features), space.rows_with_prefix(prefix)
    position = np.minimum(np.searchsorted(chosen, rows), len(chosen) - 1)
    itself = self_pairs(np.where(chosen[position] == rows, position, -1), len(chosen))
    vectors = unit_length(space.vectors)
    with workers(recommender.n_jobs) as pool:
        best, scores = top_items(vectors[rows], vectors[chosen], itself, check_integer(k, "k"), pool)
    library = recommender._table_library()
    return ranked_table("feature", space.ids[rows], "similar_feature", space.ids[chosen], best, scores, library)
