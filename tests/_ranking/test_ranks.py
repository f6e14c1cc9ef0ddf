"""Ranks of individual items, compared with the reference implementation and with complete rankings."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import scipy.sparse as sp

from sklearn_recsketch._ranking import top_k
from sklearn_recsketch._ranking.ranks import count_items_before
from sklearn_recsketch._ranking.top_k import top_items
from sklearn_recsketch.kernels import _rank_counts as _places
from sklearn_recsketch.kernels._jit import rows_of
from sklearn_recsketch.utils._threads import Workers, workers

ALONE = Workers(None, 1)


def case(n_users, n_items, seed=0):
    """Return integer vectors, whose scores are exact and often tied, and disjoint wanted and excluded items."""
    rng = np.random.default_rng(seed)
    users = rng.integers(-2, 3, (n_users, 3)).astype(np.float32)
    items = rng.integers(-2, 3, (n_items, 3)).astype(np.float32)
    kind = rng.random((n_users, n_items))
    kind[0] = 0.5  # a user without wanted and excluded items
    kind[-1] = np.linspace(0, 1, n_items) * 0.39  # a user without other candidates
    return users, items, sp.csr_array(kind < 0.2), sp.csr_array((kind >= 0.2) & (kind < 0.4)).astype(np.float32)


@pytest.mark.parametrize("n_items", [1, 7, 130, 700])
def test_items_before_equal_the_reference(n_items, seed):
    users, items, wanted, excluded = case(20, n_items, seed)
    expected = reference.candidates_before(users @ items.T, wanted.toarray(), excluded.toarray() > 0)
    assert count_items_before(users, items, wanted, excluded, ALONE).tolist() == expected


def test_items_before_without_exclusions():
    users, items, wanted, _ = case(9, 40)
    expected = reference.candidates_before(users @ items.T, wanted.toarray(), np.zeros((9, 40)))
    assert count_items_before(users, items, wanted, None, ALONE).tolist() == expected


@pytest.mark.parametrize("block", [1, 100, 10**6])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_items_before_do_not_depend_on_blocks_and_threads(block, n_jobs, monkeypatch):
    users, items, wanted, excluded = case(50, 90)
    expected = count_items_before(users, items, wanted, excluded, ALONE)
    monkeypatch.setattr(top_k, "BLOCK_SCORES", block)
    with workers(n_jobs) as pool:
        np.testing.assert_array_equal(count_items_before(users, items, wanted, excluded, pool), expected)


def test_items_before_equal_the_ranks_of_the_ranking(seed):
    """Some items have equal vectors. Multiples of 1/8 have exact scores, as the rounding of BLAS depends on shapes."""
    rng = np.random.default_rng(seed)
    users = (rng.integers(-16, 17, (30, 17)) / 8).astype(np.float32)
    items = (rng.integers(-16, 17, (400, 17)) / 8).astype(np.float32)[rng.integers(0, 400, 700)]
    wanted = sp.csr_array(rng.random((30, 700)) < 0.02)
    best, _ = top_items(users, items, None, 200, ALONE)
    before = sp.csr_array((count_items_before(users, items, wanted, None, ALONE) + 1, wanted.indices, wanted.indptr))
    for u, row in enumerate(best):
        ranks = {int(i): rank for rank, i in enumerate(row, start=1)}
        own = dict(zip(wanted[[u]].indices.tolist(), before[[u]].data.tolist()))
        assert {i: rank for i, rank in own.items() if rank <= 200} == {i: ranks[i] for i in own if i in ranks}


def test_count_before_runs_as_plain_python():
    users, items, wanted, excluded = case(4, 6)
    scores = users @ items.T
    before = np.full(wanted.nnz, -1)
    _places.count_before.py_func(0, scores.copy(), rows_of(wanted), rows_of(excluded), before)
    assert before.tolist() == reference.candidates_before(scores, wanted.toarray(), excluded.toarray() > 0)


def test_count_before_is_compiled_once(tmp_path):
    """Read-only and memory-mapped arrays, and other layouts and types, use the same compiled code."""
    users, items, wanted, excluded = case(6, 8)
    expected = count_items_before(users, items, wanted, excluded, ALONE)
    np.save(tmp_path / "users.npy", users)
    frozen = items.copy()
    frozen.setflags(write=False)
    for x, y in (
        (np.load(tmp_path / "users.npy", mmap_mode="r"), frozen),
        (np.asfortranarray(users), np.asfortranarray(items)),
        (users.astype(np.float64), items.astype(np.float64)),
    ):
        np.testing.assert_array_equal(count_items_before(x, y, wanted, excluded, ALONE), expected)
    assert len(_places.count_before.signatures) == 1
