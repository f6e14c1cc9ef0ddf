"""Compilation of kernels."""

from __future__ import annotations

import numpy as np
import pytest
from estimators import WITH_FACTORS

from sklearn_recsketch.kernels import _als, _bpr_steps, _sparse, _topk, _warp_steps


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
