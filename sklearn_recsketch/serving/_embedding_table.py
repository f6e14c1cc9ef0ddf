"""Vectors as a table, for databases and files."""

from __future__ import annotations

from typing import Any

from sklearn_recsketch._data.frames import make_table
from sklearn_recsketch.serving._augment import augment_items, augment_users
from sklearn_recsketch.serving._vectors import id_name, score_vectors
from sklearn_recsketch.utils._compat import StrOptions, validate_params
from sklearn_recsketch.utils._unwrap import factor_recommender

__all__ = ["embedding_table"]


@validate_params({"of": [StrOptions({"items", "users"})], "augmented": ["boolean"]}, prefer_skip_nested_validation=True)
def embedding_table(estimator: Any, of: str = "items", *, augmented: bool = False) -> Any:
    """The vectors of all items or users as a table: the inner product of two rows is the score.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Fitted, with factors.
    of : {"items", "users"}, default="items"
        Whose vectors. Those known by their features alone are among them.
    augmented : bool, default=False
        Append the coordinate of :func:`augment_items` or :func:`augment_users`, for databases that search by
        Euclidean distance or by cosine but not by inner product.

    Returns
    -------
    frame with columns item or user, e0, e1, ...
        One row per id, in the order of `items_` or `users_`, coordinates in float32. WARP and BPR have one more
        column, `bias`, which is 1 for all users, so that the inner product adds the bias of the item. With
        `augmented`, `augmented` is the last. A pandas frame, or polars where fit had polars.

    Raises
    ------
    TypeError
        For a recommender without factors.

    See Also
    --------
    to_index : An index in this process, instead of a database.

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

    ``items.to_parquet("items.parquet")`` writes them to a file that most databases load; of a polars frame it is
    ``items.write_parquet("items.parquet")``.
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
