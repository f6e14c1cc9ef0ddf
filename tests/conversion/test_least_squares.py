"""Test that one iteration of WRMF, with converted parameters, equals one of ALS in other libraries.

As in `WRMFRecommender`, d are strengths, c confidences and p preferences; n is the number of positives of a row.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import reference
import scipy.sparse as sp
from sparse_matrices import legacy_csr
from threadpoolctl import threadpool_limits

from sklearn_recsketch import SideFeatureEncoder, WRMFRecommender
from sklearn_recsketch.recommenders._wrmf import INITIAL_SCALE

pytestmark = pytest.mark.engines
K = 4
# With exact solvers in float32, components up to 5 differed by up to 1.1e-4 after five iterations.
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.fixture(scope="module")
def case(tiny):
    """The rows of `tiny`, their strengths as a matrix, and its shape."""
    X, y, tags, _ = tiny
    matrix = WRMFRecommender(1, max_iter=1).fit(X, y).interactions_
    counts, binary, confidence = (legacy_csr(matrix.copy()) for _ in range(3))
    binary.data[:] = 1
    confidence.data = 1 + 3 * confidence.data
    return SimpleNamespace(
        X=X, y=y, tags=tags, counts=counts, binary=binary, confidence=confidence, d=matrix.toarray().astype(float),
        n_users=matrix.shape[0], n_items=matrix.shape[1], n_pairs=matrix.nnz,
        start=np.random.RandomState(0).standard_normal((matrix.shape[1], K)).astype(np.float32) / 10,
    )  # fmt: skip


def swept(items, X, y=None, n_sweeps=1, item_features=None, **parameters):
    """WRMF after `n_sweeps` exact iterations, each over users and then over items, from these item vectors."""
    rec = WRMFRecommender(items.shape[1], solver="cholesky", max_iter=1, warm_start=True, **parameters)
    rec.fit(X, y, item_features=item_features).item_embeddings_ = items.astype(np.float32)
    return rec.set_params(max_iter=n_sweeps).fit(X, y, item_features=item_features)


def assert_same(rec, users, items):
    np.testing.assert_allclose(rec.user_factors_, users, **CLOSE)
    np.testing.assert_allclose(rec.item_factors_, items, **CLOSE)


def solved(excess, others, lam):
    """Solve the normal equations of each row of excess confidences exactly."""
    others = np.asarray(others, dtype=np.float64)
    return np.array([reference.solve_row(e, others, one) for e, one in zip(excess, np.broadcast_to(lam, len(excess)))])


# implicit 0.7.3.


def implicit_als(matrix, start, n_sweeps, **options):
    """ALS model of implicit, trained with the exact solver, and its losses."""
    als = pytest.importorskip("implicit.cpu.als", reason="implicit is not installed")
    with threadpool_limits(1, "blas"):  # as implicit recommends
        model = als.AlternatingLeastSquares(
            K, use_cg=False, iterations=n_sweeps, num_threads=1, calculate_training_loss=True, **options
        )
        model.item_factors = None if start is None else start.copy()
        model.losses = []
        model.fit(matrix, show_progress=False, callback=lambda epoch, seconds, loss: model.losses.append(loss))
    return model


@pytest.fixture(scope="module")
def both_implicit(case):
    """ALS of implicit with c = 1 + 3 d, and WRMF with alpha=3, each after fifty iterations from the same factors."""
    theirs = implicit_als(case.confidence, case.start, 50, regularization=0.5)
    return theirs, swept(case.start, case.X, case.y, 50, alpha=3.0, regularization=0.5)


def test_implicit_takes_the_confidence(case):
    """The matrix for implicit is 1 + alpha d, with the alpha of implicit equal to 1."""
    theirs = implicit_als(case.confidence, case.start, 5, regularization=0.5)
    ours = swept(case.start, case.X, case.y, 5, alpha=3.0, regularization=0.5)
    assert_same(ours, theirs.user_factors, theirs.item_factors)


def test_implicit_takes_the_numbers_that_were_computed(case):
    """The matrix for implicit is 1 + alpha_ t(d). As both sides have the same penalty, the vectors are rescaled."""
    rec = WRMFRecommender(K, max_iter=1).fit(case.X, case.y)
    penalties = rec.user_regularization_, rec.item_regularization_
    lam = np.sqrt(np.prod(penalties))
    confidence = case.counts.copy()
    confidence.data = 1 + rec.alpha_ * (1 + np.log(case.counts.data / rec.strength_scale_))
    theirs = implicit_als(confidence, case.start, 5, regularization=lam)
    user_scale, item_scale = np.sqrt(lam / penalties)
    ours = swept(item_scale * case.start, case.X, case.y, 5, regularization_scaling=0)
    assert_same(ours, user_scale * theirs.user_factors, item_scale * theirs.item_factors)


def test_penalties_by_popularity_have_no_counterpart_in_implicit(case):
    """The penalty of an item is proportional to the square root of its total strength."""
    ours = swept(case.start, case.X, case.y)
    excess = ours.alpha_ * reference.transformed(case.d, "scaled_log", ours.strength_scale_)
    lam = reference.popularity_penalties(case.d.T, ours.item_regularization_, "scaled_log", ours.strength_scale_)
    np.testing.assert_allclose(ours.item_factors_, solved(excess.T, ours.user_factors_, lam), **CLOSE)
    assert lam.max() > 1.5 * lam.min()


def test_implicit_and_ours_end_at_the_same_loss(case, both_implicit):
    theirs, ours = both_implicit
    factors = ((theirs.user_factors, theirs.item_factors), (ours.user_factors_, ours.item_factors_))
    losses = [
        reference.pair_loss(case.d, users, items, 3.0) + reference.penalty(users, 0.5) + reference.penalty(items, 0.5)
        for users, items in factors
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)  # float32 vectors after fifty iterations
    assert losses[1] == pytest.approx(ours.loss_curve_[-1], rel=2e-5)


def test_implicits_items_solve_our_normal_equations(case, both_implicit):
    theirs, _ = both_implicit
    np.testing.assert_allclose(theirs.item_factors, solved(3 * case.d.T, theirs.user_factors, 0.5), **CLOSE)


def test_implicits_alpha_on_likes_is_ours_plus_one(case):
    """The confidence of implicit is c = alpha d."""
    theirs = implicit_als(case.binary, case.start, 5, alpha=10.0, regularization=0.5)
    ours = swept(case.start, case.X, None, 5, alpha=9.0, regularization=0.5)
    assert_same(ours, theirs.user_factors, theirs.item_factors)


def test_implicits_alpha_on_counts_multiplies_them(case):
    """The confidence of implicit, c = alpha d, equals 1 + (alpha d - 1)."""
    theirs = implicit_als(case.counts, case.start, 5, alpha=10.0, regularization=0.5)
    ours = swept(case.start, case.X, 10 * case.y - 1, 5, alpha=1.0, regularization=0.5)
    assert_same(ours, theirs.user_factors, theirs.item_factors)


def test_implicits_default_alpha_gives_likes_no_weight(case):
    theirs = implicit_als(case.binary, case.start, 5, regularization=0.5)
    ours = swept(case.start, case.X, None, 5, alpha=0.0, regularization=0.5)
    assert_same(ours, theirs.user_factors, theirs.item_factors)


def test_implicits_loss_is_ours_over_the_sum_of_confidences(case, both_implicit):
    theirs, ours = both_implicit
    total = reference.confidences(case.d, 3.0).sum()
    np.testing.assert_allclose(theirs.losses, ours.loss_curve_ / total, rtol=2e-5)  # float32 sums


def test_implicit_leaves_out_stored_zeros_and_knows_dislikes(case):
    """In implicit, a stored 0 has c = 0, and a negative value d has p = 0 and c = |alpha d|."""
    model = implicit_als(case.binary, case.start, 1, alpha=2.0, regularization=0.5)
    row = sp.csr_matrix(([3.0, 0.0, -2.0], [0, 1, 2], [0, 3]), shape=(1, case.n_items), dtype=np.float32)
    c, p = np.ones(case.n_items), np.zeros(case.n_items)
    c[:3], p[0] = (6, 0, 4), 1
    items = model.item_factors.astype(np.float64)
    expected = np.linalg.solve(items.T @ (c[:, None] * items) + 0.5 * np.eye(K), items.T @ (c * p))
    np.testing.assert_allclose(model.recalculate_user(0, row), expected, **CLOSE)


def test_implicit_starts_from_small_positive_vectors(case):
    """The initial factors of implicit are uniform between 0 and 0.01."""
    model = implicit_als(case.binary, None, 0, random_state=0)
    assert 0 <= model.item_factors.min() < 0.001 < 0.009 < model.item_factors.max() < 0.01


# irspack 0.5.


def irspack_trainer(matrix, **options):
    """The trainer of irspack with the exact solver, and a function that runs epochs and returns the factors."""
    ials = pytest.importorskip("irspack.recommenders.ials", reason="irspack is not installed")
    trainer = ials.IALSRecommender(matrix, solver_type="CHOLESKY", n_threads=1, **options)._create_trainer()

    def run(epochs):
        for _ in range(epochs):
            trainer.run_epoch()
        return np.array(trainer.core_trainer.user), np.array(trainer.core_trainer.item)

    return trainer.core_trainer, run


def irspacks_penalties(case, reg, nu, alpha0):
    """Penalties of WRMF equal to those of ``loss_type="ORIGINAL"`` on binary interactions."""
    users, items = case.n_users, case.n_items
    return {
        "user_regularization": reg / alpha0 * (case.n_pairs / users + alpha0 * items) ** nu,
        "item_regularization": reg / alpha0 * (case.n_pairs / items + alpha0 * users) ** nu,
        "regularization_scaling": nu,
    }


@pytest.mark.parametrize("nu", [0.0, 0.5, 1.0])
def test_irspacks_original_loss_is_ours_times_alpha0(case, nu):
    """For binary interactions, alpha is 1 / alpha0 and regularization_scaling is nu."""
    trainer, run = irspack_trainer(case.binary, n_components=K, alpha0=0.3, reg=0.02, nu=nu, loss_type="ORIGINAL")
    start = np.array(trainer.item)
    ours = swept(start, case.X, None, 5, alpha=1 / 0.3, **irspacks_penalties(case, 0.02, nu, 0.3))
    assert_same(ours, *run(5))


@pytest.mark.parametrize("nu", [0.0, 0.5, 1.0])
def test_irspacks_default_loss_on_likes_is_ours_with_shorter_vectors(case, nu):
    """WRMF has the penalties of irspack times 1 + alpha0, and its vectors times the square root of 1 + alpha0."""
    trainer, run = irspack_trainer(case.binary, n_components=K, alpha0=0.3, reg=0.02, nu=nu)
    start, scale = np.array(trainer.item), np.sqrt(1.3)
    penalties = irspacks_penalties(case, 1.3 * 0.02, nu, 0.3)
    ours = swept(scale * start, case.X, None, 5, alpha=1 / 0.3, **penalties)
    users, items = run(5)
    assert_same(ours, scale * users, scale * items)


def test_irspacks_original_loss_weighs_counts_as_ours(case):
    """The confidence is c = 1 + d / alpha0. The penalty depends on the number of positives unless nu=0."""
    trainer, run = irspack_trainer(case.counts, n_components=K, alpha0=0.3, reg=0.02, nu=0, loss_type="ORIGINAL")
    start = np.array(trainer.item)
    assert_same(swept(start, case.X, case.y, 5, alpha=1 / 0.3, regularization=0.02 / 0.3), *run(5))


def test_irspacks_default_loss_aims_below_one_on_counts(case):
    """Items minimize the loss with c = alpha0 + d, p = d / (alpha0 + d) and the penalty reg (n + alpha0 n_users)."""
    _, run = irspack_trainer(case.counts, n_components=K, alpha0=0.3, reg=0.02, nu=1)
    users, items = (vectors.astype(np.float64) for vectors in run(5))
    lam = 0.02 * ((case.d > 0).sum(axis=0) + 0.3 * case.n_users)
    expected = [
        np.linalg.solve(users.T @ ((0.3 + d)[:, None] * users) + one * np.eye(K), users.T @ d)
        for d, one in zip(case.d.T, lam)
    ]
    np.testing.assert_allclose(items, expected, **CLOSE)


def test_irspacks_logarithm_is_ours_of_strengths_over_epsilon(case):
    trainer, run = irspack_trainer(
        case.counts, n_components=K, alpha0=0.3, reg=0.02, nu=0, loss_type="ORIGINAL", confidence_scaling="log",
        epsilon=0.5,
    )  # fmt: skip
    ours = {"alpha": 1 / 0.3, "confidence": "log", "regularization": 0.02 / 0.3}
    assert_same(swept(np.array(trainer.item), case.X, case.y / 0.5, 5, **ours), *run(5))


@pytest.mark.parametrize("nu", [0.0, 1.0])
def test_irspacks_features_are_ours_beside_an_identity(case, nu):
    """feature_regularization = lambda_item_feature / alpha0 for unscaled features (idf=False, norm=None)."""
    encoder = SideFeatureEncoder(idf=False, norm=None)
    features = encoder.fit_transform(case.tags).toarray()[:, case.n_items :]
    trainer, run = irspack_trainer(
        case.binary, n_components=K, alpha0=0.3, reg=0.2, nu=nu, loss_type="ORIGINAL", item_features=features,
        lambda_item_feature=0.4,
    )  # fmt: skip
    users, items = run(3000)  # until convergence, because the libraries alternate between parameters differently
    weights = np.array(trainer.item_feature_weight)
    ours = swept(
        np.vstack([items - features @ weights, weights]), case.X, item_features=case.tags, item_encoder=encoder,
        alpha=1 / 0.3, feature_regularization=0.4 / 0.3, **irspacks_penalties(case, 0.2, nu, 0.3),
    )  # fmt: skip
    assert_same(ours, users, items)
    np.testing.assert_allclose(ours.item_embeddings_[case.n_items :], weights, **CLOSE)


def test_irspack_starts_as_we_do():
    """Initial components have the standard deviation init_std / sqrt(n_components), with init_std=0.1 by default."""
    trainer, _ = irspack_trainer(sp.csr_matrix(np.ones((4, 400), dtype=np.float32)), n_components=16, alpha0=1.0)
    # The tolerance is five standard errors for 6,400 values.
    assert np.array(trainer.item).std() == pytest.approx(INITIAL_SCALE / 4, rel=0.05)


# cmfrec 3.5.


def cmfrec_vectors(matrix, n_sweeps, side=None, **options):
    """Vectors of users, items and, if any, user features, computed by cmfrec with the exact solver in float64."""
    cmfrec = pytest.importorskip("cmfrec", reason="cmfrec, a source distribution, is not installed")
    exact = {"use_cg": False, "use_float": False, "center_U": False, "nthreads": 1}
    model = cmfrec.CMF_implicit(K, niter=n_sweeps, **exact, **options)
    model.fit(matrix.astype(np.float64).tocoo(), U=side)
    return model.A_, model.B_, model.C_


def assert_cmfrec_is(matrix, X, y, ours, **options):
    """Check that WRMF, from the items of cmfrec, computes the users of cmfrec and then its next items."""
    # An iteration of cmfrec updates the items first.
    users, items, _ = cmfrec_vectors(matrix, 3, **options)
    assert_same(swept(items, X, y, **ours), users, cmfrec_vectors(matrix, 4, **options)[1])


def test_cmfrecs_alpha_and_lambda_are_ours(case):
    """c = 1 + alpha d. The third and fourth entries of lambda_ are the penalties of users and items."""
    ours = {"alpha": 3.0, "user_regularization": 0.5, "item_regularization": 0.9}
    lambdas = np.array([0, 0, 0.5, 0.9, 0, 0])
    assert_cmfrec_is(case.counts, case.X, case.y, ours, alpha=3.0, lambda_=lambdas)


def test_cmfrecs_main_weight_divides_the_penalty(case):
    ours = {"alpha": 3.0, "regularization": 0.9 / 2}
    assert_cmfrec_is(case.counts, case.X, case.y, ours, alpha=3.0, lambda_=0.9, w_main=2.0)


def test_cmfrecs_logarithm_has_no_one_in_it(case):
    """The confidence of cmfrec, c = 1 + alpha log(d), equals that of WRMF for strengths d - 1."""
    one_more = case.counts.copy()
    one_more.data = one_more.data + 1
    ours = {"alpha": 3.0, "confidence": "log", "regularization": 0.9}
    assert_cmfrec_is(one_more, case.X, case.y, ours, alpha=3.0, lambda_=0.9, apply_log_transf=True)


def test_cmfrec_likes_what_is_stored_as_zero(case):
    """In cmfrec, a stored zero has p = 1 and c = 1."""
    zero = int(np.flatnonzero(case.d[0] == 0)[0])
    stored = case.counts.tocoo()
    pairs = np.append(stored.row, 0), np.append(stored.col, zero)
    users, items, _ = cmfrec_vectors(sp.coo_matrix((np.append(stored.data, 0), pairs)), 3, alpha=3.0, lambda_=0.5)
    c, p = 1 + 3 * case.d[0], (case.d[0] > 0) | (np.arange(case.n_items) == zero)
    expected = np.linalg.solve(items.T @ (c[:, None] * items) + 0.5 * np.eye(K), items.T @ (c * p))
    np.testing.assert_allclose(users[0], expected, **CLOSE)


def test_cmfrec_factorizes_features_beside_the_strengths(case):
    """In cmfrec, the user vectors X also approximate the user features F by X C^T, with the weight w_user."""
    F = np.random.RandomState(0).random_sample((case.n_users, 3))
    users, items, features = cmfrec_vectors(case.counts, 3, side=F, alpha=3.0, lambda_=0.5, w_user=2.0)
    expected = [
        np.linalg.solve(
            items.T @ (c[:, None] * items) + 2 * features.T @ features + 0.5 * np.eye(K),
            items.T @ (c * (c > 1)) + 2 * features.T @ f,
        )
        for c, f in zip(1 + 3 * case.d, F)
    ]
    np.testing.assert_allclose(users, expected, **CLOSE)


# Spark ML 4.


def spark_vectors(spark, rows, n_sweeps):
    """Vectors of users and items, sorted by id, after ALS of Spark on (user, item, rating) rows."""
    from pyspark.ml.recommendation import ALS

    als = ALS(rank=3, maxIter=n_sweeps, regParam=0.1, alpha=2.0, implicitPrefs=True, seed=0).setNumBlocks(1)
    model = als.fit(spark.createDataFrame([(int(u), int(i), float(r)) for u, i, r in rows], ["user", "item", "rating"]))
    tables = model.userFactors, model.itemFactors
    return [np.array([row.features for row in sorted(table.collect(), key=lambda row: row.id)]) for table in tables]


def test_sparks_sweeps_are_ours_where_counts_are_equal(spark):
    """The penalty of a row is regParam times its number of positives. An iteration of Spark updates the items first."""
    X = np.array([(u, (u + shift) % 8) for u in range(16) for shift in (0, 1, 3, 4)])  # 4 items or 8 users per row
    y = np.arange(len(X)) % 5 + 1
    users, items = spark_vectors(spark, np.column_stack([X, y]), 1)
    ours = swept(items, X, y, alpha=2.0, user_regularization=0.1 * 4, item_regularization=0.1 * 8)
    assert_same(ours, users, spark_vectors(spark, np.column_stack([X, y]), 2)[1])


def test_spark_counts_rows_for_its_penalty(spark, case):
    """The penalty is regParam n, with n the number of rows with positive ratings, repeated pairs included.

    Negative ratings r have p = 0 and c = 1 + alpha |r|. Ratings of 0 are ignored.
    """
    rows = [(0, 0, 3), (0, 1, 0), (0, 2, -2), (0, 3, 1), (0, 3, 2), (1, 0, 1), (1, 1, 4), (2, 2, 1), (2, 3, 2)]
    users, items = spark_vectors(spark, rows, 1)
    c, cp = np.array([7.0, 1, 5, 7]), np.array([7.0, 0, 0, 3 + 5])
    expected = np.linalg.solve(items.T @ (c[:, None] * items) + 0.1 * 3 * np.eye(3), items.T @ cp)
    np.testing.assert_allclose(users[0], expected, **CLOSE)
    np.testing.assert_allclose(users[1:], solved(np.array([[2, 8, 0, 0], [0, 0, 2, 4.0]]), items, 0.1 * 2), **CLOSE)


def test_spark_starts_from_vectors_of_length_one(spark):
    for vectors in spark_vectors(spark, [(0, 0, 1), (0, 1, 1), (1, 1, 1)], 0):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)  # float32


def test_frequency_scaling_on_likes_is_sparks_penalty_and_a_constant(case):
    """If user_regularization = regParam (n_items / alpha + mean n), the penalty is regParam (n_items / alpha + n)."""
    positive, alpha = case.d > 0, 2.0
    n = positive.sum(axis=1)
    ours = reference.scaled_penalties(positive.astype(float), alpha, 0.1 * (case.n_items / alpha + n.mean()), 1.0)
    np.testing.assert_allclose(ours, 0.1 * n + 0.1 * case.n_items / alpha)


def test_sparks_precision_is_ours(spark):
    """Precision at k is the number of hits among the first k items, divided by k."""
    from pyspark.ml.evaluation import RankingEvaluator

    from sklearn_recsketch.metrics import precision_at_k

    X_true = np.array([(user, item) for user, item in zip([0, 0, 1, 1, 1, 2], [7, 8, 7, 9, 5, 6])])
    lists = {0: [7, 5, 9], 1: [5, 7, 6], 2: [8, 9, 7]}
    table = pd.DataFrame(
        [(u, rank, i) for u in lists for rank, i in enumerate(lists[u], 1)], columns=["user", "rank", "item"]
    )
    rows = [([float(i) for i in lists[u]], [float(i) for i in X_true[X_true[:, 0] == u, 1]]) for u in lists]
    evaluator = RankingEvaluator(metricName="precisionAtK", k=3)
    value = evaluator.evaluate(spark.createDataFrame(rows, ["prediction", "label"]))
    assert value == pytest.approx(precision_at_k(X_true, table, k=3))
