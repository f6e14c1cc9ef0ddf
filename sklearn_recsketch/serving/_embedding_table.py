"""Export user and item vectors as tables for databases and files."""

from __future__ import annotations

from typing import Any

from sklearn_recsketch._data.frames import make_table
from sklearn_recsketch.serving._augment import augment_items, augment_users
from sklearn_recsketch.serving._contents import id_name, score_vectors
from sklearn_recsketch.typing import Frame
from sklearn_recsketch.utils._compat import StrOptions, validate_params
from sklearn_recsketch.utils._unwrap import factor_recommender

__all__ = ["embedding_table"]


@validate_params({"of": [StrOptions({"items", "users"})], "augmented": ["boolean"]}, prefer_skip_nested_validation=True)
def embedding_table(estimator: Any, of: str = "items", *, augmented: bool = False) -> Frame:
    """Return a table of item or user vectors. The inner product of an item row and a user row is the predicted score.

    Parameters
    ----------
    estimator : recommender, or Pipeline or search that contains one
        Fitted estimator with factors.
    of : {"items", "users"}, default="items"
        Whether to export items or users. Items and users that are known only from their features are included.
    augmented : bool, default=False
        Whether to augment the vectors with :func:`augment_items` or :func:`augment_users`. This is useful for databases
        that support the Euclidean distance or the cosine, but not the inner product.

    Returns
    -------
    frame with columns item or user, e0, e1, ...
        One row per id, in the order of `items_` or `users_`. The coordinates have dtype float32. For WARP and BPR, the
        table has an additional column `bias`. For items, this column contains the biases. For users, it is 1, so that
        the inner product includes the item bias. If `augmented=True`, the last column is `augmented`. The table is a
        polars frame if the recommender was fitted on a polars frame, and a pandas frame otherwise.

    Raises
    ------
    TypeError
        If the recommender does not learn factors.

    See Also
    --------
    to_index : Build a search index as an alternative to a database.

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
