"""Explain a score as a sum of contributions."""

from __future__ import annotations

from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.frames import make_table
from sklearn_recsketch._data.id_lists import check_id_list
from sklearn_recsketch._data.ids import lookup, show_id
from sklearn_recsketch._data.interactions import check_history
from sklearn_recsketch._ranking.query import QueryContext, known_rows
from sklearn_recsketch.recommenders._similarity import unit_length
from sklearn_recsketch.utils._unwrap import factor_recommender

__all__ = ["explain"]


def explain(estimator: Any, user: Any, item: Any, *, by: str | None = None, history: Any = None) -> Any:
    r"""Explain the score of an item for a user as a sum of contributions.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Fitted estimator that learns embeddings.
    user : id
        A known user, or a user in `history`.
    item : id
        A known item. It may be known by its features only.
    by : {"history", "features"}, default=None
        "history" splits the score among the user's past interactions. It is only available for WRMF, where it is the
        default. "features" splits the score among the embeddings of the item and lists past interactions by similarity.
        It is the default for WARP and BPR.
    history : array or frame of shape (n_rows, 2) or (n_rows, 3), default=None
        Interactions of the user, as in :meth:`~sklearn_recsketch.WRMFRecommender.recommend`. If given, the vector of
        the user is folded in from them instead of the interactions in fit. Rows of other users are ignored.

    Returns
    -------
    frame with columns source, name, contribution, similarity
        The contributions sum to the score returned by `predict`, or by ``recommend(history=...)``. Rows are sorted by
        contribution, the largest first. The sources are

        - "history": a past interaction. `name` is the id of the item, and `similarity` is the cosine similarity of this
          item to the explained item, as in `similar_items`. Other sources have no similarity. If ``by="features"``,
          these rows have no contribution and come last, the most similar first;
        - "user feature", "item feature": a feature. `name` is its name in the encoder, such as "tag=tiltbrush";
        - "item": the identity embedding of the item, in addition to the embeddings of its features. `name` is the id;
        - "mean item", "mean user": the mean identity embedding, which represents an item or user without interactions
          in training. `name` is the id of this item or user;
        - "bias": the bias of the item in WARP and BPR, which is the same for all users. `name` is the id;
        - "remainder": the last row if ``by="history"``, see Notes. It has no name.

        The frame is a pandas frame, or a polars frame if fit received polars. In polars, missing values are null, and
        integer ids are text if the column also contains names of features, because a column has one type.

    Raises
    ------
    ValueError
        If the user or item is unknown, if several users or items are passed, if `history` does not contain the user, or
        if ``by="history"`` and the model was trained by stochastic gradient descent.

    See Also
    --------
    ExplanationDisplay : Plot the contributions.

    Notes
    -----
    **By history** [1]_. Let :math:`c_{uj}` be the confidences, and :math:`y_j` the vectors of the items that have
    interactions in fit or are in the user's history. The optimal vector of a user is

    .. math:: x_u = A_u^{-1} \Big(\sum_{j \in u} c_{uj} y_j + \lambda_u f_u W\Big), \qquad
              A_u = \sum_j c_{uj} y_j y_j^T + \lambda_u I,

    where :math:`f_u W` is the representation given by the features of the user, if there are any. In this case
    :math:`\lambda_u` is the penalty of the identity embedding divided by its squared weight. Hence the score
    :math:`x_u \cdot y_i` is the sum of :math:`c_{uj}\, y_i^T A_u^{-1} y_j` over the user's interactions and of
    :math:`\lambda_u f_{uk}\, y_i^T A_u^{-1} W_k` over the user's features. A contribution is negative if the past item
    is dissimilar to the explained item under the user's metric :math:`A_u^{-1}`. Removing an interaction with a
    positive contribution lowers the score (if the score of the past item is at most 1), by less if other past items
    have similar vectors.

    The remainder is the difference between the score and its value at the optimum. The vectors of users are solved
    before the last update of the items, and some solvers stop early. The remainder vanishes as training converges,
    and is close to zero if `history` is passed, because the vector of the user is then solved for the final items.

    Interactions held out for early stopping are not listed. The vector of a user is not solved from interactions if
    there are none, or if ``user_encoder`` has ``identity=False``. In this case there is no remainder, and all rows are
    "user feature" or "mean user", which contribute :math:`f_{uk} W_k \cdot y_i` each.

    **By features**. The vector of an item is a sum of embeddings. Therefore the score is the sum of the inner products
    of these embeddings with the vector of the user, plus the bias of the item. The vector of the user is not split. If
    vectors are trained by stochastic gradient descent, the score cannot be attributed to single interactions, because
    each update depends on all earlier ones. The most similar past items are listed instead.

    The time complexity is O(n_items K^2 + K^3) by history and O(n_history K) by features, where K is `n_components`.

    References
    ----------
    .. [1] Y. Hu, Y. Koren, C. Volinsky. Collaborative filtering for implicit feedback datasets, section 5.
       ICDM 2008. https://doi.org/10.1109/ICDM.2008.22

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import explain
    >>> X, y, tags = make_interactions(n_users=300, n_items=100, return_features=True, random_state=0)
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y, item_features=tags)
    >>> best = rec.recommend(7, k=1)
    >>> reasons = explain(rec, 7, best["item"][0])
    >>> reasons.columns.tolist()
    ['source', 'name', 'contribution', 'similarity']
    >>> bool(abs(reasons["contribution"].sum() - best["score"][0]) < 1e-5)
    True
    >>> explain(rec, 7, best["item"][0], by="features")["source"].unique().tolist()
    ['item', 'item feature', 'history']
    """
    recommender = factor_recommender(estimator)
    by = _check_by(recommender, by)
    ids, codes = known_rows(recommender, "item", item, "only known items can be explained.")
    _check_single("item", len(ids))
    explained = _Item(ids[0], codes[0], recommender._score_vectors("item", codes)[0].astype(np.float64))
    split = _by_history if by == "history" else _by_features
    terms, last = split(recommender, _read_user(recommender, user, history), explained)
    order = np.argsort(-terms.contribution, kind="stable")
    return _table(_concatenate([_Rows(*(column[order] for column in terms)), last]), recommender._table_library())


