"""Models of implicit."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.conversion._rows import Rows, liked
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
    """A recommender with the factors of a model that was trained with implicit.

    Parameters
    ----------
    model : implicit.cpu.als.AlternatingLeastSquares or implicit.cpu.bpr.BayesianPersonalizedRanking
        Trained. One on a GPU has a method `to_cpu`.
    users, items : array-like of ids
        Ids of the rows of its `user_factors` and `item_factors`.
    interactions : sparse matrix of shape (n_users, n_items), default=None
        What it was trained on: what `recommend` is to leave out, and what `partial_fit`, `explain` and a warm start go
        on from. None means that nothing is known.

    Returns
    -------
    WRMFRecommender or BPRRecommender
        Fitted, with ``engine="native"``. It gives the model's own recommendations.

    Raises
    ------
    TypeError
        For models of other kinds.
    ValueError
        Where the model is not trained, the ids are not those of its rows, or `interactions` holds what there is no
        counterpart of: values below 1 / alpha, which are less confidence than no interaction has, negative ones
        among them.

    Notes
    -----
    ALS of implicit has the confidence A d, A being its alpha, ours 1 + alpha d. If all values are equal, strengths are
    these values, and alpha is A - 1 / d: A - 1 for likes, which is what more likes are to be given to `partial_fit`
    with. If they differ, alpha is A and strengths are d - 1 / A, and so must be those given later. Without
    `interactions` alpha is A - 1. The regularization of ALS is ours.

    BPR of implicit takes all interactions alike: strengths are 1. Its regularization, which shrinks the rows that a
    step touches, is translated for the mean row if `interactions` are given; else ours is the default. Its learning
    rate is constant: see :class:`BPRRecommender`. Factors are kept in float32.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> from sklearn_recsketch.conversion import from_implicit
    >>> from implicit.cpu.als import AlternatingLeastSquares  # doctest: +SKIP
    >>> likes = sp.random(50, 20, 0.2, format="csr", dtype=np.float32, random_state=0)
    >>> likes.data[:] = 1
    >>> model = AlternatingLeastSquares(factors=8, alpha=40.0)  # doctest: +SKIP
    >>> model.fit(likes, show_progress=False)  # doctest: +SKIP
    >>> rec = from_implicit(model, np.arange(50), list("abcdefghijklmnopqrst"), interactions=likes)  # doctest: +SKIP
    >>> table = rec.recommend(users=[3], k=5)  # doctest: +SKIP
    """
    als, bpr = _classes()
    if not isinstance(model, als | bpr):
        raise TypeError(
            f"from_implicit takes AlternatingLeastSquares or BayesianPersonalizedRanking of implicit.cpu, got "
            f"{type(model).__module__}.{type(model).__name__}. Models on a GPU have a method to_cpu()."
        )
    if model.user_factors is None or model.item_factors is None:
        raise ValueError("The model has no factors: call its fit first.")
    of_users = Rows.of(users, len(model.user_factors), "user")
    of_items = Rows.of(items, len(model.item_factors), "item")
    x, y = model.user_factors[of_users.order], model.item_factors[of_items.order]
    matrix = liked(interactions, of_users, of_items)
    if isinstance(model, bpr):  # the last component of items is the bias, that of users 1
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
        return fit_from_factors(
            ranker, of_users.ids, of_items.ids, x[:, :-1], y[:, :-1], matrix, states, model.iterations
        )
    alpha, strengths = _confidence(matrix, float(model.alpha))
    factorization = WRMFRecommender(
        model.factors,
        alpha=alpha,
        regularization=model.regularization,
        solver="cg" if model.use_cg else "cholesky",
        max_iter=model.iterations,
    )
    return fit_from_factors(factorization, of_users.ids, of_items.ids, x, y, strengths, n_iter=model.iterations)


def to_implicit(estimator: Any) -> Any:
    """A model of implicit with the vectors of a fitted recommender.

    Parameters
    ----------
    estimator : WRMFRecommender, WARPRecommender or BPRRecommender, or a search or Pipeline around one
        Fitted.

    Returns
    -------
    implicit.cpu.als.AlternatingLeastSquares or implicit.cpu.bpr.BayesianPersonalizedRanking
        The first for WRMF, the second, whose last component is the bias, for WARP and BPR. Its rows are those of
        `users_` and `items_`. It gives the recommender's own recommendations where its method `recommend` gets
        ``scipy.sparse.csr_matrix(recommender.interactions_[rows])``.

    Warns
    -----
    UserWarning
        Where users and items of WRMF are regularized differently, or by frequency: implicit's `recalculate_user` and
        `recalculate_item` have one regularization, and get that of users.

    Notes
    -----
    `recalculate_user` takes confidences: ``1 + alpha_ * t(d)`` at alpha=1, which is what the model has. The
    regularization of WARP and BPR has no counterpart there: that of the model is 0.

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
                f"Rows are regularized differently (users {users:g}, items {items:g}, regularization_scaling="
                f"{scaling!r}), but implicit has one regularization: it is {users:g}, "
                f"which matters to recalculate_user and recalculate_item alone.",
                stacklevel=2,
            )
        with workers(1):  # implicit warns where BLAS has more threads
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
    """Our alpha, and the strengths at which 1 + alpha d is the confidence that implicit had."""
    if matrix is None or not matrix.nnz:
        return max(alpha - 1, 0.0), matrix
    values = matrix.data.astype(np.float64)
    confidence = alpha * values
    confidence[np.isclose(confidence, 1, rtol=1e-6)] = 1  # as float32 may have rounded it
    if (confidence < 1).any():
        value = values[int(np.argmax(confidence < 1))]
        raise ValueError(
            f"interactions has the value {value:g}, a confidence of {alpha * value:g} at alpha={alpha:g}. Less than 1, "
            f"the confidence of pairs without interaction, has no counterpart. Leave interactions out: "
            f"recommendations are the model's own without them, but nothing is known as seen."
        )
    if (values == values[0]).all():
        return float((confidence[0] - 1) / values[0]), matrix
    # A confidence of exactly 1 is an interaction, too.
    strengths = np.maximum((confidence - 1) / alpha, np.finfo(np.float32).tiny)
    return alpha, sp.csr_array((strengths.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)
