"""From a fitted recommender to an index."""

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
        "metric": [StrOptions({"score", "cosine"})],
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
    metric: str = "score",
    connectivity: int = 16,
    expansion_add: int = 128,
    expansion_search: int = 128,
    n_jobs: int | None = None,
) -> EmbeddingIndex:
    """An index of a recommender's items or users that answers single queries fast.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Fitted, with factors. The index keeps what it needs of it: vectors, ids, and who has seen what.
    kind : {"hnsw", "exact"}, default="hnsw"
        "hnsw": approximate search in a graph, with usearch; needs the extra `index`. "exact": the search of
        `recommend`, with the items made ready once.
    of : {"items", "users"}, default="items"
        What is found.
    metric : {"score", "cosine"}, default="score"
        "score": the best items of a user, as `recommend` finds them; of an index of users, the users who would like
        an item best. "cosine": neighbours, as `similar_items` and `similar_users` find them.
    connectivity : int, default=16
        Links of a node to others, M in the paper. More of them find more and take more memory.
    expansion_add : int, default=128
        Candidates kept while a node is added, ef_construction in the paper. More of them find more and take longer
        to build.
    expansion_search : int, default=128
        Candidates kept in a search, ef in the paper. More of them find more and take longer to search; it can be
        changed afterwards.
    n_jobs : int, default=None
        Threads to build with, and to search with where there are many queries at once. None is 1, -1 all cores.

    Returns
    -------
    EmbeddingIndex

    Raises
    ------
    ImportError
        For "hnsw" where usearch is not installed.
    TypeError
        For a recommender without factors.

    See Also
    --------
    embedding_table : The vectors, for a database.

    Notes
    -----
    Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical navigable small
    world graphs", TPAMI 2020, https://doi.org/10.1109/TPAMI.2018.2889473. For scores the graph links items by their
    inner products, as in Morozov and Babenko, "Non-metric similarity graphs for maximum inner product search",
    NeurIPS 2018.

    The three parameters of the graph are without effect on "exact". With ``n_jobs=1`` the same vectors give the same
    graph; with more threads links depend on which of them comes first.

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