class _Item(NamedTuple):
    """The explained item."""

    id: Any
    code: int
    vector: np.ndarray  # including the bias, if there is one


class _User(NamedTuple):
    """The explained user."""

    code: int  # -1 if the user is unknown
    vector: np.ndarray  # its inner product with the vector of an item is the score
    history: sp.csr_array  # strengths, one row
    items: np.ndarray  # ids of the columns of `history`
    is_folded: bool  # whether the vector was folded in from a `history` passed to explain


class _Rows(NamedTuple):
    """Columns of some rows of the table."""

    source: np.ndarray
    name: np.ndarray
    contribution: np.ndarray
    similarity: np.ndarray

    @classmethod
    def of(cls, source: str, names: Any, contribution: Any = np.nan, similarity: Any = np.nan) -> _Rows:
        n = len(names)
        numbers = (np.broadcast_to(np.asarray(value, dtype=np.float64), n) for value in (contribution, similarity))
        return cls(np.full(n, source, dtype=object), np.asarray(names).astype(object), *numbers)


def _by_history(recommender: Any, user: _User, item: _Item) -> tuple[_Rows, _Rows]:
    """Contributions of interactions and features of the user, and the remainder."""
    entities = recommender._side("user").entities
    if not user.is_folded and not (entities.active[user.code] and entities.n_identity):
        return _embeddings(recommender, "user", user.code, item.vector), _Rows.of("remainder", [])
    positions, parts = entities.parts(recommender.user_embeddings_, user.code)
    is_feature = positions >= entities.n_identity
    history_shares, feature_shares = recommender._contributions(parts[is_feature], user.history, item.vector)
    names = _feature_names(entities, positions[is_feature])
    terms = _concatenate(
        [_history(recommender, user, item, history_shares), _Rows.of("user feature", names, feature_shares)]
    )
    remainder = user.vector @ item.vector - terms.contribution.sum()
    return terms, _Rows.of("remainder", [None], remainder)


