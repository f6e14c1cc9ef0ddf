"""Convert LightFM models to recommenders."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.conversion._alignment import RowIds, aligned
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
    """Convert a model trained with LightFM to a fitted recommender.

    Parameters
    ----------
    model : lightfm.LightFM
        Trained model.
    users, items : array-like of ids
        Ids of the users and items, in the order of the rows and columns of the interaction matrix that the model was
        trained on.
    interactions : sparse matrix of shape (n_users, n_items), default=None
        Interactions that the model was trained on. By default, `recommend` excludes these user-item pairs. The
        interactions are also used by `partial_fit`, and by `fit` with `warm_start=True`. Positive entries become
        interactions with a strength of 1. All other entries are dropped, because LightFM treats them as negative
        feedback. If None, the recommender has no interactions.
    user_features, item_features : sparse matrix of shape (n_users or n_items, n_features), default=None
        Features that the model was trained with. The recommender stores one vector per user and item, which is computed
        from the features. It does not store the feature embeddings. To keep the feature embeddings, fit a recommender
        with ``engine="lightfm"`` and :class:`~sklearn_recsketch.SideFeatures` instead.

    Returns
    -------
    WARPRecommender or BPRRecommender
        Fitted recommender with ``engine="native"``. It is a WARPRecommender if the loss of the model is "warp" or
        "warp-kos", and a BPRRecommender if the loss is "bpr" or "logistic". It returns the same recommendations as the
        model. Its scores do not include the user biases, because they do not affect the order of the items.

    Raises
    ------
    TypeError
        If `model` is not a LightFM model.
    ValueError
        If the model is not trained, or if the ids or features do not match the model.

    Warns
    -----
    UserWarning
        If `interactions` is None.

    Notes
    -----
    If `interactions` is passed, the parameters `user_alpha` and `item_alpha` of LightFM are converted to a
    regularization that shrinks the average row by the same amount. Otherwise, the recommender has the default
    regularization. LightFM does not record the number of epochs, so `n_iter_` is 0, and `max_iter` has its default
    value.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> from sklearn_recsketch.conversion import from_lightfm
    >>> from lightfm import LightFM  # doctest: +SKIP
    >>> matrix = sp.random(50, 20, 0.2, format="csr", random_state=0)
    >>> model = LightFM(8, loss="warp").fit(matrix, epochs=10)  # doctest: +SKIP
    >>> rec = from_lightfm(model, np.arange(50), list("abcdefghijklmnopqrst"), interactions=matrix)  # doctest: +SKIP
    >>> table = rec.recommend(users=[3], k=5)  # doctest: +SKIP
    """
    if not isinstance(model, import_engine("lightfm").LightFM):
        raise TypeError(f"model must be a lightfm.LightFM, got {type(model).__module__}.{type(model).__name__}.")
    if model.item_embeddings is None:
        raise ValueError("model is not trained: it does not have embeddings. Call its method fit first.")
    user_side, item_side = (
        _representations(model, name, features) for name, features in (("user", user_features), ("item", item_features))
    )
    hint = "If the model was trained with features, pass user_features and item_features, too."
    user_rows = RowIds.of(users, len(user_side.values), "user", hint)
    item_rows = RowIds.of(items, len(item_side.values), "item", hint)
    matrix = aligned(interactions, user_rows, item_rows)
    if matrix is not None:
        matrix.data = (matrix.data > 0).astype(np.float32)  # LightFM only uses the sign of the values
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
    x, y = user_side.values[user_rows.order], item_side.values[item_rows.order]
    states = user_side.state[user_rows.order], item_side.state[item_rows.order]
    return fit_from_factors(ranker, user_rows.ids, item_rows.ids, x, y, matrix, states)


def _representations(model: Any, name: str, features: Any) -> Embeddings:
    """Return the vectors and biases of users or items, and the Adagrad state from which training resumes."""
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
            f"features of {name}s. Pass the matrix that the model was trained with."
        )
    biases, vectors = represent(matrix)
    return Embeddings.starting_at(vectors, biases=biases)
