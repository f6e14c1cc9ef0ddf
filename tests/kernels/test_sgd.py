"""Kernels of WARP and BPR against their NumPy reference implementations."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import scipy.sparse as sp
from pairwise_losses import make_loss

from sklearn_recsketch.kernels import _rng, _sgd
from sklearn_recsketch.kernels._rng import stream_key
from sklearn_recsketch.kernels._sgd import ACCUMULATOR, BIAS, BIAS_ACCUMULATOR
from sklearn_recsketch.recommenders._pairwise.epochs import PARTS, PairwiseEpochs
from sklearn_recsketch.recommenders._pairwise.losses import warp_rank_weights
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings, FeaturedSide, Features, PlainSide
from sklearn_recsketch.utils._threads import Workers

ALONE = Workers(None, 1)


def sgd_case(seed, featured):
    """Return strengths, vectors of users and items, and for each side None or features with their embeddings."""
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
    """Return the sides that the trainer uses, with a larger penalty for items."""
    sides = []
    for number, (values, side_features) in enumerate(zip(own, features)):
        rows = Embeddings.starting_at(values.copy(), penalty * (1 + number))
        if side_features is None:
            sides.append(PlainSide(rows, number == 1, ALONE))
        else:
            shared = Embeddings.starting_at(side_features[1].copy(), penalty / 2)
            sides.append(FeaturedSide(rows, shared, Features(side_features[0], weight), number == 1, ALONE))
    return sides


@pytest.mark.parametrize("kind", ["warp", "bpr", "bpr by popularity"])
@pytest.mark.parametrize("featured, weight", [(False, 1.0), (True, 1.0), (True, 0.5), (True, 0.0)])
@pytest.mark.parametrize("penalty", [0.0, 0.05])
def test_sgd_epochs_equal_the_reference(kind, featured, weight, penalty, seed):
    matrix, own, features = sgd_case(seed, featured)
    weights = warp_rank_weights(15, 6) if kind == "warp" else None
    references = [
        reference.Side(values, penalty * (1 + number))
        if side_features is None
        else reference.Side(
            values,
            penalty * (1 + number),
            side_features[0].toarray(),
            np.hstack([side_features[1], np.zeros((5, 1))]),
            weight,
            penalty / 2,
        )
        for number, (values, side_features) in enumerate(zip(own, features))
    ]
    by_popularity = "popularity" in kind
    loss = make_loss(0.1, weights, by_popularity=by_popularity)
    epochs = PairwiseEpochs(matrix, matrix, *sgd_sides(own, features, penalty, weight), loss, 11, ALONE)
    coo = matrix.tocoo()
    positives = list(zip(coo.row.tolist(), coo.col.tolist(), coo.data.tolist()))
    known = {(u, i) for u, i, _ in positives}
    for epoch in range(3):
        loss = epochs.run(epoch)
        expected_loss = reference.sgd_epoch(
            positives, known, *references, key=int(stream_key(11, epoch)), rate=0.1, margin=1.0, rank_weights=weights,
            by_popularity=by_popularity, parts=PARTS,
        )  # fmt: skip
        assert loss == pytest.approx(expected_loss / matrix.data.sum(), rel=1e-4)
    for side, expected, (_, learned) in zip((epochs.users, epochs.items), references, epochs.embeddings()):
        # The steps of 3 epochs are taken in float32, those of the reference in float64.
        np.testing.assert_allclose(side.kernel.vectors, expected.vectors, rtol=1e-3, atol=1e-4)
        if featured:
            np.testing.assert_allclose(learned.with_biases, expected.W, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(epochs.items.state[:, BIAS], references[1].biases, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(epochs.items.kernel.biases, epochs.items.state[:, BIAS])


def one_pass(kernel, weights):
    """Run a kernel over all samples; returns the loss and the vectors of users and items."""
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
    # Compiled helpers would return their 64-bit keys as Python integers.
    for module, names in (
        (_rng, ["mix"]),
        (_sgd, ["mix", "draw_below", "shuffled", "_move", "_look_ahead", "_is_negative", "_draw_negatives"]),
    ):
        for name in names:
            monkeypatch.setattr(module, name, getattr(module, name).py_func)
    with np.errstate(over="ignore"):  # uint64 arithmetic wraps around, and NumPy scalars warn about that
        plain = one_pass(kernel.py_func, weights)
    for a, b in zip(compiled, plain):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)  # float32 sums in a different order


def test_shrink_rows_uses_the_learning_rate_of_each_row():
    W, penalty = np.ones((3, 2), np.float32), np.array([0.0, 0.5, 1.0])
    state = Embeddings.starting_at(W, penalty).state
    state[:, [ACCUMULATOR, BIAS_ACCUMULATOR]], state[:, BIAS] = (4, 9), 2
    _sgd.shrink_rows(1, 3, W, state, 0.3)
    np.testing.assert_allclose(W[:, 0], np.exp(-2 * 0.3 / 2 * penalty), rtol=1e-6)
    np.testing.assert_allclose(state[:, BIAS], 2 * np.exp(-2 * 0.3 / 3 * penalty), rtol=1e-6)
