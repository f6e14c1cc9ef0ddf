"""Return embedding norms and popularity as a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch._data.frames import make_table
from sklearn_recsketch.inspection._embedding_space import embedding_space
from sklearn_recsketch.typing import Frame

__all__ = ["embedding_norms"]


def embedding_norms(estimator: Any, of: str = "items") -> Frame:
    """Return the norms of item, user or feature embeddings, together with their popularity.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Fitted estimator.
    of : {"items", "users", "item_features", "user_features"}, default="items"
        Whether to return the norms of item vectors, user vectors, item feature embeddings or user feature embeddings.

    Returns
    -------
    frame with columns item, user or feature; n_interactions, or count for features; norm[, bias]
        The rows are sorted by decreasing popularity. Rows with the same popularity are sorted by id. `n_interactions`
        is the number of training interactions. Each user-item pair is counted once. `count` is the number of items or
        users that have the feature. `norm` is the Euclidean norm. `bias` only exists for WARP and BPR. These models add
        the bias of an item to its scores, and the bias of an item feature to the scores of all items that have the
        feature.

    Raises
    ------
    ValueError
        If `of` is invalid, or if the recommender was fitted without the requested features.

    See Also
    --------
    EmbeddingNormsDisplay : Plot norms against popularity.
    EmbeddingDisplay : Plot the vector directions as a map.

    Notes
    -----
    The score of an item for a user is the product of three factors, plus the item bias if the model has biases. The
    factors are the norm of the user vector, the norm of the item vector and the cosine of the angle between them. The
    table can be interpreted as follows:

    - The norms of users and items usually increase with popularity. In WRMF, only the norms can represent popularity,
      because the model has no biases. The smaller `alpha` is in WRMF, the more strongly the norms depend on popularity.
      WARP and BPR can also represent popularity with biases.
    - If a norm is close to 0, the model has learned nothing about this item, user or feature. If all norms are close to
      0, `regularization` is too large.
    - If rare features have larger norms than frequent features, the model overfits to the few items or users that have
      the rare features. The rank correlation between norms and counts is then negative. In this case, increase
      `feature_regularization`, or the parameter `min_count` of the encoder.

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

    The rank correlation between popularity and norm is high:

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
