"""Explain the score of an item for a user as a sum of contributions."""

from __future__ import annotations

from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._data.frames import make_table
from sklearn_recsketch._data.id_lists import check_id_list
from sklearn_recsketch._data.ids import lookup, show_id
from sklearn_recsketch._ranking.histories import read_history
from sklearn_recsketch._ranking.query import QueryContext, known_rows
from sklearn_recsketch.recommenders._interface import ExplainableRecommender, FittedFactorRecommender
from sklearn_recsketch.recommenders._similarity import unit_length
from sklearn_recsketch.typing import Frame
from sklearn_recsketch.utils._unwrap import factor_recommender

__all__ = ["explain"]


def explain(estimator: Any, user: Any, item: Any, *, by: str | None = None, history: Any = None) -> Frame:
    r"""Explain the score of an item for a user as a sum of contributions.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Fitted estimator that learns embeddings.
    user : id
        User for whom the score is explained. The user must be known to the model or appear in `history`.
    item : id
        Item whose score is explained. It must be known to the model. It need not have interactions if it has features.
    by : {"history", "features"}, default=None
        "history" splits the score among the user's past interactions. It is only available for WRMF, where it is the
        default. "features" splits the score among the item's embeddings, and lists the past interactions in order of
        similarity. It is the default for WARP and BPR.
    history : list of item ids, dict of user to item ids, or table of interactions, default=None
        Interactions of the user, as in :meth:`~sklearn_recsketch.WRMFRecommender.recommend`. If given, the user vector
        is folded in from these interactions instead of those passed to `fit`. Rows that belong to other users are
        ignored.

    Returns
    -------
    frame with columns source, name, contribution, similarity
        The sum of the contributions is the score returned by `predict`, or by ``recommend(history=...)``. The rows are
        sorted by decreasing contribution. The sources are as follows:

        - "history": a past interaction. `name` is the id of the past item, and `similarity` is its cosine similarity to
          the explained item, as in `similar_items`. Only past interactions have a similarity. If ``by="features"``,
          past interactions have no contribution, and are listed in the last rows by decreasing similarity;
        - "user feature", "item feature": a feature. `name` is its name in the encoder, such as "tag=tiltbrush";
        - "item": the identity embedding of the item, which is added to its feature embeddings. `name` is the item id;
        - "mean item", "mean user": the mean identity embedding. It represents an item or user that has no interactions
          in the training data. `name` is the id of this item or user;
        - "bias": the item bias in WARP and BPR, which is the same for all users. `name` is the item id;
        - "remainder": the last row if ``by="history"``. Its `name` is missing. The notes below explain this row.

        A polars frame is returned if polars data was passed to `fit`, and a pandas frame otherwise. In a polars frame,
        missing values are null. Integer ids are converted to text in a polars frame if the column also contains feature
        names, because all values of a polars column have the same type.

    Raises
    ------
    ValueError
        If the user or item is unknown, if several users or items are passed, if `history` does not contain the user, or
        if ``by="history"`` is used for a model that was trained by stochastic gradient descent.

    See Also
    --------
    ExplanationDisplay : Plot the contributions.

    Notes
    -----
    **By history** [1]_. Let :math:`c_{uj}` be the confidence for user u and item j. Let :math:`y_j` be the vectors of
    all items that have interactions in the training data or are in the user's history. The optimal user vector is

    .. math:: x_u = A_u^{-1} \Big(\sum_{j \in u} c_{uj} y_j + \lambda_u f_u W\Big), \qquad
              A_u = \sum_j c_{uj} y_j y_j^T + \lambda_u I,

    where :math:`f_u W` is the vector that the user's features contribute. This vector is zero if there are no user
    features. If there are user features, :math:`\lambda_u` is the penalty of the identity embedding divided by the
    square of its weight. Hence the score :math:`x_u \cdot y_i` is a sum of two kinds of contributions. Each of the
    user's interactions contributes :math:`c_{uj}\, y_i^T A_u^{-1} y_j`, and each of the user's features contributes
    :math:`\lambda_u f_{uk}\, y_i^T A_u^{-1} W_k`. The contribution of a past item is negative if the item is dissimilar
    to the explained item under the user's metric :math:`A_u^{-1}`. If an interaction has a positive contribution,
    removing it lowers the score, provided that the score of the past item is at most 1. The decrease is smaller if
    other past items have similar vectors.

    The remainder is the difference between the actual score and the score of the optimal user vector. It is usually not
    zero, because the user vectors are computed before the last update of the item vectors. Moreover, some solvers stop
    before they reach the exact solution. The remainder vanishes as training converges. It is close to zero if `history`
    is passed, because the user vector is then computed from the final item vectors.

    Interactions held out for early stopping are not listed. The user vector is not computed from interactions if the
    user has none, or if ``user_encoder`` has ``identity=False``. In this case, there is no remainder, and the source of
    each row is "user feature" or "mean user". Each row then contributes :math:`f_{uk} W_k \cdot y_i`.

    **By features**. The item vector is a sum of embeddings. Therefore the score is the sum of the inner products of
    these embeddings with the user vector, plus the item bias. The user vector is not split into contributions. If a
    model is trained by stochastic gradient descent, its scores cannot be attributed to individual interactions, because
    each update depends on all earlier updates. The most similar past items are listed instead.

    The time complexity is O(n_items K^2 + K^3) for an explanation by history and O(n_history K) for an explanation by
    features, where K is `n_components`.

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
    """Item whose score is explained."""

    id: Any
    code: int
    vector: np.ndarray  # its last coordinate is the bias if the model has biases


class _User(NamedTuple):
    """User for whom a score is explained."""

    code: int  # -1 if the user is unknown
    vector: np.ndarray  # its inner product with an item vector is the score
    history: sp.csr_array  # interaction strengths in a single row
    items: np.ndarray  # ids of the columns of `history`
    is_folded: bool  # whether the vector was folded in from a `history` passed to explain


class _Rows(NamedTuple):
    """Rows of the explanation table, stored column by column."""

    source: np.ndarray
    name: np.ndarray
    contribution: np.ndarray
    similarity: np.ndarray

    @classmethod
    def of(cls, source: str, names: Any, contribution: Any = np.nan, similarity: Any = np.nan) -> _Rows:
        n = len(names)
        numbers = (np.broadcast_to(np.asarray(value, dtype=np.float64), n) for value in (contribution, similarity))
        return cls(np.full(n, source, dtype=object), np.asarray(names).astype(object), *numbers)


def _by_history(recommender: ExplainableRecommender, user: _User, item: _Item) -> tuple[_Rows, _Rows]:
    """Return the contributions of the user's interactions and features, and the remainder."""
    side = recommender._side("user")
    entities = side.entities
    if not user.is_folded and not (entities.active[user.code] and entities.n_identity):
        return _embeddings(recommender, "user", user.code, item.vector), _Rows.of("remainder", [])
    positions, parts = entities.parts(side.embeddings, user.code)
    is_feature = positions >= entities.n_identity
    history_shares, feature_shares = recommender._contributions(parts[is_feature], user.history, item.vector)
    names = _feature_names(entities, positions[is_feature])
    terms = _concatenate(
        [_history(recommender, user, item, history_shares), _Rows.of("user feature", names, feature_shares)]
    )
    remainder = user.vector @ item.vector - terms.contribution.sum()
    return terms, _Rows.of("remainder", [None], remainder)


