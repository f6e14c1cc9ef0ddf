"""Why a model scores an item so for a user: the score as a sum."""

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
    r"""Why a model scores this item so for this user: the score as a sum of contributions.

    Parameters
    ----------
    estimator : recommender, or search or Pipeline that ends in one
        Fitted; it has to learn embeddings.
    user : id
        A known user, or one of `history`.
    item : id
        A known item; one known by its features only will do.
    by : {"history", "features"}, default=None
        "history" splits the score among the user's past interactions: WRMF only, and its default.
        "features" splits it among the embeddings of the item, and lists past interactions by similarity: the
        default of WARP and BPR.
    history : array or frame of shape (n_rows, 2) or (n_rows, 3), default=None
        Interactions of the user, as in :meth:`~sklearn_recsketch.WRMFRecommender.recommend`: in place of those in
        fit, her vector is computed from them. Rows of other users are left out.

    Returns
    -------
    frame with columns source, name, contribution, similarity
        The contributions sum to the score, which is that of `predict`, or of ``recommend(history=...)``. The largest
        comes first. Sources are

        - "history": a past interaction, `name` is the item's id. `similarity` is the cosine of its vector and that of
          the item explained, as in `similar_items`; no other row has one. With ``by="features"`` these rows have no
          contribution, and come last, the most similar first;
        - "user feature", "item feature": `name` is the encoder's, such as "tag=tiltbrush";
        - "item": the embedding of its own, beside those of its features. `name` is the id;
        - "mean item", "mean user": in place of an embedding of its own, the mean of the others', where the
          item or user had no interactions in training. `name` is the id all the same;
        - "bias": in WARP and BPR, what the item has for every user alike. `name` is the id;
        - "remainder": the last row of ``by="history"``, see Notes. It has no name.

        A pandas frame, or polars where fit had polars. There what is missing is null, and integer ids are text where
        features are named beside them, since a column has one type.

    Raises
    ------
    ValueError
        For an unknown user or item, several of them, a history without the user, and ``by="history"`` of a model
        learnt by stochastic gradient.

    See Also
    --------
    ExplanationDisplay : The same as a plot.

    Notes
    -----
    **By history** [1]_. With the confidence :math:`c_{uj}` and the vectors :math:`y_j` of the items that had
    interactions in fit or are in the user's history, the vector of a user at the optimum is

    .. math:: x_u = A_u^{-1} \Big(\sum_{j \in u} c_{uj} y_j + \lambda_u f_u W\Big), \qquad
              A_u = \sum_j c_{uj} y_j y_j^T + \lambda_u I,

    where :math:`f_u W` is what her features say, if she has any (:math:`\lambda_u` then is that of her own embedding,
    over its squared weight). Hence the score :math:`x_u \cdot y_i` is the sum of
    :math:`c_{uj}\, y_i^T A_u^{-1} y_j` over her interactions, and of
    :math:`\lambda_u f_{uk}\, y_i^T A_u^{-1} W_k` over her features. A contribution is negative where a past item is
    unlike this one in the eyes of this user. Without an interaction of positive contribution the score would be lower
    (if the score of the past item itself is at most 1), though by less where other past items speak for the same.

    The remainder is what the vector differs from the optimum by: users were solved before the items took their
    last step, and some solvers end early. It goes to zero as training converges, and is next to nothing with
    `history`, where the user is solved anew.

    Interactions that early stopping held out are not listed. A user whose vector is not solved from interactions, as
    there are none or ``user_encoder`` has ``identity=False``, has rows "user feature" and "mean user" alone, which add
    :math:`f_{uk} W_k \cdot y_i` each, and no remainder.

    **By features**. The vector of an item is a sum of embeddings, so that the score is a sum of their products with
    the user's vector, and of the item's bias. No share of it belongs to one interaction where vectors are learnt
    by stochastic gradient: what each step did depends on all before it. The most similar past items are the
    answer that is left. The user's vector stays whole here.

    Costs O(n_items K^2 + K^3) by history, and O(n_history K) by features.

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
    by = _check_view(recommender, by)
    asked, codes = known_rows(recommender, "item", item, "only known items can be explained.")
    _check_single("item", len(asked))
    explained = _Item(asked[0], codes[0], recommender._item_vectors(codes)[0].astype(np.float64))
    split = _by_history if by == "history" else _by_features
    terms, last = split(recommender, _read_user(recommender, user, history), explained)
    order = np.argsort(-terms.contribution, kind="stable")
    return _table(_joined([_Rows(*(column[order] for column in terms)), last]), recommender._table_library())


class _Item(NamedTuple):
    """The item explained."""

    id: Any
    code: int
    vector: np.ndarray  # with its bias, if it has one


class _User(NamedTuple):
    """The user asked about."""

    code: int  # -1 if the model does not know her
    vector: np.ndarray  # as it is multiplied by an item's
    history: sp.csr_array  # one row: strengths
    items: np.ndarray  # ids of its columns
    is_folded: bool  # whether the vector was computed from a history given


class _Rows(NamedTuple):
    """Columns of some rows of an explanation."""

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
    """What interactions and features of the user add, and the remainder."""
    entities = recommender._entities("user")
    if not user.is_folded and not (entities.active[user.code] and entities.n_identity):
        return _embeddings(recommender, "user", user.code, item.vector), _Rows.of("remainder", [])
    positions, drawn = entities.parts(recommender.user_embeddings_, user.code)
    features = positions >= entities.n_identity
    shares, of_features = recommender._shares(drawn[features], user.history, item.vector)
    names = _feature_names(entities, positions[features])
    terms = _joined([_history(recommender, user, item, shares), _Rows.of("user feature", names, of_features)])
    remainder = user.vector @ item.vector - terms.contribution.sum()
    return terms, _Rows.of("remainder", [None], remainder)


def _by_features(recommender: Any, user: _User, item: _Item) -> tuple[_Rows, _Rows]:
    """What embeddings of the item add, and past interactions, the most similar first."""
    K = recommender.item_factors_.shape[1]
    terms = _embeddings(recommender, "item", item.code, user.vector[:K])
    if len(item.vector) > K:
        terms = _joined([terms, _Rows.of("bias", [item.id], item.vector[K])])
    past = _history(recommender, user, item)
    nearest = np.argsort(-past.similarity, kind="stable")
    return terms, _Rows(*(column[nearest] for column in past))


def _embeddings(recommender: Any, name: str, code: int, direction: np.ndarray) -> _Rows:
    """What each embedding in the vector of a known user or item adds to its product with `direction`."""
    entities = recommender._entities(name)
    positions, parts = entities.parts(getattr(recommender, f"{name}_embeddings_"), code)
    own = positions < entities.n_identity
    contribution = parts @ direction
    source = name if entities.active[code] else f"mean {name}"
    return _joined(
        [
            _Rows.of(source, entities.ids[positions[own]], contribution[own]),
            _Rows.of(f"{name} feature", _feature_names(entities, positions[~own]), contribution[~own]),
        ]
    )


def _history(recommender: Any, user: _User, item: _Item, contribution: Any = np.nan) -> _Rows:
    columns = user.history.indices
    codes = np.where(columns < len(recommender.items_), columns, -1)
    vectors = unit_length(recommender._vectors("item", codes).astype(np.float64))
    itself = unit_length(item.vector[None, : vectors.shape[1]])
    return _Rows.of("history", user.items[columns], contribution, np.clip(vectors @ itself[0], -1, 1))


def _feature_names(entities: Any, positions: np.ndarray) -> Any:
    return entities.encoder.feature_names_[positions - entities.n_identity] if len(positions) else []


def _joined(parts: list[_Rows]) -> _Rows:
    return _Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _read_user(recommender: Any, user: Any, history: Any) -> _User:
    """The user asked about, with the interactions of the model or those given."""
    column = check_id_list(user, "user")
    _check_single("user", len(column.codes))
    items = recommender.items_
    given = QueryContext(history=check_history(history, "history"))
    if given.history is None:
        _, codes = known_rows(recommender, "user", user, "pass her interactions as history, or choose a known one.")
        matrix = recommender._trained_on[codes]
    else:
        codes = lookup(recommender.users_, column, "user")
        rows, matrix = given.history_matrix("user", column, items)
        if not len(rows):
            raise ValueError(
                f"history has no interaction of positive strength of the user {show_id(column.ids[0])}. Add some, or "
                f"leave history out to explain the user as fitted."
            )
        items = np.concatenate([items, np.setdiff1d(given.history.items.ids, items)])
    vector = recommender._query_vectors("user", column, codes, given)[0].astype(np.float64)
    return _User(int(codes[0]), vector, matrix, items, given.history is not None)


def _check_single(name: str, n: int) -> None:
    if n != 1:
        raise ValueError(f"{name} must be one id, got {n}: explain one pair of user and item at a time.")


def _check_view(recommender: Any, by: str | None) -> str:
    """The view chosen, or the one that says most of this recommender."""
    if by not in ("history", "features", None):
        raise ValueError(f"by must be 'history', 'features' or None, got {by!r}.")
    has_shares = hasattr(recommender, "_shares")
    if by == "history" and not has_shares:
        raise ValueError(
            f"by='history' needs vectors solved from interactions, as those of WRMFRecommender are. Scores learnt by "
            f"SGD, as by {type(recommender).__name__}, are no sum over past interactions: use by='features', which "
            f"lists the most similar of them."
        )
    return by or ("history" if has_shares else "features")


def _table(rows: _Rows, library: str) -> Any:
    columns = rows._asdict()
    if library == "polars" and len({type(name) for name in rows.name if name is not None}) > 1:
        columns["name"] = np.array([None if name is None else str(name) for name in rows.name], dtype=object)
    table = nw.from_native(make_table(columns, library))
    return table.with_columns(nw.col("contribution", "similarity").fill_nan(None)).to_native()
