"""Norms of embeddings and popularity as a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch._data.frames import make_table
from sklearn_recsketch.inspection._embedding_space import embedding_space

__all__ = ["embedding_norms"]


def embedding_norms(estimator: Any, of: str = "items") -> Any:
    """Norms of the vectors of items, users or features, with their popularity.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Fitted estimator.
    of : {"items", "users", "item_features", "user_features"}, default="items"
        Whether to return norms of the vectors of items or users, or of the embeddings of features.

    Returns
    -------
    frame with columns item, user or feature; n_interactions or, of features, count; norm[, bias]
        Rows are sorted by popularity, the most popular first, ties by id. `n_interactions` is the number of
        interactions in fit; each pair of user and item counts once. `count` is the number of items or users that have
        the feature. `norm` is the Euclidean norm. `bias` is the bias that WARP and BPR add to the scores of an item, or
        of the items that have a feature.

    Raises
    ------
    ValueError
        If `of` is invalid, or if the recommender was fitted without the requested features.

    See Also
    --------
    EmbeddingNormsDisplay : Plot norms against popularity.
    EmbeddingDisplay : Plot the directions of the vectors as a map.

    Notes
    -----
    A score is the product of the norm of the user, the norm of the item and the cosine between them, plus the bias. How
    to interpret the table:

    - Norms of users and items increase with popularity. In WRMF, which has no biases, only norms can represent
      popularity, and the effect is stronger for a smaller `alpha`. WARP and BPR also have biases.
    - If a norm is close to 0, the model has learned nothing about this item or feature. If all norms are close to 0,
      `regularization` is too large.
    - If rare features have larger norms than frequent ones (a negative rank correlation), the model overfits the few
      ids that have them: increase `feature_regularization`, or `min_count` of the encoder.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import embedding_norms
    >>> X, y = make_interactions(n_users=300, n_items=100, random_state=0)
    >>> rec = WRMFRecommender(8, alpha=1, regularization=10, random_state=0).fit(X, y)
    >>> table = embedding_norms(rec)
    >>> table.columns.tolist()
    ['item', 'n_interactions', 'norm']

    Rank correlation of popularity and norm:

    >>> float(table["n_interactions"].corr(table["norm"], method="spearman").round(2))
    0.98
    """
    space = embedding_space(estimator, of)
    counts, biases = space.counts, space.biases
    columns = {space.name: space.ids, space.counted: counts, "norm": space.norms}
    if biases is not None:
        columns["bias"] = biases
    order = np.argsort(-counts, kind="stable")
    return make_table({name: values[order] for name, values in columns.items()}, space.recommender._table_library())