def _by_features(recommender: FittedFactorRecommender, user: _User, item: _Item) -> tuple[_Rows, _Rows]:
    """Return the contributions of the item's embeddings, and the past interactions sorted by similarity."""
    K = recommender.item_factors_.shape[1]
    terms = _embeddings(recommender, "item", item.code, user.vector[:K])
    if len(item.vector) > K:
        terms = _concatenate([terms, _Rows.of("bias", [item.id], item.vector[K])])
    past = _history(recommender, user, item)
    order = np.argsort(-past.similarity, kind="stable")
    return terms, _Rows(*(column[order] for column in past))


def _embeddings(recommender: FittedFactorRecommender, name: str, code: int, direction: np.ndarray) -> _Rows:
    """Split the inner product of `direction` and a user or item vector into contributions of individual embeddings."""
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


def _history(recommender: FittedFactorRecommender, user: _User, item: _Item, contribution: Any = np.nan) -> _Rows:
    """Return the past interactions and their similarities to the explained item."""
    columns = user.history.indices
    codes = np.where(columns < len(recommender.items_), columns, -1)
    vectors = unit_length(recommender._side("item").vectors(codes).astype(np.float64))
    direction = unit_length(item.vector[None, : vectors.shape[1]])
    return _Rows.of("history", user.items[columns], contribution, np.clip(vectors @ direction[0], -1, 1))


def _feature_names(entities: Any, positions: np.ndarray) -> Any:
    """Return the names of the features at the given positions in the embedding matrix."""
    return entities.encoder.feature_names_[positions - entities.n_identity] if len(positions) else []


def _concatenate(parts: list[_Rows]) -> _Rows:
    return _Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _read_user(recommender: FittedFactorRecommender, user: Any, history: Any) -> _User:
    """Read the user for whom the score is explained.

    The past interactions are read from `history`, or from the training data if `history` is None.
    """
    column = check_id_list(user, "user")
    _check_single("user", len(column.codes))
    items = recommender.items_
    context = QueryContext(history=read_history(history, "user", user, recommender.users_))
    if context.history is None or not len(context.history.users.codes):
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


def _check_by(recommender: FittedFactorRecommender, by: str | None) -> str:
    """Return `by` if it is valid, or the default of this recommender if `by` is None."""
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
