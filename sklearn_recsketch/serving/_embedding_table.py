"""Export the vectors of users and items as a table, for databases and files."""

from __future__ import annotations

from typing import Any

from sklearn_recsketch._data.frames import make_table
from sklearn_recsketch.serving._augment import augment_items, augment_users
from sklearn_recsketch.serving._contents import id_name, score_vectors
from sklearn_recsketch.utils._compat import StrOptions, validate_params
from sklearn_recsketch.utils._unwrap import factor_recommender

__all__ = ["embedding_table"]


@validate_params({"of": [StrOptions({"items", "users"})], "augmented": ["boolean"]}, prefer_skip_nested_validation=True)
def embedding_table(estimator: Any, of: str = "items", *, augmented: bool = False) -> Any:
    """Export embeddings of items or users as a table such that the inner product of two rows is the predicted score.

    Parameters
    ----------
    estimator : recommender, or Pipeline or search that contains one
        Fitted estimator with factors.
    of : {"items", "users"}, default="items"
        Side to export, including the ids that are known only by their features.
    augmented : bool, default=False
        Whether to append the coordinate of :func:`augment_items` or :func:`augment_users`, for databases that search
        by Euclidean distance or cosine but not by inner product.

    Returns
    -------
    frame with columns item or user, e0, e1, ...
        One row per id, in the order of `items_` or `users_`, with coordinates in float32. Tables of WARP and BPR have
        an additional column `bias`, which is 1 for all users, so that the inner product includes the bias of the
        item. If `augmented=True`, the last column is `augmented`. The table is a polars frame if the recommender was
        fitted on one, else a pandas frame.

    Raises
    ------
    TypeError
        If the recommender does not have factors.

    See Also
    --------
    to_index : Build an index in this process instead of using a database.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_recsketch import WARPRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.serving import embedding_table
    >>> X, y = make_interactions(n_users=50, n_items=30, random_state=0)
    >>> rec = WARPRecommender(2, random_state=0).fit(X, y)
    >>> items, users = embedding_table(rec), embedding_table(rec, "users")
    >>> items.columns.tolist()
    ['item', 'e0', 'e1', 'bias']
    >>> score = items.iloc[7, 1:] @ users.iloc[3, 1:]
    >>> bool(np.isclose(score, rec.predict([[users["user"][3], items["item"][7]]])[0]))
    True

    ``items.to_parquet("items.parquet")`` writes the table to a file that most databases can load. For a polars frame,
    use ``items.write_parquet("items.parquet")``.
    """
    recommender = factor_recommender(estimator)
    ids, vectors = score_vectors(recommender, of)
    n_components = recommender.user_factors_.shape[1]
    names = [f"e{c}" for c in range(n_components)] + ["bias"] * (vectors.shape[1] - n_components)
    if augmented:
        vectors = (augment_items if of == "items" else augment_users)(vectors)
        names.append("augmented")
    columns = {id_name(of): ids} | dict(zip(names, vectors.T, strict=True))
    return make_table(columns, recommender._table_library())
