"""Epochs of WARP and BPR against their NumPy reference implementation."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import scipy.sparse as sp
from pairwise_losses import make_loss
from pairwise_sides import ALONE, plain_epochs, run_kernel, sgd_case, sgd_sides

from sklearn_recsketch.kernels import _bpr_steps, _membership, _pairs, _rng, _warp_steps
from sklearn_recsketch.kernels._jit import read_only, rows_of
from sklearn_recsketch.kernels._pairs import BIAS, BLOCK
from sklearn_recsketch.kernels._rng import stream_key
from sklearn_recsketch.recommenders._pairwise.epochs import PARTS, PairwiseEpochs
from sklearn_recsketch.recommenders._pairwise.losses import warp_rank_weights

KERNELS = pytest.mark.parametrize("kernel", [_warp_steps.warp_pass, _bpr_steps.bpr_pass])


def weights_for(kernel, max_sampled=6):
    return warp_rank_weights(40, max_sampled) if kernel is _warp_steps.warp_pass else None


# Candidates are drawn 16 or 32 at a time.
@pytest.mark.parametrize("kind", ["warp, 6 draws", "warp, 40 draws", "warp, 70 draws", "bpr", "bpr by popularity"])
@pytest.mark.parametrize("featured, weight", [(False, 1.0), (True, 1.0), (True, 0.5), (True, 0.0)])
@pytest.mark.parametrize("penalty", [0.0, 0.05])
def test_epochs_equal_the_reference(kind, featured, weight, penalty, seed):
    matrix, own, features = sgd_case(seed, featured)
    assert matrix.nnz > 2 * BLOCK  # several blocks, the last of them short
    weights = None
    if kind.startswith("warp"):  # positive for all draws, although a rank estimated from 40 draws would be 0
        weights = np.linspace(3, 1, 1 + int(kind.split()[1]), dtype=np.float32)
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
    for epoch in range(2):
        loss = epochs.run(epoch)
        expected_loss = reference.sgd_epoch(
            positives, known, *references, key=int(stream_key(11, epoch)), rate=0.1, margin=1.0,
            rank_weights=weights, by_popularity=by_popularity, parts=PARTS,
        )  # fmt: skip
        assert loss == pytest.approx(expected_loss / matrix.data.sum(), rel=1e-4)
    for side, expected, (_, learned) in zip((epochs.users, epochs.items), references, epochs.embeddings()):
        # The steps of 2 epochs are taken in float32, those of the reference in float64.
        np.testing.assert_allclose(side.kernel.vectors, expected.vectors, rtol=1e-3, atol=1e-4)
        if featured:
            np.testing.assert_allclose(learned.with_biases, expected.W, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(epochs.items.state[:, BIAS], references[1].biases, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(epochs.items.kernel.biases, epochs.items.state[:, BIAS])


@KERNELS
def test_passes_run_as_plain_python(kernel, monkeypatch):
    compiled, plain = (plain_epochs(0, weights_for(kernel)) for _ in range(2))
    ranges = [(0, compiled._samples.users.shape[0])]
    expected = run_kernel(kernel, compiled, ranges)
    # Compiled helpers would return their 64-bit keys as Python integers.
    for module in (_rng, _pairs, _warp_steps, _bpr_steps):
        for name, value in vars(module).copy().items():
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)
    for module in (_warp_steps, _bpr_steps, _pairs):
        for name in ("prefetch_row", "prefetch_entry", "prefetch_position"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, lambda *arguments: None)
    with np.errstate(over="ignore"):  # uint64 arithmetic wraps around, and NumPy scalars warn about that
        loss = run_kernel(kernel.py_func, plain, ranges)
    assert loss == pytest.approx(expected, rel=1e-4)
    for a, b in zip((compiled.users, compiled.items), (plain.users, plain.items)):
        np.testing.assert_allclose(a.kernel.vectors, b.kernel.vectors, rtol=1e-4, atol=1e-5)  # order of float32 sums


@KERNELS
def test_ranges_of_blocks_give_the_same_result_as_one_range(kernel):
    once, cut = (plain_epochs(1, weights_for(kernel)) for _ in range(2))
    n = once._samples.users.shape[0]
    run_kernel(kernel, once, [(0, n)])
    run_kernel(kernel, cut, [(0, BLOCK), (BLOCK, 2 * BLOCK), (2 * BLOCK, n)])
    np.testing.assert_array_equal(once.items.kernel.vectors, cut.items.kernel.vectors)


@KERNELS
def test_known_items_are_never_negatives(kernel):
    epochs = plain_epochs(2, weights_for(kernel, max_sampled=200), rate=1e-4, margin=10.0)
    full, samples = np.ones((30, 40), np.float32), epochs._samples
    # Each user knows all items but item 0, which is the negative of every step.
    full[:, 0] = 0
    known = rows_of(sp.csr_array(full))
    bits, shift = np.zeros(64, np.uint64), np.uint64(52)
    _membership.mark_pairs(known.indptr, known.indices, bits, shift)
    epochs._samples = samples._replace(
        known_indptr=known.indptr, known_indices=known.indices, known_bits=read_only(bits), known_shift=shift
    )
    before = epochs.items.state[:, BIAS].copy()
    run_kernel(kernel, epochs, [(0, len(samples.users))])
    moved = epochs.items.state[:, BIAS] - before
    assert moved[0] < 0
    assert (moved[1:] >= 0).all()
