"""Side features in training: exact solutions, ridge steps, and uninformative features."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import scipy.sparse as sp
from estimators import PAIRWISE, WITH_FACTORS

from sklearn_recsketch import BPRRecommender, SideFeatureEncoder, SideFeatures, WARPRecommender, WRMFRecommender
from sklearn_recsketch._linalg.feature_matrix import FeatureMatrix, ridge_step
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.kernels import _sparse
from sklearn_recsketch.kernels._jit import read_only, rows_of
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.utils._threads import Workers

ALONE = Workers(None, 1)
FACTORS = pytest.mark.parametrize("recommender", WITH_FACTORS)
ENCODERS = {
    "defaults": SideFeatureEncoder(),
    "weights": SideFeatureEncoder(feature_weight=2.0, identity_weight=0.5),
    "raw": SideFeatureEncoder(norm=None, idf=False),
    "no identity": SideFeatureEncoder(identity=False),
}


def dense_solution(rec, lam_identities, lam_features):
    """Embeddings of items that minimize the objective with the users fixed, from one linear system."""
    active = np.asarray(rec.interactions_.sum(axis=0)).ravel() > 0
    F = rec.item_encoder_.transform(rec.item_features_).toarray().astype(np.float64)[active]
    n_identity = len(rec.items_) if rec.item_encoder_.identity else 0
    strengths = rec.interactions_.toarray().astype(np.float64)
    X = rec.user_factors_.astype(np.float64)[strengths.sum(axis=1) > 0]
    c = reference.confidences(strengths[strengths.sum(axis=1) > 0][:, active], rec.alpha)
    K = X.shape[1]
    A, b = np.zeros((F.shape[1] * K,) * 2), np.zeros(F.shape[1] * K)
    for f, confidence, preference in zip(F, c.T, (c > 1).T):
        A += np.kron(np.outer(f, f), X.T @ (confidence[:, None] * X))
        b += np.kron(f, X.T @ (confidence * preference))
    lam = np.full(F.shape[1], lam_features)
    lam[:n_identity] = lam_identities
    return np.linalg.solve(A + np.diag(np.repeat(lam, K)), b).reshape(-1, K), active


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.parametrize("feature_regularization", [None, 4.0])
def test_exact_half_iteration_is_the_dense_ridge_solution(encoder, feature_regularization, tiny):
    X, y, tags, _ = tiny
    rec = WRMFRecommender(
        3, alpha=3.0, regularization=0.5, feature_regularization=feature_regularization, solver="cholesky",
        max_iter=3, item_encoder=encoder, random_state=0,
    ).fit(X, y, item_features=tags)  # fmt: skip
    expected, active = dense_solution(rec, 0.5, 0.5 if feature_regularization is None else feature_regularization)
    found = rec.item_embeddings_.astype(np.float64)
    if rec.item_encoder_.identity:  # cold items get the mean, and are not part of the objective
        keep = np.append(active, np.ones(len(found) - len(active), dtype=bool))
        found, expected = found[keep], expected[keep]
    # A relative residual of 1e-6 and float32 embeddings, in a system of condition up to 1e3.
    np.testing.assert_allclose(found, expected, atol=3e-4)


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.slow
def test_alternation_stays_at_the_exact_solution(encoder, tiny):
    X, y, tags, _ = tiny
    rec = WRMFRecommender(
        2, alpha=3.0, regularization=0.5, solver="cholesky", max_iter=2000, item_encoder=encoder, random_state=0
    ).fit(X, y, item_features=tags)
    exact, vectors = rec.loss_curve_[-1], rec.item_factors_
    rec.set_params(solver="auto", max_iter=50, warm_start=True).fit(X, y, item_features=tags)
    # Rows may stop 3e-5 above their minimal loss.
    assert rec.loss_curve_[-1] == pytest.approx(exact, rel=1e-4)
    np.testing.assert_allclose(rec.item_factors_, vectors, atol=2e-2)


def test_alternation_never_increases_the_loss(planted):
    X, y, tags = planted
    rec = WRMFRecommender(8, max_iter=25, random_state=0).fit(X, y, item_features=tags)
    # Each step lowers L, up to the rounding of float32 sums.
    assert np.all(np.diff(rec.loss_curve_) <= 1e-5 * rec.loss_curve_[:-1])


@pytest.mark.parametrize("solver", ["auto", "cholesky"])
def test_transposed_problem_has_the_same_solution(solver, tiny):
    X, y, tags, _ = tiny
    options = {"alpha": 3.0, "regularization": 2.0, "max_iter": 500, "solver": solver}
    transposed = X[["item", "user"]].to_numpy()
    # One component has several local minima, so the best of some starting points is compared.
    fits = [WRMFRecommender(1, random_state=n, **options).fit(X, y, item_features=tags) for n in range(4)]
    swaps = [WRMFRecommender(1, random_state=n, **options).fit(transposed, y, user_features=tags) for n in range(4)]
    rec, swapped = (min(models, key=lambda model: model.loss_curve_[-1]) for models in (fits, swaps))
    assert swapped.loss_curve_[-1] == pytest.approx(rec.loss_curve_[-1], rel=1e-4)
    # At a loss within 1e-5 of the common minimum, predictions differ by 1e-2.
    scores = rec.user_factors_ @ rec.item_factors_.T
    np.testing.assert_allclose(swapped.item_factors_ @ swapped.user_factors_.T, scores, atol=2e-2)


@FACTORS
def test_features_of_weight_zero_give_the_model_without_features(recommender, planted):
    X, y, tags = planted
    present = tags.align(np.unique(X["item"]), "item")
    plain = recommender(6, max_iter=4, random_state=0).fit(X, y)
    unweighted = recommender(6, max_iter=4, item_encoder=SideFeatureEncoder(feature_weight=0), random_state=0)
    unweighted.fit(X, y, item_features=present)
    # The same steps, except for the rounding of sums.
    np.testing.assert_allclose(unweighted.item_factors_, plain.item_factors_, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("solver", ["auto", "cholesky"])
def test_features_of_weight_zero_give_identical_factors_in_wrmf(solver, planted):
    X, y, tags = planted
    present = tags.align(np.unique(X["item"]), "item")
    plain = WRMFRecommender(6, solver=solver, max_iter=4, random_state=0).fit(X, y)
    unweighted = WRMFRecommender(
        6, solver=solver, max_iter=4, item_encoder=SideFeatureEncoder(feature_weight=0), random_state=0
    ).fit(X, y, item_features=present)
    np.testing.assert_array_equal(unweighted.item_factors_, plain.item_factors_)


@pytest.mark.parametrize("recommender, bound", [(WRMFRecommender, 1.2), (BPRRecommender, 1.02), (WARPRecommender, 1.0)])
def test_tags_of_items_with_few_interactions_help(recommender, bound):
    X, _, tags = make_interactions(600, 250, n_tags=30, popularity_exponent=0.2, return_features=True, random_state=0)
    options = {"alpha": 10.0} if recommender is WRMFRecommender else {}
    ratios = []
    for seed in range(3):
        X = X.iloc[np.random.default_rng(seed).permutation(len(X))]
        kept = (X.groupby("item").cumcount() < 6).to_numpy()
        precision = []
        for features in (None, tags):
            rec = recommender(8, max_iter=30, random_state=seed, **options).fit(X[kept], item_features=features)
            table = rec.recommend(k=20, candidates=np.unique(X["item"][kept]))
            precision.append(len(table.merge(X[~kept], on=["user", "item"])) / len(table))
        ratios.append(precision[1] / precision[0])
    # The ratios on two such data sets were 1.35 to 1.44, 1.04 to 1.16 and 1.01 to 1.10.
    assert np.mean(ratios) > bound


@FACTORS
def test_training_with_many_tags_per_item_does_not_diverge(recommender):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 60, 800), rng.integers(0, 40, 800)])
    tags = SideFeatures.from_dicts({i: {"tag": [f"t{t}" for t in range(200)]} for i in range(40)})
    encoder = SideFeatureEncoder(norm=None, idf=False, feature_weight=3.0)
    rec = recommender(4, max_iter=10, item_encoder=encoder, random_state=0)
    rec.fit(X, item_features=tags)
    assert not rec.diverged_
    assert np.isfinite(rec.item_factors_).all()


# Steps towards a ridge regression.


def ridge_case(seed, per_row):
    rng = np.random.default_rng(seed)
    F = sp.csr_array((rng.random((40, 9)) * (rng.random((40, 9)) < 0.4)).astype(np.float32))
    weights = rng.uniform(0.5, 2.0, 40 if per_row else 1)
    penalty = rng.uniform(0.5, 2.0, 9).astype(np.float32)
    return rng, F, weights, penalty, rng.standard_normal((40, 3)).astype(np.float32)


def ridge_loss(F, weights, penalty, target, W):
    residual = target - F @ W
    return np.sum(weights[:, None] * residual**2) + np.sum(penalty[:, None] * W**2)


@pytest.mark.parametrize("per_row", [False, True])
def test_ridge_step_returns_the_change_of_the_loss(per_row, seed):
    rng, F, weights, penalty, target = ridge_case(seed, per_row)
    features = FeatureMatrix(F, weights)
    W = rng.standard_normal((9, 3)).astype(np.float32)
    new, loss = ridge_step(features, penalty, features.normal_diagonal(penalty, ALONE), target - F @ W, W, ALONE)
    before = np.sum(weights[:, None] * (target - F @ W) ** 2)
    assert before + loss == pytest.approx(ridge_loss(F, weights, penalty, target, new), rel=1e-4)  # float32 sums
    assert ridge_loss(F, weights, penalty, target, new) < ridge_loss(F, weights, penalty, target, W)


@pytest.mark.parametrize("per_row", [False, True])
def test_ridge_step_has_the_optimal_length(per_row, seed):
    rng, F, weights, penalty, target = ridge_case(seed, per_row)
    features = FeatureMatrix(F, weights)
    W = rng.standard_normal((9, 3)).astype(np.float32)
    new, _ = ridge_step(features, penalty, features.normal_diagonal(penalty, ALONE), target - F @ W, W, ALONE)
    best = ridge_loss(F, weights, penalty, target, new)
    for factor in (0.9, 1.1):
        assert ridge_loss(F, weights, penalty, target, W + np.float32(factor) * (new - W)) > best


def test_ridge_steps_converge_to_the_ridge_solution(seed):
    _, F, weights, penalty, target = ridge_case(seed, per_row=True)
    features = FeatureMatrix(F, weights)
    diagonal = features.normal_diagonal(penalty, ALONE)
    W = np.zeros((9, 3), np.float32)
    for _ in range(200):
        W, _ = ridge_step(features, penalty, diagonal, target - F @ W, W, ALONE)
    dense = F.toarray().astype(np.float64)
    expected = np.linalg.solve(
        dense.T @ (weights[:, None] * dense) + np.diag(penalty), dense.T @ (weights[:, None] * target)
    )
    np.testing.assert_allclose(W, expected, atol=1e-4)  # float32 residuals


def test_ridge_step_from_zero_equals_the_reference(seed):
    _, F, _, _, target = ridge_case(seed, per_row=False)
    features, ones = FeatureMatrix(F), np.ones(9, np.float32)
    step, _ = ridge_step(
        features, ones, features.normal_diagonal(ones, ALONE), target, np.zeros((9, 3), np.float32), ALONE
    )
    np.testing.assert_allclose(step, reference.ridge_step(F.toarray(), target, 1.0), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kernel", [_sparse.product_square, _sparse.product_square.py_func])
def test_product_square_is_the_weighted_square_of_the_product(kernel, seed):
    rng, F, weights, _, _ = ridge_case(seed, per_row=True)
    W = rng.standard_normal((9, 3)).astype(np.float32)
    found = kernel(0, 40, rows_of(F), read_only(W), read_only(weights.astype(np.float32)))
    assert found == pytest.approx(np.sum(weights[:, None] * (F @ W) ** 2), rel=1e-5)


@pytest.mark.parametrize("kernel", [_sparse.precondition, _sparse.precondition.py_func])
def test_precondition_divides_and_sums(kernel, seed):
    rng = np.random.default_rng(seed)
    gradient, W = (rng.standard_normal((9, 3)).astype(np.float32) for _ in range(2))
    lam, diagonal = (rng.uniform(0.5, 2.0, 9).astype(np.float32) for _ in range(2))
    r = gradient - lam[:, None] * W
    z = r / diagonal[:, None]
    sums = kernel(0, 9, gradient, read_only(W), read_only(lam), read_only(diagonal))
    np.testing.assert_allclose(gradient, z, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        sums, [np.sum(r * z), np.sum(lam[:, None] * z**2), np.sum(lam[:, None] * W**2)], rtol=1e-5
    )


@pytest.mark.parametrize("kernel", [_sparse.left_out_fit, _sparse.left_out_fit.py_func])
def test_left_out_fit_leaves_out_the_row_itself(kernel, seed):
    _, F, _, _, target = ridge_case(seed, per_row=False)
    features = FeatureMatrix(F)
    diagonal = features.normal_diagonal(np.ones(9), ALONE)
    dense = (F.T @ target / diagonal[:, None]).astype(np.float32)
    leverage = features.leverage(diagonal)
    arguments = [read_only(array) for array in (dense, leverage, target)]
    square, along, of_fit, of_target = kernel(0, 40, rows_of(F), *arguments)
    assert square == pytest.approx(np.sum((F @ dense) ** 2), rel=1e-4)
    expected = reference.left_out_correlation(F.toarray().astype(np.float64), target.astype(np.float64), 1.0)
    assert along / np.sqrt(of_fit * of_target) == pytest.approx(expected, abs=1e-4)  # float32 sums


def relevance(X, tags, monkeypatch):
    """Relevance of the tags in WARP after a few epochs."""
    trainers = []
    create = WARPRecommender._trainer
    monkeypatch.setattr(WARPRecommender, "_trainer", lambda *args: trainers.append(create(*args)) or trainers[-1])
    WARPRecommender(8, max_iter=5, random_state=0).fit(X, item_features=tags)
    monkeypatch.undo()
    return trainers[0]._epochs.items._relevance


def test_tags_of_other_items_are_hardly_relevant(planted, monkeypatch):
    X, _, tags = planted
    order = np.random.default_rng(0).permutation(len(tags.ids))
    others = SideFeatures(tags.ids, tags.keys, tags.values, sp.csr_array(tags.matrix[order]))
    # By chance, the correlation of 120 rows and 9 columns is about .05.
    assert relevance(X, tags, monkeypatch) > 0.15 > relevance(X, others, monkeypatch)


@pytest.fixture(scope="module")
def with_tags():
    """Training and test rows of 1,000 users and 500 items, and the tags of the items."""
    X, _, tags = make_interactions(1000, 500, return_features=True, random_state=0)
    test = np.random.RandomState(0).random_sample(len(X)) < 0.2
    return X[~test], X[test], tags


@pytest.mark.parametrize("recommender", WITH_FACTORS)
def test_planted_tags_help_and_shuffled_tags_hardly_hurt(recommender, with_tags):
    train, test, tags = with_tags
    order = np.random.RandomState(1).permutation(len(tags.ids))
    others = SideFeatures(tags.ids, tags.keys, tags.values, sp.csr_array(tags.matrix[order]))
    scorer = make_ranking_scorer("ndcg@20")
    without, planted, shuffled = (
        scorer(recommender(n_components=32, random_state=0).fit(train, item_features=features), test)
        for features in (None, tags, others)
    )
    # Another seed of the model changes nDCG by about 1 %.
    assert planted > 1.02 * without
    assert shuffled > 0.97 * without


@pytest.mark.parametrize("recommender", PAIRWISE)
@pytest.mark.parametrize("options", [{"feature_weight": 10.0}, {"norm": None}, {"identity_weight": 0.1}], ids=str)
def test_heavy_features_keep_vectors_within_bounds(recommender, options, planted):
    X, _, tags = planted
    plain = recommender(8, max_iter=10, random_state=0).fit(X)
    heavy = recommender(8, max_iter=10, item_encoder=SideFeatureEncoder(**options), random_state=0)
    heavy.fit(X, item_features=tags)
    largest = [np.linalg.norm(rec.item_factors_, axis=1).max() for rec in (plain, heavy)]
    # Without a bound on the features' share of the movement, the ratio was above 20.
    assert largest[1] < 6 * largest[0]
