"""Convert models from and to the library implicit."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.conversion._alignment import RowIds, aligned
from sklearn_recsketch.recommenders._bpr import BPRRecommender
from sklearn_recsketch.recommenders._engine_requirements import import_engine
from sklearn_recsketch.recommenders._from_factors import fit_from_factors
from sklearn_recsketch.recommenders._pairwise.implicit_engine import regularization_of
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings
from sklearn_recsketch.recommenders._wrmf import WRMFRecommender
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._unwrap import factor_recommender

__all__ = ["from_implicit", "to_implicit"]


def from_implicit(model: Any, users: Any, items: Any, *, interactions: Any = None) -> WRMFRecommender | BPRRecommender:
    """Convert a model trained with the library implicit to a fitted recommender.

    Parameters
    ----------
    model : implicit.cpu.als.AlternatingLeastSquares or implicit.cpu.bpr.BayesianPersonalizedRanking
        Trained model. If the model is on a GPU, convert it with its method `to_cpu` first.
    users, items : array-like of ids
        Ids of the users and items, in the order of the rows of `user_factors` and `item_factors`.
    interactions : sparse matrix of shape (n_users, n_items), default=None
        Interactions that the model was trained on. By default, `recommend` excludes these user-item pairs. The
        interactions are also used by `partial_fit`, by `explain`, and by `fit` with `warm_start=True`. If None, the
        recommender has no interactions.

    Returns
    -------
    WRMFRecommender or BPRRecommender
        Fitted recommender with ``engine="native"``. It returns the same recommendations as the model.

    Raises
    ------
    TypeError
        If `model` is not one of the supported types.
    ValueError
        If the model is not trained, if the ids do not match the rows of the model, or if `interactions` contains values
        below 1 / alpha. Such values cannot be converted, because their confidence is lower than the confidence of a
        pair without interaction.

    Warns
    -----
    UserWarning
        If `interactions` is None.

    Notes
    -----
    Let A be the `alpha` of the ALS model. In implicit, an interaction with value d has the confidence A d. In
    :class:`~sklearn_recsketch.WRMFRecommender`, it has the confidence 1 + alpha d. The values are converted as follows:

    - If all values are equal to d, the strengths are d, and `alpha` is A - 1 / d. If you pass new interactions to
      `partial_fit`, also set their strength to d.
    - If the values differ, the strengths are d - 1 / A, and `alpha` is A. If you pass new interactions to
      `partial_fit`, also subtract 1 / A from their values.
    - If `interactions` is None, `alpha` is A - 1.

    The regularization of ALS is the same in both libraries.

    The BPR model of implicit ignores the interaction values, so all strengths are set to 1. In implicit, each training
    step shrinks only the rows that it updates. If `interactions` is passed, the regularization is converted so that it
    shrinks the average row by the same amount. Otherwise, the recommender has the default regularization. The learning
    rate is constant in implicit, but not in :class:`~sklearn_recsketch.BPRRecommender`. Factors are stored in float32.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> from sklearn_recsketch.conversion import from_implicit
    >>> from implicit.cpu.als import AlternatingLeastSquares  # doctest: +SKIP
    >>> matrix = sp.random(50, 20, 0.2, format="csr", dtype=np.float32, random_state=0)
    >>> matrix.data[:] = 1
    >>> model = AlternatingLeastSquares(factors=8, alpha=40.0)  # doctest: +SKIP
    >>> model.fit(matrix, show_progress=False)  # doctest: +SKIP
    >>> rec = from_implicit(model, np.arange(50), list("abcdefghijklmnopqrst"), interactions=matrix)  # doctest: +SKIP
    >>> table = rec.recommend(users=[3], k=5)  # doctest: +SKIP
    """
    als, bpr = _classes()
    if not isinstance(model, als | bpr):
        raise TypeError(
            f"model must be an AlternatingLeastSquares or BayesianPersonalizedRanking of implicit.cpu, got "
            f"{type(model).__module__}.{type(model).__name__}. Convert a model on a GPU with its method to_cpu()."
        )
    if model.user_factors is None or model.item_factors is None:
        raise ValueError("model is not trained: it does not have factors. Call its method fit first.")
    user_rows = RowIds.of(users, len(model.user_factors), "user")
    item_rows = RowIds.of(items, len(model.item_factors), "item")
    x, y = model.user_factors[user_rows.order], model.item_factors[item_rows.order]
    matrix = aligned(interactions, user_rows, item_rows)
    if isinstance(model, bpr):  # The last component is the bias for items, and 1 for users.
        ranker = BPRRecommender(
            model.factors,
            learning_rate=model.learning_rate,
            negative_sampling="popularity",
            max_iter=model.iterations,
        )
        if matrix is not None:
            matrix.data[:] = 1
        if matrix is not None and matrix.nnz:
            unit = regularization_of(ranker.set_params(regularization=1.0), matrix)
            ranker.set_params(regularization=model.regularization / unit)
        states = Embeddings.starting_at(x).state, Embeddings.starting_at(y, biases=y[:, -1]).state
        x, y = x[:, :-1], y[:, :-1]
        return fit_from_factors(ranker, user_rows.ids, item_rows.ids, x, y, matrix, states, model.iterations)
    alpha, strengths = _confidence(matrix, float(model.alpha))
    factorization = WRMFRecommender(
        model.factors,
        alpha=alpha,
        regularization=model.regularization,
        solver="cg" if model.use_cg else "cholesky",
        max_iter=model.iterations,
    )
    return fit_from_factors(factorization, user_rows.ids, item_rows.ids, x, y, strengths, n_iter=model.iterations)


def to_implicit(estimator: Any) -> Any:
    """Convert a fitted recommender to a model of the library implicit.

    Parameters
    ----------
    estimator : WRMFRecommender, WARPRecommender or BPRRecommender, or Pipeline or search that contains one
        Fitted estimator.

    Returns
    -------
    implicit.cpu.als.AlternatingLeastSquares or implicit.cpu.bpr.BayesianPersonalizedRanking
        WRMF is converted to an ALS model. WARP and BPR are converted to a BPR model, which stores the bias as the last
        component. The rows of the model are in the order of `users_` and `items_`. If you pass
        ``scipy.sparse.csr_matrix(recommender.interactions_[rows])`` to the method `recommend` of the model, it returns
        the same recommendations as the recommender.

    Warns
    -----
    UserWarning
        If the WRMF recommender has different penalties for users and items, or if the penalty depends on the number of
        interactions. The methods `recalculate_user` and `recalculate_item` of implicit use a single penalty, which is
        set to the user penalty.

    Notes
    -----
    The `alpha` of the ALS model is 1. If you call its method `recalculate_user`, pass the confidences
    ``1 + alpha_ * t(d)``, where t is the transform selected by the parameter `confidence`. The regularization of WARP
    and BPR cannot be converted, so the regularization of the BPR model is set to 0.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.conversion import to_implicit
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> X, y = make_interactions(n_users=50, n_items=20, random_state=0)
    >>> rec = WRMFRecommender(n_components=8, random_state=0).fit(X, y)
    >>> model = to_implicit(rec)  # doctest: +SKIP
    """
    recommender = factor_recommender(estimator)
    als, bpr = _classes()
    if isinstance(recommender, WRMFRecommender):
        users, items = recommender.user_regularization_, recommender.item_regularization_
        scaling = recommender._objective.scaling
        if users != items or scaling:
            warnings.warn(
                f"The rows of the recommender are regularized differently (users {users:g}, items {items:g}, "
                f"regularization_scaling={scaling!r}), but implicit has a single regularization, which is set to "
                f"{users:g}. This only affects recalculate_user and recalculate_item.",
                stacklevel=2,
            )
        with workers(1):  # Otherwise, implicit warns about the number of BLAS threads.
            model = als(
                factors=recommender.n_components,
                regularization=users,
                alpha=1.0,
                use_cg=recommender.solver != "cholesky",
                iterations=recommender.max_iter,
            )
        model.user_factors, model.item_factors = recommender.user_factors_.copy(), recommender.item_factors_.copy()
        return model
    model = bpr(
        factors=recommender.n_components,
        learning_rate=recommender.learning_rate,
        regularization=0.0,
        iterations=recommender.max_iter,
    )
    every_user, every_item = (np.arange(len(ids)) for ids in (recommender.users_, recommender.items_))
    model.user_factors = recommender._score_vectors("user", every_user)
    model.item_factors = recommender._score_vectors("item", every_item)
    return model


def _classes() -> tuple[Any, Any]:
    als = import_engine("implicit.cpu.als").AlternatingLeastSquares
    return als, import_engine("implicit.cpu.bpr").BayesianPersonalizedRanking


def _confidence(matrix: sp.csr_array | None, alpha: float) -> tuple[float, sp.csr_array | None]:
    """Return alpha and the strengths d such that 1 + alpha d is the confidence in implicit."""
    if matrix is None or not matrix.nnz:
        return max(alpha - 1, 0.0), matrix
    values = matrix.data.astype(np.float64)
    confidence = alpha * values
    confidence[np.isclose(confidence, 1, rtol=1e-6)] = 1  # undo rounding to float32
    if (confidence < 1).any():
        value = values[int(np.argmax(confidence < 1))]
        raise ValueError(
            f"interactions has the value {value:g}, which is a confidence of {alpha * value:g} with alpha={alpha:g}. A "
            f"confidence below 1, that of a pair without interaction, cannot be converted. Call from_implicit without "
            f"interactions: recommendations will be those of the model, but cannot exclude seen items."
        )
    if (values == values[0]).all():
        return float((confidence[0] - 1) / values[0]), matrix
    # A pair with a confidence of exactly 1 must stay an interaction, so its strength must be positive.
    strengths = np.maximum((confidence - 1) / alpha, np.finfo(np.float32).tiny)
    return alpha, sp.csr_array((strengths.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)
