"""Objective, solvers and limiting cases of WRMF."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import scipy.sparse as sp
from scipy.optimize import minimize

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.preprocessing import to_matrix
from sklearn_recsketch.recommenders._als.fold_in import FoldIn


def dense(rec):
    """Strengths and factors of the active users and items, in float64."""
    strengths = rec.interactions_.toarray().astype(np.float64)
    users, items = strengths.sum(axis=1) > 0, strengths.sum(axis=0) > 0
    X, Y = rec.user_factors_[users].astype(np.float64), rec.item_factors_[items].astype(np.float64)
    return strengths[users][:, items], X, Y


def kind_of(rec):
    """Transform of strengths. If alpha is a number, it is the one of the paper."""
    return "linear" if rec.confidence == "auto" else rec.confidence


def scaling_of(rec):
    """Exponent of the penalties. If they are numbers, it is 0."""
    return 0.0 if rec.regularization_scaling == "auto" else rec.regularization_scaling


def side_penalty(rec, name, strengths):
    """Regularization term of one side, summed over embeddings."""
    regularization = getattr(rec, f"{name}_regularization_")
    rows = strengths if name == "user" else strengths.T
    lam = reference.scaled_penalties(rows, rec.alpha_, regularization, scaling_of(rec), kind_of(rec))
    embeddings = getattr(rec, f"{name}_embeddings_")
    active = np.asarray(rec.interactions_.sum(axis=1 if name == "user" else 0)).ravel() > 0
    n = len(active)
    total = reference.penalty(embeddings[:n][active], lam)
    of_features = regularization if rec.feature_regularization is None else rec.feature_regularization
    return total + reference.penalty(embeddings[n:], of_features)


def dense_loss(rec):
    strengths, X, Y = dense(rec)
    loss = reference.pair_loss(strengths, X, Y, rec.alpha, kind_of(rec))
    return loss + side_penalty(rec, "user", strengths) + side_penalty(rec, "item", strengths)


def small(**parameters):
    defaults = {"n_components": 4, "alpha": 3.0, "regularization": 0.5, "max_iter": 4, "random_state": 0}
    return WRMFRecommender(**(defaults | parameters))


# The objective.


@pytest.mark.parametrize("solver", ["cg", "cholesky"])
@pytest.mark.parametrize("featured", ["none", "items", "users", "both"])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"confidence": "log"},
        {"user_regularization": 0.05, "item_regularization": 2.0},
        {"regularization_scaling": 0.5},
        {"regularization_scaling": 1.0, "feature_regularization": 3.0},
        {"alpha": 0.0},
        {"alpha": 200.0},
    ],
    ids=str,
)
def test_loss_curve_is_the_dense_loss(solver, featured, parameters, tiny):
    X, y, item_features, user_features = tiny
    rec = small(solver=solver, **parameters)
    rec.fit(
        X,
        y,
        item_features=item_features if featured in ("items", "both") else None,
        user_features=user_features if featured in ("users", "both") else None,
    )
    # float32 sums over a few hundred pairs: off by 2.1e-5 on machines without fused multiply-add.
    assert rec.loss_curve_[-1] == pytest.approx(dense_loss(rec), rel=5e-5)


@pytest.mark.parametrize("featured", [False, True])
def test_gradient_vanishes_for_the_side_solved_last(featured, tiny):
    X, y, item_features, _ = tiny
    rec = small(solver="cholesky").fit(X, y, item_features=item_features if featured else None)
    strengths, U, V = dense(rec)
    gradient, scale = reference.user_gradient(strengths.T, V, U, 0.0, rec.alpha)
    design, W = np.eye(len(V)), V
    if featured:
        active = np.asarray(rec.interactions_.sum(axis=0)).ravel() > 0
        design = rec.item_encoder_.transform(rec.item_features_).toarray()[active]
        W = rec.item_embeddings_.astype(np.float64)
        cold = np.flatnonzero(~active)
        W[cold] = 0  # their identities are the mean of the others, which is used in predictions only
    gradient = design.T @ gradient + 2 * rec.regularization * W
    # The solver has a relative residual of 1e-6, and vectors are float32.
    assert np.abs(gradient).max() < 2e-5 * scale


@pytest.mark.parametrize("side, featured", [("user", False), ("item", False), ("user", True)])
def test_gradient_vanishes_for_both_sides_after_many_iterations(side, featured, tiny):
    X, y, item_features, _ = tiny
    max_iter = 400 if featured else 1500
    rec = small(solver="cholesky", max_iter=max_iter).fit(X, y, item_features=item_features if featured else None)
    strengths, U, V = dense(rec)
    if side == "item":
        strengths, U, V = strengths.T, V, U
    gradient, scale = reference.user_gradient(strengths, U, V, rec.regularization, rec.alpha)
    assert np.abs(gradient).max() < 1e-3 * scale  # alternation converges linearly, limited by float32


@pytest.mark.parametrize("featured", [False, True])
@pytest.mark.parametrize("alpha", [1.0, 200.0])
def test_exact_solver_never_increases_the_loss(featured, alpha, planted):
    X, y, features = planted
    rec = WRMFRecommender(8, alpha=alpha, regularization=10.0, solver="cholesky", max_iter=25, random_state=0)
    rec.fit(X, y, item_features=features if featured else None)
    assert np.all(np.diff(rec.loss_curve_) <= 1e-6 * rec.loss_curve_[:-1])


@pytest.mark.parametrize("featured", [False, True])
def test_few_steps_of_conjugate_gradient_end_near_the_exact_loss(featured, planted):
    X, _, features = planted
    final = {}
    for solver in ("cg", "cholesky"):
        rec = WRMFRecommender(8, alpha=40.0, regularization=10.0, solver=solver, max_iter=20, random_state=0)
        final[solver] = rec.fit(X, item_features=features if featured else None).loss_curve_[-1]
    # The loss is flat near its minimum: over three seeds, both ended within 1 % of each other.
    assert final["cg"] == pytest.approx(final["cholesky"], rel=0.02)


def objective(z, rec, strengths, n_users):
    K = rec.n_components
    U, V = z[: n_users * K].reshape(-1, K), z[n_users * K :].reshape(-1, K)
    c, p = reference.confidences(strengths, rec.alpha), strengths > 0
    error = p - U @ V.T
    loss = np.sum(c * error**2) + rec.regularization * (np.sum(U**2) + np.sum(V**2))
    gradients = [
        -2 * (c * error) @ V + 2 * rec.regularization * U,
        -2 * (c * error).T @ U + 2 * rec.regularization * V,
    ]
    return loss, np.concatenate([g.ravel() for g in gradients])


@pytest.mark.parametrize("start", ["fitted", "random"])
def test_general_purpose_minimization_agrees(start, tiny):
    X, y, _, _ = tiny
    rec = small(n_components=2, solver="cholesky", max_iter=1500).fit(X, y)
    strengths, U, V = dense(rec)
    fitted = np.concatenate([U.ravel(), V.ravel()])
    # There may be several local minima, so several random starts are tried.
    rng = np.random.default_rng(0)
    starts = [fitted] if start == "fitted" else [rng.standard_normal(len(fitted)) for _ in range(20)]
    options = {"maxiter": 5000, "ftol": 1e-14, "gtol": 1e-9}
    results = [
        minimize(objective, z, (rec, strengths, len(U)), jac=True, method="L-BFGS-B", options=options) for z in starts
    ]
    # Compare with the minimum whose loss is nearest to that of the fit.
    nearest = min(results, key=lambda result: abs(result.fun - rec.loss_curve_[-1]))
    assert nearest.fun == pytest.approx(rec.loss_curve_[-1], rel=1e-5)
    A, B = nearest.x[: U.size].reshape(U.shape), nearest.x[U.size :].reshape(V.shape)
    np.testing.assert_allclose(A @ B.T, U @ V.T, atol=2e-3)  # at a loss within 1e-6, predictions differ by 1e-3


def test_perturbations_never_lower_the_loss_at_convergence(tiny):
    X, y, _, _ = tiny
    rec = small(solver="cholesky", max_iter=1500).fit(X, y)
    strengths, U, V = dense(rec)
    fitted = np.concatenate([U.ravel(), V.ravel()])
    best, _ = objective(fitted, rec, strengths, len(U))
    rng = np.random.default_rng(0)
    for _ in range(50):
        moved, _ = objective(fitted + 1e-2 * rng.standard_normal(len(fitted)), rec, strengths, len(U))
        assert moved > best


# Repetition.


@pytest.mark.parametrize("featured", [False, True])
@pytest.mark.parametrize("solver", ["cg", "cholesky"])
@pytest.mark.parametrize(
    "parameters", [{}, {"alpha": 40.0, "regularization": 10.0}, {"regularization_scaling": 1.0}], ids=str
)
def test_result_is_the_same_for_any_number_of_threads(featured, solver, parameters, planted):
    X, y, features = planted
    factors = []
    for n_jobs in (1, 2, 3):
        rec = WRMFRecommender(6, solver=solver, max_iter=3, random_state=0, n_jobs=n_jobs, **parameters)
        rec.fit(X, y, item_features=features if featured else None)
        factors.append((rec.user_factors_, rec.item_factors_, rec.loss_curve_))
    for other in factors[1:]:
        for a, b in zip(factors[0], other):
            np.testing.assert_array_equal(a, b)


def test_second_fit_forgets_the_first(planted):
    X, y, features = planted
    once = WRMFRecommender(6, max_iter=3, random_state=0).fit(X, y)
    twice = WRMFRecommender(6, max_iter=3, random_state=0).fit(X[:500], item_features=features).fit(X, y)
    np.testing.assert_array_equal(once.user_factors_, twice.user_factors_)
    assert vars(once).keys() == vars(twice).keys()


@pytest.mark.parametrize("featured", [False, True])
def test_warm_start_continues_where_the_last_fit_ended(featured, planted):
    X, y, features = planted
    features = features if featured else None
    rec = WRMFRecommender(6, max_iter=4, solver="cholesky", random_state=0, warm_start=True).fit(
        X, y, item_features=features
    )
    rec.fit(X, y, item_features=features)
    whole = WRMFRecommender(6, max_iter=8, solver="cholesky", random_state=0).fit(X, y, item_features=features)
    # Exact solutions do not depend on the start, except for embeddings of features, whose steps are limited.
    np.testing.assert_allclose(rec.loss_curve_, whole.loss_curve_[4:], rtol=1e-6 if features is None else 1e-5)
    np.testing.assert_allclose(rec.item_factors_, whole.item_factors_, atol=1e-3)


def test_fit_does_not_change_its_input(planted):
    X, y, _ = planted
    before = X.copy(), y.copy()
    small().fit(X, y)
    assert X.equals(before[0])
    np.testing.assert_array_equal(y, before[1])


# Limiting cases.


def test_alpha_zero_is_the_regularized_svd(tiny):
    X, y, _, _ = tiny
    # A bilinear least-squares fit with penalty lam on both sides shrinks the singular values by lam.
    rec = small(alpha=0.0, regularization=0.2, solver="cholesky", max_iter=2000).fit(X, y)
    P = rec.interactions_.toarray() > 0
    U, s, Vt = np.linalg.svd(P.astype(float))
    shrunk = (U[:, :4] * np.maximum(s[:4] - 0.2, 0)) @ Vt[:4]
    np.testing.assert_allclose(rec.user_factors_ @ rec.item_factors_.T, shrunk, atol=1e-3)


def test_strengths_are_summed_over_duplicates(tiny):
    X, _, _, _ = tiny
    doubled = small(max_iter=2).fit(np.vstack([X, X]))
    twos = small(max_iter=2).fit(X, np.full(len(X), 2.0))
    np.testing.assert_array_equal(doubled.user_factors_, twos.user_factors_)


def test_weight_column_multiplies_the_strength(tiny):
    X, y, _, _ = tiny
    weighted = small(max_iter=2).fit(X.assign(weight=3.0), y)
    tripled = small(max_iter=2).fit(X, 3 * y)
    np.testing.assert_array_equal(weighted.user_factors_, tripled.user_factors_)


def test_no_regularization_and_too_many_components_stay_finite(tiny):
    X, y, _, _ = tiny
    rec = small(n_components=30, regularization=0.0, max_iter=20).fit(X, y)
    assert np.isfinite(rec.user_factors_).all()
    assert np.isfinite(rec.loss_curve_).all()


@pytest.mark.parametrize("solver", ["cg", "cholesky"])
@pytest.mark.parametrize("alpha", [1e5, 4e5])
def test_huge_confidence_leaves_finite_factors(solver, alpha, tiny):
    X, y, item_features, _ = tiny
    for features in (None, item_features):
        rec = small(alpha=alpha, solver=solver).fit(X, y, item_features=features)
        assert np.isfinite(rec.user_factors_).all()
        assert np.isfinite(rec.item_factors_).all()
        assert np.isfinite(rec.loss_curve_).all()
        assert np.isfinite(rec.predict(X)).all()


def test_tol_stops_after_an_iteration_with_little_improvement(planted):
    X, y, _ = planted
    rec = WRMFRecommender(6, tol=0.01, max_iter=100, solver="cholesky", random_state=0).fit(X, y)
    relative = -np.diff(rec.loss_curve_) / rec.loss_curve_[:-1]
    assert rec.n_iter_ < 100
    assert relative[-1] < 0.01 <= relative[:-1].min()


# Fold-in.


@pytest.mark.parametrize("parameters", [{}, {"regularization_scaling": 1.0}, {"user_regularization": 3.0}], ids=str)
@pytest.mark.parametrize("featured", [False, True])
def test_fold_in_of_the_training_history_solves_for_all_users(parameters, featured, tiny):
    X, y, _, user_features = tiny
    rec = small(solver="cholesky", **parameters).fit(X, y, user_features=user_features if featured else None)
    strengths, _, V = dense(rec)
    lam = reference.scaled_penalties(strengths, rec.alpha, rec.user_regularization_, scaling_of(rec))
    prior = np.zeros((len(strengths), rec.n_components))
    if featured:  # only the identity embedding is solved for
        design = rec.user_encoder_.transform(rec.user_features_).toarray()[:, len(strengths) :]
        prior = design @ rec.user_embeddings_[len(strengths) :]
    rows = zip(strengths, lam, prior)
    solved = np.array([reference.solve_row(rec.alpha * row, V, penalty, start) for row, penalty, start in rows])
    table = rec.recommend(history=X.assign(y=y), k=len(V), exclude_seen=False)
    scores = table.pivot(index="user", columns="item", values="score").to_numpy()
    np.testing.assert_allclose(scores, solved @ V.T, atol=1e-4)  # float32 vectors, scores up to 1


@pytest.mark.parametrize("name", ["user", "item"])
def test_fold_in_penalizes_rows_as_in_training_with_early_stopping(name, planted):
    X, y, _ = planted
    rec = small(regularization_scaling=1.0, early_stopping=True, validation_fraction=0.4, max_iter=2).fit(X, y)
    trained = rec._trained_on if name == "user" else sp.csr_array(rec._trained_on.T)
    sides = ("user", "item") if name == "user" else ("item", "user")
    active, others = (rec._side(side).entities.active for side in sides)
    lam = reference.scaled_penalties(trained.toarray()[active][:, others], rec.alpha, rec.regularization, 1.0)
    folded = FoldIn(rec, name, rec._side(name).entities, trained[np.flatnonzero(active)])
    np.testing.assert_allclose(folded._shrinkage_of(folded._penalties), lam, rtol=1e-6)  # float32 confidences


def test_fold_in_of_a_converged_model_reproduces_its_factors(tiny):
    X, y, _, _ = tiny
    rec = small(solver="cholesky", max_iter=1500).fit(X, y)
    known = rec.recommend(k=14, exclude_seen=False)
    folded = rec.recommend(k=14, exclude_seen=False, history=X.assign(y=y))
    merged = known.merge(folded, on=["user", "item"])
    np.testing.assert_allclose(merged["score_x"], merged["score_y"], atol=2e-3)  # alternation has not fully converged


# Comparison with implicit.


@pytest.mark.filterwarnings("ignore:OpenBLAS is configured:RuntimeWarning")
def test_implicit_reaches_the_same_loss_from_the_same_start(planted):
    als = pytest.importorskip("implicit.als", reason="implicit is an optional engine")
    X, y, _ = planted
    rec = WRMFRecommender(6, alpha=5.0, regularization=1.0, solver="cholesky", max_iter=1, random_state=0).fit(X, y)
    # implicit expects the confidence itself, 1 + alpha d.
    confidence = sp.csr_matrix(to_matrix(X, y)[0])
    confidence.data = 1 + 5 * confidence.data
    theirs = als.AlternatingLeastSquares(
        factors=6, regularization=1.0, alpha=1.0, iterations=30, use_cg=False, use_gpu=False, dtype=np.float64,
        num_threads=1, random_state=0,
    )  # fmt: skip
    theirs.user_factors = rec.user_factors_.astype(np.float64)
    theirs.item_factors = rec.item_factors_.astype(np.float64)
    theirs.fit(confidence, show_progress=False)
    rec.set_params(warm_start=True, max_iter=30).fit(X, y)
    U, V = theirs.user_factors, theirs.item_factors
    loss = reference.pair_loss(rec.interactions_.toarray().astype(np.float64), U, V, alpha=5.0)
    loss += reference.penalty(U, 1.0) + reference.penalty(V, 1.0)
    assert rec.loss_curve_[-1] == pytest.approx(loss, rel=1e-3)  # float32 against float64, over 30 iterations
