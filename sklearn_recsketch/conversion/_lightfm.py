"""Models of LightFM."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.conversion._rows import Rows, liked
from sklearn_recsketch.recommenders._bpr import BPRRecommender
from sklearn_recsketch.recommenders._engine_requirements import import_engine
from sklearn_recsketch.recommenders._from_factors import fit_from_factors
from sklearn_recsketch.recommenders._pairwise.lightfm_engine import alpha_of, embeddings_of
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings
from sklearn_recsketch.recommenders._warp import WARPRecommender

__all__ = ["from_lightfm"]

RANKERS = {"warp": WARPRecommender, "warp-kos": WARPRecommender, "bpr": BPRRecommender, "logistic": BPRRecommender}


def from_lightfm(
    model: Any,
    users: Any,
    items: Any,
    *,
    interactions: Any = None,
    user_features: Any = None,
    item_features: Any = None,
) -> WARPRecommender | BPRRecommender:
    """A recommender with the representations of a model that was trained with LightFM.

    Parameters
    ----------
    model : lightfm.LightFM
        Trained.
    users, items : array-like of ids
        Ids of the rows of its interactions.
    interactions : sparse matrix of shape (n_users, n_items), default=None
        What it was trained on: what `recommend` is to leave out, and what `partial_fit` and a warm start go on from.
        Entries that are not positive are dislikes to LightFM and no interactions here, all others are likes of strength
        1. None means that nothing is known.
    user_features, item_features : sparse matrix of shape (n_users or n_items, n_features), default=None
        What it was trained with. The representations of users and items become vectors of their own; the
        embeddings of features are not kept. Fit with ``engine="lightfm"`` and :class:`SideFeatures` to have both.

    Returns
    -------
    WARPRecommender or BPRRecommender
        Fitted, with ``engine="native"``: the first for the losses "warp" and "warp-kos", the second for "bpr" and
        "logistic". It gives the model's own recommendations. Scores differ from the model's by the bias of the
        user, which changes no order.

    Raises
    ------
    TypeError
        For models of other kinds.
    ValueError
        Where the model is not trained, or the ids or features are not those of its rows.

    Notes
    -----
    The regularization of the recommender shrinks the mean row as LightFM's alpha does, if `interactions` are given;
    else it is the default. LightFM does not count epochs: `n_iter_` is 0, and `max_iter` the default.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> from sklearn_recsketch.conversion import from_lightfm
    >>> from lightfm import LightFM  # doctest: +SKIP
    >>> likes = sp.random(50, 20, 0.2, format="csr", random_state=0)
    >>> model = LightFM(8, loss="warp").fit(likes, epochs=10)  # doctest: +SKIP
    >>> rec = from_lightfm(model, np.arange(50), list("abcdefghijklmnopqrst"), interactions=likes)  # doctest: +SKIP
    >>> table = rec.recommend(users=[3], k=5)  # doctest: +SKIP
    """
    if not isinstance(model, import_engine("lightfm").LightFM):
        raise TypeError(f"from_lightfm takes lightfm.LightFM, got {type(model).__module__}.{type(model).__name__}.")
    if model.item_embeddings is None:
        raise ValueError("The model has no embeddings: call its fit first.")
    of_user, of_item = (
        _representations(model, name, features) for name, features in (("user", user_features), ("item", item_features))
    )
    hint = "A model trained with features needs user_features and item_features, too."
    of_users = Rows.of(users, len(of_user.values), "user", hint)
    of_items = Rows.of(items, len(of_item.values), "item", hint)
    matrix = liked(interactions, of_users, of_items)
    if matrix is not None:
        matrix.data = (matrix.data > 0).astype(np.float32)  # all it makes of values
        matrix.eliminate_zeros()
    ranker = RANKERS[model.loss](
        model.no_components,
        learning_rate=model.learning_rate,
    )
    if isinstance(ranker, WARPRecommender):
        ranker.set_params(max_sampled=model.max_sampled)
    else:
        ranker.set_params(negative_sampling="popularity")
    if matrix is not None and matrix.nnz:
        unit = alpha_of(1.0, ranker._loss(matrix.shape[1]), matrix)
        ranker.set_params(user_regularization=model.user_alpha / unit, item_regularization=model.item_alpha / unit)
    x, y = of_user.values[of_users.order], of_item.values[of_items.order]
    states = of_user.state[of_users.order], of_item.state[of_items.order]
    return fit_from_factors(ranker, of_users.ids, of_items.ids, x, y, matrix, states)


def _representations(model: Any, name: str, features: Any) -> Embeddings:
    """Vectors and biases of users or items, and where Adagrad goes on."""
    if features is None:
        return embeddings_of(model, name)
    if name == "user":
        represent, n_features = model.get_user_representations, len(model.user_embeddings)
    else:
        represent, n_features = model.get_item_representations, len(model.item_embeddings)
    matrix = sp.csr_matrix(features, dtype=np.float32)
    if matrix.shape[1] != n_features:
        raise ValueError(
            f"{name}_features has {matrix.shape[1]} columns, but the model has embeddings of {n_features} "
            f"features of {name}s. Pass the matrix it was trained with."
        )
    biases, vectors = represent(matrix)
    return Embeddings.starting_at(vectors, biases=biases)