def _by_features(recommender: Any, user: _User, item: _Item) -> tuple[_Rows, _Rows]:
    """Contributions of the embeddings of the item, and past interactions, the most similar first."""
    K = recommender.item_factors_.shape[1]
    terms = _embeddings(recommender, "item", item.code, user.vector[:K])
    if len(item.vector) > K:
        terms = _concatenate([terms, _Rows.of("bias", [item.id], item.vector[K])])
    past = _history(recommender, user, item)
    order = np.argsort(-past.similarity, kind="stable")
    return terms, _Rows(*(column[order] for column in past))


def _embeddings(recommender: Any, name: str, code: int, direction: np.ndarray) -> _Rows:
    """Contribution of each embedding of a known user or item to the inner product of its vector with `direction`."""
    side = recommender._side(name)
    entities = side.entities
    positions, parts = entities.parts(side.embeddings, code)
    is_identity = positions < entities.n_identity
    contribution = parts @ direction
    source = name if entities.active[code] else f"mean {name}"
    return _concatenate(
        [
            _Rows.of(source, entities.ids[positions[is_identity]], contribution[is_identity]),
            _Rows.of(f"{name} feature", _feature_names(entities, positions[~is_identity]), contribution[~is_identity]),
        ]
    )


def _history(recommender: Any, user: _User, item: _Item, contribution: Any = np.nan) -> _Rows:
    """Past interactions with their similarity to the item."""
    columns = user.history.indices
    codes = np.where(columns < len(recommender.items_), columns, -1)
    vectors = unit_length(recommender._side("item").vectors(codes).astype(np.float64))
    direction = unit_length(item.vector[None, : vectors.shape[1]])
    return _Rows.of("history", user.items[columns], contribution, np.clip(vectors @ direction[0], -1, 1))


def _feature_names(entities: Any, positions: np.ndarray) -> Any:
    """Names of features by their positions among the embeddings."""
    return entities.encoder.feature_names_[positions - entities.n_identity] if len(positions) else []


def _concatenate(parts: list[_Rows]) -> _Rows:
    return _Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _read_user(recommender: Any, user: Any, history: Any) -> _User:
    """Read the explained user, with the interactions in fit or in `history`."""
    column = check_id_list(user, "user")
    _check_single("user", len(column.codes))
    items = recommender.items_
    context = QueryContext(history=check_history(history, "history"))
    if context.history is None:
        _, codes = known_rows(recommender, "user", user, "pass interactions as history, or choose a known user.")
        matrix = recommender._trained_on[codes]
    else:
        codes = lookup(recommender.users_, column, "user")
        rows, matrix = context.history_matrix("user", column, items)
        if not len(rows):
            raise ValueError(
                f"history has no interactions of positive strength of the user {show_id(column.ids[0])}. Add some, or "
                f"use history=None to explain the user as fitted."
            )
        items = np.concatenate([items, np.setdiff1d(context.history.items.ids, items)])
    vector = recommender._query_vectors("user", column, codes, context)[0].astype(np.float64)
    return _User(int(codes[0]), vector, matrix, items, context.history is not None)


def _check_single(name: str, n: int) -> None:
    if n != 1:
        raise ValueError(f"{name} must be one id, got {n}. Explain one pair of user and item at a time.")


def _check_by(recommender: Any, by: str | None) -> str:
    """Check `by`, or choose the default for this recommender."""
    if by not in ("history", "features", None):
        raise ValueError(f"by must be 'history', 'features' or None, got {by!r}.")
    has_shares = hasattr(recommender, "_contributions")
    if by == "history" and not has_shares:
        raise ValueError(
            f"by='history' requires vectors that are solved from interactions, as in WRMFRecommender. Scores of "
            f"{type(recommender).__name__}, which is trained by SGD, are not a sum over past interactions. Use "
            f"by='features', which lists the most similar past items."
        )
    return by or ("history" if has_shares else "features")


def _table(rows: _Rows, library: str) -> Any:
    columns = rows._asdict()
    if library == "polars" and len({type(name) for name in rows.name if name is not None}) > 1:
        columns["name"] = np.array([None if name is None else str(name) for name in rows.name], dtype=object)
    table = nw.from_native(make_table(columns, library))
    return table.with_columns(nw.col("contribution", "similarity").fill_nan(None)).to_native()
