"""Compilation of kernels."""

from __future__ import annotations

import numpy as np
import pytest
from estimators import WITH_FACTORS

from sklearn_recsketch.kernels import _als, _bpr_steps, _jit, _sparse, _topk, _warp_steps


@pytest.mark.parametrize("recommender", WITH_FACTORS)
def test_read_only_and_mapped_inputs_compile_nothing_new(recommender, planted, tmp_path):
    X, y, features = planted
    kernels = [_als.solve_rows, _warp_steps.warp_pass, _bpr_steps.bpr_pass, _sparse.sparse_product, _topk.rank_items]
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


def matrix_at(offset, order="C"):
    """Return a matrix of 5 x 3 values that starts `offset` bytes after a cache line."""
    memory = np.zeros(2 * _jit.CACHE_LINE + 60, dtype=np.uint8)
    start = -memory.ctypes.data % _jit.CACHE_LINE + offset
    matrix = memory[start : start + 60].view(np.float32).reshape(5, 3, order=order)
    matrix[...] = np.arange(15).reshape(5, 3)
    return matrix


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("offset", [0, 4, 16, 60])
def test_cache_aligned_arrays_start_at_a_cache_line(offset, order):
    array = matrix_at(offset, order)
    aligned = _jit.cache_aligned(array)
    assert aligned.ctypes.data % _jit.CACHE_LINE == 0
    assert aligned.flags.c_contiguous
    np.testing.assert_array_equal(aligned, array)


def test_cache_aligned_copies_only_what_is_not_aligned():
    array = matrix_at(0)
    assert _jit.cache_aligned(array) is array
