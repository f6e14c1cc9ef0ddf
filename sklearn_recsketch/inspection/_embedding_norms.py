"""Popularity against the length of vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch._data.frames import make_table
from sklearn_recsketch.inspection._space import embedded

__all__ = ["embedding_norms"]


def embedding_norms(estimator: Any, of: str = "items") -> Any:
    """How long the vectors are, beside how much the model has seen of each.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Fitted.
    of : {"items", "users", "item_features", "user_features"}, default="items"
        Whose vectors; of features the embeddings.

    Returns
    -------
    frame with columns item, user or feature; n_interactions or, of features, count; norm[, bias]
        The most popular first, ties in the order of ids. `n_interactions` counts those of the fit, each pair of user
        and item once; `count` is how many items or users carry the feature; `norm` is the Euclidean norm; `bias` is
        what WARP and BPR add to scores of items, and of items that carry a feature.

    Raises
    ------
    ValueError
        For another `of`, and for features of a recommender that was fitted without.

    See Also
    --------
    EmbeddingNormsDisplay : The table as a picture.
    EmbeddingDisplay : Where the vectors point, as a map.

    Notes
    -----
    A score is the norm of the user times the norm of the item times the cosine between them, plus the bias. How to
    read the table:

    - Norms of users and items grow with popularity, the more so the smaller `alpha` of WRMF: it has no other place for
      popularity. WARP and BPR have biases, too.
    - A norm near 0 says that the model has nothing to tell of this item or feature; norms all near 0, that
      `regularization` is too large.
    - Features on few ids whose embeddings are longer than those of common ones have been fitted to these ids, and the
      rank correlation is negative: `feature_regularization`, or `min_count` of the encoder, is too small.

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

    The rank correlation of popularity and norm:

    >>> float(table["n_interactions"].corr(table["norm"], method="spearman").round(2))
    0.98
    """
    space = embedded(estimator, of)
    counts, biases = space.counts, space.biases
    columns = {space.name: space.ids, space.counted: counts, "norm": space.norms}
    if biases is not None:
        columns["bias"] = biases
    order = np.argsort(-counts, kind="stable")
    return make_table({name: values[order] for name, values in columns.items()}, space.recommender._table_library())
