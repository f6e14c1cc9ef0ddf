"""Kernels against their twins."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import scipy.sparse as sp
from pairwise_losses import make_loss
from scipy.stats import chi2, rankdata

from sklearn_recsketch import BPRRecommender, WARPRecommender, WRMFRecommender
from sklearn_recsketch._linalg.gram import gram, multiply
from sklearn_recsketch.kernels import _als, _membership, _rng, _sgd, _sparse, _topk
from sklearn_recsketch.kernels._jit import read_only, rows_of
from sklearn_recsketch.kernels._rng import draw_below, mix, shuffled, stream_key
from sklearn_recsketch.kernels._sgd import ACCUMULATOR, BIAS, BIAS_ACCUMULATOR
from sklearn_recsketch.recommenders._als.confidences import ratings_of
from sklearn_recsketch.recommenders._als.rows import Accuracy, FixedSide, Rotated, solve_side
from sklearn_recsketch.recommenders._pairwise.epochs import PARTS, PairwiseEpochs
from sklearn_recsketch.recommenders._pairwise.losses import strength_weights, warp_rank_weights
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings, FeaturedSide, Features, PlainSide
from sklearn_recsketch.utils._threads import Workers

ALONE = Workers(None, 1)
EXACT = Accuracy(1000, tol=1e-6, restarts=8)


def random_rows(rng, n_rows, n_columns, density=0.2):
    """A CSR matrix of positive values with empty rows: the first, the last and a few by chance."""
    matrix = sp.random_array((n_rows, n_columns), density=density, rng=rng, format="lil")
    matrix[[0, n_rows - 1]] = 0
    matrix = sp.csr_array(matrix).astype(np.float32)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


# The row solver.


def solve(ratings, fixed, lam, start, accuracy=EXACT, prior=None):
    """solve_side on plain vectors."""
    side = FixedSide.of(Rotated(fixed), gram(fixed, ALONE), lam.min(), accuracy, ALONE)
    x, prior = (None if given is None else Rotated(given).into(side.basis, ALONE) for given in (start, prior))
    loss = solve_side(ratings_of(ratings), side, lam, x, accuracy, ALONE, prior)
    return Rotated(x, side.basis).vectors(ALONE), loss


def energy_errors(x, ratings, fixed, lam, prior=None):
    """|x - x*| / |x*| of each row in the norm of its own normal matrix; 0 for two zeros."""
    fixed = fixed.astype(np.float64)
    excess = ratings.toarray().astype(np.float64)
    errors = []
    for u in range(len(x)):
        exact = reference.solve_row(excess[u], fixed, lam[u], None if prior is None else prior[u].astype(np.float64))
        A = fixed.T @ fixed + fixed.T @ (excess[u][:, None] * fixed) + lam[u] * np.eye(fixed.shape[1])
        difference = x[u] - exact
        size = np.sqrt(exact @ A @ exact)
        errors.append(np.sqrt(difference @ A @ difference) / size if size else np.abs(difference).max())
    return np.array(errors)


@pytest.mark.parametrize("alpha", [0.01, 1.0, 200.0])
@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize("with_prior", [False, True])
def test_solve_rows_equals_a_dense_solve(alpha, per_row, with_prior, seed):
    rng = np.random.default_rng(seed)
    ratings = random_rows(rng, 25, 30)
    ratings.data *= np.float32(alpha)
    fixed = rng.standard_normal((30, 7)).astype(np.float32)
    lam = rng.uniform(0.1, 5.0, 25) if per_row else np.array([0.7])
    prior = rng.standard_normal((25, 7)).astype(np.float32) if with_prior else None
    start = rng.standard_normal((25, 7)).astype(np.float32)
    x, _ = solve(ratings, fixed, lam, start, prior=prior)
    errors = energy_errors(x, ratings, fixed, np.broadcast_to(lam, 25), prior)
    # The target residual is 1e-6; float32 vectors and transforms leave up to a few 1e-6 more.
    assert errors.max() < 2e-5


@pytest.mark.parametrize("spread", [1e2, 1e4])
def test_solve_rows_is_exact_with_ill_conditioned_factors(spread):
    rng = np.random.default_rng(0)
    ratings = random_rows(rng, 25, 60)
    ratings.data *= 40
    Q, _ = np.linalg.qr(rng.standard_normal((60, 8)))
    fixed = (Q * np.geomspace(1, spread, 8)).astype(np.float32)
    start = np.zeros((25, 8), np.float32)
    x, _ = solve(ratings, fixed, np.array([0.01]), start)
    errors = energy_errors(x, ratings, fixed, np.full(25, 0.01))
    # x itself is float32: along the largest factor its rounding alone costs eps * sqrt(K).
    assert errors.max() < 5e-5


def test_solve_rows_gives_rows_without_ratings_zero():
    rng = np.random.default_rng(0)
    ratings = random_rows(rng, 10, 12)
    fixed = rng.standard_normal((12, 4)).astype(np.float32)
    start = rng.standard_normal((10, 4)).astype(np.float32)
    x, _ = solve(ratings, fixed, np.array([0.1]), start)
    np.testing.assert_allclose(x[[0, -1]], 0, atol=1e-6)  # float32 rounding of one step from z to 0


def test_solve_rows_returns_the_loss_of_what_it_found(seed):
    rng = np.random.default_rng(seed)
    ratings = random_rows(rng, 15, 12)
    fixed = rng.standard_normal((12, 5)).astype(np.float32)
    start = np.zeros((15, 5), np.float32)
    for accuracy in (Accuracy(2, 0.0), EXACT):
        x, loss = solve(ratings, fixed, np.array([0.3]), start, accuracy)
        dense = reference.pair_loss(ratings.toarray(), x, fixed, alpha=1.0) + 0.3 * np.square(x).sum()
        assert loss == pytest.approx(dense, rel=1e-5)  # sums of a hundred float32 terms


@pytest.mark.parametrize("accuracy", [EXACT, Accuracy(200, excess=3e-5, share=0.05)])
@pytest.mark.parametrize("scale", [0.0, 1e-24])
def test_solve_rows_stays_finite_without_data_or_penalty(scale, accuracy):
    rng = np.random.default_rng(0)
    ratings = random_rows(rng, 10, 12)
    fixed = (scale * rng.standard_normal((12, 4))).astype(np.float32)
    start = rng.standard_normal((10, 4)).astype(np.float32)
    x, _ = solve(ratings, fixed, np.array([0.0]), start, accuracy)
    assert np.isfinite(x).all()


def test_solve_rows_runs_as_plain_python():
    rng = np.random.default_rng(0)
    ratings = ratings_of(random_rows(rng, 6, 8))
    table = rng.standard_normal((9, 3)).astype(np.float32)
    table[8] = 0
    ones, prior = read_only(np.ones(3, np.float32)), read_only(np.empty((0, 3), np.float32))
    results = []
    for kernel in (_als.solve_rows, _als.solve_rows.py_func):
        z = np.zeros((6, 3), np.float32)
        longest = 8 + _als.WIDTH
        scratch = np.empty(longest, np.int32), np.empty(longest, np.float32), np.empty((_als.N_WORK, 3), np.float32)
        loss = kernel(0, 6, ratings, read_only(table), z, ones, ones[:1], prior, (50, 1e-6, 0.0, 0.0, 1), scratch)
        results.append((z, loss))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5, atol=1e-6)  # sums in another order
    assert results[0][1] == pytest.approx(results[1][1], rel=1e-6)


# Products.


@pytest.mark.parametrize("compiled", [True, False])
def test_sparse_product_equals_scipy(compiled):
    rng = np.random.default_rng(0)
    matrix, dense = random_rows(rng, 9, 7), rng.standard_normal((7, 3)).astype(np.float32)
    out = np.full((9, 3), np.nan, np.float32)
    kernel = _sparse.sparse_product if compiled else _sparse.sparse_product.py_func
    kernel(0, 9, rows_of(matrix), read_only(dense), out)
    np.testing.assert_allclose(out, matrix @ dense, rtol=1e-5, atol=1e-6)  # float32 sums of 7 terms


@pytest.mark.parametrize("compiled", [True, False])
def test_confidence_product_equals_dense_algebra(compiled):
    rng = np.random.default_rng(0)
    matrix = random_rows(rng, 9, 7)
    Y, P = rng.standard_normal((7, 3)).astype(np.float32), rng.standard_normal((9, 3)).astype(np.float32)
    out = np.ones((9, 3), np.float32)
    kernel = _sparse.confidence_product if compiled else _sparse.confidence_product.py_func
    kernel(0, 9, rows_of(matrix), read_only(Y), read_only(P), out)
    expected = 1 + (matrix.toarray() * (P @ Y.T)) @ Y
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)  # float32 sums of 21 terms


@pytest.mark.parametrize("compiled", [True, False])
def test_target_sums_equal_dense_algebra(compiled):
    rng = np.random.default_rng(0)
    matrix, Y = random_rows(rng, 9, 7), rng.standard_normal((7, 3)).astype(np.float32)
    target, diagonal = np.empty((9, 3), np.float32), np.empty((9, 3), np.float32)
    kernel = _sparse.target_sums if compiled else _sparse.target_sums.py_func
    total = kernel(0, 9, rows_of(matrix), read_only(Y), target, diagonal)
    E = matrix.toarray()
    np.testing.assert_allclose(target, (E + (E > 0)) @ Y, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(diagonal, E @ Y**2, rtol=1e-5, atol=1e-6)
    assert total == pytest.approx((E + (E > 0)).sum(), rel=1e-6)


@pytest.mark.parametrize("compiled", [True, False])
def test_dot_sums_in_float64(compiled):
    a = np.array([[1e8, 1.0], [1.0, -1e8]], np.float32)
    kernel = _sparse.dot if compiled else _sparse.dot.py_func
    assert kernel(0, 2, read_only(a), read_only(np.ones((2, 2), np.float32))) == 2.0  # float32 would lose both ones


def test_gram_and_multiply_cross_chunks():
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((5000, 3)).astype(np.float32)  # more than one chunk of 4096
    np.testing.assert_allclose(gram(factors, ALONE), factors.T.astype(float) @ factors.astype(float), rtol=1e-12)
    transform = rng.standard_normal((3, 3))
    np.testing.assert_allclose(multiply(factors, transform, ALONE), factors @ transform, rtol=1e-5, atol=1e-5)


# Membership.


@pytest.mark.parametrize("n_words", [1, 2, 64])
def test_positions_are_those_of_what_is_stored_however_few_the_bits(n_words):
    matrix = random_rows(np.random.default_rng(0), 40, 30)
    rows, shift = rows_of(matrix), np.uint64(58 - (n_words - 1).bit_length())
    bits = np.zeros(n_words, np.uint64)
    _membership.mark_pairs(rows.indptr, rows.indices, bits, shift)
    at = [[_membership.position_of(bits, shift, rows.indptr, rows.indices, u, i) for i in range(30)] for u in range(40)]
    expected = np.full(matrix.shape, -1)
    expected[matrix.nonzero()] = np.arange(matrix.nnz)
    np.testing.assert_array_equal(at, expected)


# Draws.


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 16, 17, 100, 1023, 1025])
def test_shuffled_is_a_bijection(n, seed):
    key = stream_key(seed, 3)
    half_bits = np.uint64(reference.half_bits_of(n))
    assert sorted(shuffled(p, n, half_bits, key) for p in range(n)) == list(range(n))


def test_shuffled_depends_on_the_epoch():
    half_bits = np.uint64(reference.half_bits_of(500))
    orders = [[shuffled(p, 500, half_bits, stream_key(0, epoch)) for p in range(500)] for epoch in (0, 1)]
    # Two random orders of 500 agree in one place on average.
    assert np.sum(np.equal(*orders)) < 10


def test_draws_equal_their_twins_in_python_integers(seed):
    key = int(stream_key(seed, 7))
    wide = np.uint64(key)
    assert [mix(np.uint64(key ^ p)) for p in range(50)] == [reference.mix(key ^ p) for p in range(50)]
    assert [draw_below(wide, t, 97) for t in range(50)] == [reference.draw_below(key, t, 97) for t in range(50)]
    half_bits = np.uint64(reference.half_bits_of(97))
    twins = [reference.shuffled(p, 97, key) for p in range(97)]
    assert [shuffled(p, 97, half_bits, wide) for p in range(97)] == twins


@pytest.mark.parametrize("n", [3, 10, 1000])
def test_draw_below_is_uniform(n, seed):
    key = stream_key(seed, 0)
    counts = np.bincount(
        [draw_below(np.uint64(mix(np.uint64(int(key) ^ q))), 1, n) for q in range(20 * n)], minlength=n
    )
    statistic = np.sum((counts - 20) ** 2 / 20)
    assert statistic < chi2.ppf(1 - 1e-6, n - 1)  # a right generator fails one seed in a million


# WARP and BPR.


def sgd_case(seed, featured):
    """Strengths, vectors of users and items, and for each side features with their embeddings, or None."""
    rng = np.random.default_rng(seed)
    matrix = sp.csr_array(rng.integers(1, 4, (12, 15)) * (rng.random((12, 15)) < 0.3)).astype(np.float32)
    matrix.eliminate_zeros()
    own = [rng.standard_normal((n, 4)).astype(np.float32) * np.float32(0.3) for n in matrix.shape]
    features = [None, None]
    if featured:
        blocks = [rng.random((n, 5)) * (rng.random((n, 5)) < 0.5) for n in matrix.shape]
        features = [
            (sp.csr_array(b.astype(np.float32)), rng.standard_normal((5, 4)).astype(np.float32)) for b in blocks
        ]
    return matrix, own, features


def sgd_sides(own, features, penalty=0.0, weight=1.0):
    sides = []
    for at, (values, given) in enumerate(zip(own, features)):
        rows = Embeddings.starting_at(values.copy(), penalty * (1 + at))
        if given is None:
            sides.append(PlainSide(rows, at == 1, ALONE))
        else:
            shared = Embeddings.starting_at(given[1].copy(), penalty / 2)
            sides.append(FeaturedSide(rows, shared, Features(given[0], weight), at == 1, ALONE))
    return sides


@pytest.mark.parametrize("kind", ["warp", "bpr", "bpr by popularity"])
@pytest.mark.parametrize("featured, weight", [(False, 1.0), (True, 1.0), (True, 0.5), (True, 0.0)])
@pytest.mark.parametrize("penalty", [0.0, 0.05])
def test_sgd_epochs_equal_their_twin(kind, featured, weight, penalty, seed):
    matrix, own, features = sgd_case(seed, featured)
    weights = warp_rank_weights(15, 6) if kind == "warp" else None
    twins = [
        reference.Side(values, penalty * (1 + at))
        if given is None
        else reference.Side(
            values,
            penalty * (1 + at),
            given[0].toarray(),
            np.hstack([given[1], np.zeros((5, 1))]),
            weight,
            penalty / 2,
        )
        for at, (values, given) in enumerate(zip(own, features))
    ]
    by_popularity = "popularity" in kind
    loss = make_loss(0.1, weights, by_popularity=by_popularity)
    epochs = PairwiseEpochs(matrix, matrix, *sgd_sides(own, features, penalty, weight), loss, 11, ALONE)
    coo = matrix.tocoo()
    positives = list(zip(coo.row.tolist(), coo.col.tolist(), coo.data.tolist()))
    known = {(u, i) for u, i, _ in positives}
    for epoch in range(3):
        loss = epochs.run(epoch)
        twin_loss = reference.sgd_epoch(
            positives, known, *twins, key=int(stream_key(11, epoch)), rate=0.1, margin=1.0, rank_weights=weights,
            by_popularity=by_popularity, parts=PARTS,
        )  # fmt: skip
        assert loss == pytest.approx(twin_loss / matrix.data.sum(), rel=1e-4)
    for side, twin, (_, learned) in zip((epochs.users, epochs.items), twins, epochs.embeddings()):
        # 3 epochs of float32 steps against float64 ones.
        np.testing.assert_allclose(side.kernel.vectors, twin.vectors, rtol=1e-3, atol=1e-4)
        if featured:
            np.testing.assert_allclose(learned.with_biases, twin.W, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(epochs.items.state[:, BIAS], twins[1].biases, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(epochs.items.kernel.biases, epochs.items.state[:, BIAS])


def one_pass(kernel, weights):
    matrix, own, features = sgd_case(0, featured=False)
    settings = make_loss(0.1, weights)
    epochs = PairwiseEpochs(matrix, matrix, *sgd_sides(own, features), settings, 5, ALONE)
    n = matrix.nnz
    step = settings.step(5, 0, n)
    loss = kernel(0, n, epochs._samples, epochs.users.kernel, epochs.items.kernel, step)
    return loss, epochs.users.kernel.vectors, epochs.items.kernel.vectors


@pytest.mark.parametrize("kernel", [_sgd.warp_pass, _sgd.bpr_pass])
def test_sgd_passes_run_as_plain_python(kernel, monkeypatch):
    weights = warp_rank_weights(15, 6) if kernel is _sgd.warp_pass else None
    compiled = one_pass(kernel, weights)
    # A compiled helper would hand its 64-bit keys back as Python integers.
    for module, names in (
        (_rng, ["mix"]),
        (_sgd, ["mix", "draw_below", "shuffled", "_move", "_look_ahead", "_is_negative", "_draw_negatives"]),
    ):
        for name in names:
            monkeypatch.setattr(module, name, getattr(module, name).py_func)
    with np.errstate(over="ignore"):  # uint64 arithmetic wraps; only NumPy's scalars warn of it
        plain = one_pass(kernel.py_func, weights)
    for a, b in zip(compiled, plain):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)  # float32 sums in another order


def test_shrink_rows_has_the_rate_of_each_row():
    W, penalty = np.ones((3, 2), np.float32), np.array([0.0, 0.5, 1.0])
    state = Embeddings.starting_at(W, penalty).state
    state[:, [ACCUMULATOR, BIAS_ACCUMULATOR]], state[:, BIAS] = (4, 9), 2
    _sgd.shrink_rows(1, 3, W, state, 0.3)
    np.testing.assert_allclose(W[:, 0], np.exp(-2 * 0.3 / 2 * penalty), rtol=1e-6)
    np.testing.assert_allclose(state[:, BIAS], 2 * np.exp(-2 * 0.3 / 3 * penalty), rtol=1e-6)


@pytest.mark.parametrize("n_users, n_items", [(1, 1), (30, 7), (7, 30)])
def test_weights_by_rank_equal_scipys(n_users, n_items, seed):
    rng = np.random.default_rng(seed)
    matrix = random_rows(rng, n_users, n_items)
    matrix.data[:] = rng.integers(1, 5, matrix.nnz)
    expected = [0.5 + rankdata(row) / (len(row) + 1) for row in np.split(matrix.data, matrix.indptr[1:-1])]
    weights = strength_weights(matrix)
    np.testing.assert_allclose(weights.data, np.concatenate(expected), rtol=1e-6)
    np.testing.assert_array_equal(weights.indices, matrix.indices)


def test_warp_rank_weights_follow_the_formula():
    weights = warp_rank_weights(100, 60)
    expected = [min(10.0, np.log(max(1, 99 // q))) for q in range(1, 61)]
    np.testing.assert_allclose(weights[1:], expected, rtol=1e-6)


# Compilation.


@pytest.mark.parametrize("recommender", [WRMFRecommender, WARPRecommender, BPRRecommender])
def test_read_only_and_mapped_input_compiles_nothing_new(recommender, planted, tmp_path):
    X, y, features = planted
    kernels = [_als.solve_rows, _sgd.warp_pass, _sgd.bpr_pass, _sparse.sparse_product, _topk.rank_items]
    rec = recommender(n_components=4, max_iter=1, random_state=0)
    rec.fit(X.to_numpy().copy(), y.copy(), item_features=features).recommend(k=3)
    rec.fit(X.to_numpy().copy(), y.copy()).recommend(k=3)
    before = [len(kernel.signatures) for kernel in kernels]
    for name, array in (("X", X.to_numpy()), ("y", y)):
        np.save(tmp_path / f"{name}.npy", array)
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("X", "y")]
    rec.fit(*mapped, item_features=features).recommend(k=3)
    rec.fit(*mapped).recommend(k=3, history=mapped[0][:5])
    assert [len(kernel.signatures) for kernel in kernels] == before
