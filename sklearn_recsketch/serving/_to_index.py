"""Build an index from a fitted recommender."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from sklearn_recsketch.serving._contents import contents_of
from sklearn_recsketch.serving._exact import Exact
from sklearn_recsketch.serving._hnsw import Hnsw
from sklearn_recsketch.serving._index import EmbeddingIndex
from sklearn_recsketch.utils._compat import Interval, StrOptions, validate_params
from sklearn_recsketch.utils._threads import workers

__all__ = ["to_index"]


@validate_params(
    {
        "kind": [StrOptions({"hnsw", "exact"})],
        "of": [StrOptions({"items", "users"})],
        "metric": [StrOptions({"dot", "cosine"})],
        "connectivity": [Interval(Integral, 2, None, closed="left")],
        "expansion_add": [Interval(Integral, 1, None, closed="left")],
        "expansion_search": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
    },
    prefer_skip_nested_validation=True,
)
def to_index(
    estimator: Any,
    kind: str = "hnsw",
    *,
    of: str = "items",
    metric: str = "dot",
    connectivity: int = 16,
    expansion_add: int = 128,
    expansion_search: int = 128,
    n_jobs: int | None = None,
) -> EmbeddingIndex:
    """Build a nearest-neighbour index of items or users that answers single queries quickly.

    Parameters
    ----------
    estimator : recommender, or Pipeline or search that contains one
        Fitted estimator that has learned factors. The index stores its vectors, ids and interactions.
    kind : {"hnsw", "exact"}, default="hnsw"
        Search algorithm. "hnsw" is an approximate search in a hierarchical navigable small world graph. It requires
        usearch, which is installed with the extra `index`. "exact" is the exact search that `recommend` uses, but the
        vectors are preprocessed only once.
    of : {"items", "users"}, default="items"
        Whether to index items or users.
    metric : {"dot", "cosine"}, default="dot"
        Similarity that determines the neighbours.

        - "dot": inner product of a user vector and an item vector, which is the score that `predict` returns. It
          includes the item bias if the recommender has biases. An item index finds the items with the highest scores
          for a user, as `recommend` does. A user index finds the users with the highest scores for an item.
        - "cosine": cosine similarity of two items or two users, as in `similar_items` and `similar_users` by default.
    connectivity : int, default=16
        Number of links per node, called M by Malkov and Yashunin. A larger value increases the recall and the memory
        usage. Only used if `kind="hnsw"`.
    expansion_add : int, default=128
        Number of candidates kept while a node is added, called efConstruction by Malkov and Yashunin. A larger value
        increases the recall and the time to build the graph. Only used if `kind="hnsw"`.
    expansion_search : int, default=128
        Number of candidates kept during a search, called ef by Malkov and Yashunin. A larger value increases the recall
        and the search time. To change the value later, set the attribute `expansion_search` of the index. Only used if
        `kind="hnsw"`.
    n_jobs : int, default=None
        Number of threads used to build the index, and to search several queries at once. None means 1, and -1 means all
        cores.

    Returns
    -------
    EmbeddingIndex
        Index of the items or users.

    Raises
    ------
    ImportError
        If `kind="hnsw"` and usearch is not installed.
    TypeError
        If the recommender does not learn factors.

    See Also
    --------
    embedding_table : Export the vectors as a table, for example for a database.

    Notes
    -----
    The graph was proposed by Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
    hierarchical navigable small world graphs", TPAMI 2020, https://doi.org/10.1109/TPAMI.2018.2889473. If
    `metric="dot"`, the links of the graph are chosen by inner products, as proposed by Morozov and Babenko, "Non-metric
    similarity graphs for maximum inner product search", NeurIPS 2018.

    If `n_jobs=1`, the same vectors always result in the same graph. With several threads, the links depend on the order
    in which the threads insert the nodes.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.serving import to_index
    >>> X, y = make_interactions(n_users=100, n_items=50, random_state=0)
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y)
    >>> index = to_index(rec, "exact")
    >>> table = index.recommend(rec.users_[:2], k=3)
    >>> bool((table["item"] == rec.recommend(rec.users_[:2], k=3)["item"]).all())
    True
    """
    contents = contents_of(estimator, of, metric)
    if kind == "exact":
        return EmbeddingIndex(contents, Exact(contents.vectors), n_jobs)
    with workers(n_jobs) as pool:
        graph = Hnsw.build(
            contents.vectors,
            pool,
            connectivity=connectivity,
            expansion_add=expansion_add,
            expansion_search=expansion_search,
        )
    return EmbeddingIndex(contents, graph, n_jobs)
