"""Matrices of summed strengths, compared with scipy."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch._data.matrix import build_matrix, column_counts
from sklearn_recsketch._data.pair_sums import add_matrices, renumber, sum_pairs
from sklearn_recsketch.kernels import _counting
from sklearn_recsketch.kernels._jit import rows_of
from sklearn_recsketch.recommenders._als.confidences import excess_of, scaled_ratings, transposed

STRENGTHS = {
    "ones": st.just(1.0),
    "halves": st.just(0.5),
    "with zeros": st.sampled_from([0.0, 1.0, 2.0]),
    "exact in float32": st.sampled_from([0.25, 3.0, 2.0**20]),
    "not exact in float32": st.sampled_from([0.1, 1 / 3, 7.7]),
    "counts beyond float32": st.sampled_from([2.0**24, 1.0]),
}


@st.composite
def rows(draw):
    n = draw(st.integers(1, 40))
    users, items = (draw(st.lists(st.integers(0, top), min_size=n, max_size=n)) for top in (6, 8))
    strengths = draw(
        st.sampled_from(list(STRENGTHS)).flatmap(lambda name: st.lists(STRENGTHS[name], min_size=n, max_size=n))
    )
    return pd.DataFrame({"user": users, "item": items}), np.array(strengths)


def by_scipy(interactions, dtype=np.float32):
    """Sum strengths in float64 with scipy."""
    shape = len(interactions.users.ids), len(interactions.items.ids)
    codes = interactions.users.codes, interactions.items.codes
    matrix = sp.csr_array(sp.coo_array((interactions.strength.astype(float), codes), shape=shape)).astype(dtype)
    matrix.eliminate_zeros()
    return matrix


def same(one, other):
    assert one.shape == other.shape
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def random_matrix(rng, n_rows, n_columns):
    matrix = sp.random_array((n_rows, n_columns), density=0.3, rng=rng, format="csr", dtype=np.float32)
    matrix.sort_indices()
    return matrix


@settings(deadline=None, max_examples=100)
@given(table=rows())
def test_sums_equal_those_of_scipy(table):
    interactions = check_interactions(*table)
    sums = sum_pairs(interactions)
    same(sums.matrix, by_scipy(interactions))
    assert sums.matrix.data.dtype == np.float32 and sums.matrix.indices.dtype == np.int32
    positive = interactions.strength > 0
    for has, column in ((sums.has_users, interactions.users), (sums.has_items, interactions.items)):
        assert set(np.flatnonzero(has)) == set(column.codes[positive])


def test_a_sum_that_underflows_is_left_out_but_its_ids_are_kept():
    interactions = check_interactions([["a", 1, 1e-30], ["b", 2, 1.0]])
    sums = sum_pairs(replace(interactions, y=np.array([1e-30, 1.0])))
    assert sums.matrix.nnz == 1 and sums.has_users.all() and sums.has_items.all()


def test_a_sum_beyond_float32_raises():
    with pytest.raises(ValueError, match="add up to more than float32 can represent"):
        sum_pairs(check_interactions([[1, 1], [1, 1]], [3e38, 3e38]))


def test_ids_are_not_copied_if_all_are_present():
    interactions = check_interactions([["a", 1], ["b", 2]])
    users, items = sum_pairs(interactions).present(interactions.users, interactions.items)
    assert users is interactions.users.ids and items is interactions.items.ids


def test_interactions_without_strengths_store_a_single_number():
    """y=None is represented by one number for any number of rows."""
    interactions = check_interactions(np.arange(200).reshape(100, 2))
    assert interactions.strength.shape == (100,) and interactions.strength.strides == (0,)


@pytest.mark.parametrize("seed", range(5))
def test_renumbering_selects_rows_and_columns(seed):
    rng = np.random.default_rng(seed)
    matrix = random_matrix(rng, 9, 7)
    before = matrix.copy()
    rows, columns = (np.where(kept := rng.random(n) < 0.6, np.cumsum(kept) * 2 - 1, -1) for n in matrix.shape)
    got = renumber(matrix, rows, columns, (20, 16)).toarray()
    expected = np.zeros((20, 16), np.float32)
    expected[np.ix_(rows[rows >= 0], columns[columns >= 0])] = matrix.toarray()[np.ix_(rows >= 0, columns >= 0)]
    np.testing.assert_array_equal(got, expected)
    same(matrix, before)


def test_renumbering_without_changes_does_not_copy():
    matrix = random_matrix(np.random.default_rng(0), 4, 5)
    assert renumber(matrix, np.arange(4), np.arange(5), (4, 5)) is matrix


@pytest.mark.parametrize("seed", range(5))
def test_added_matrices_equal_their_sum(seed):
    rng = np.random.default_rng(seed)
    old, new = random_matrix(rng, 6, 5), random_matrix(rng, 9, 8)
    before = old.copy(), new.copy()
    rows, columns = (np.sort(rng.choice(n, m, replace=False)) for n, m in ((9, 6), (8, 5)))
    placed = np.zeros((9, 8), np.float32)
    placed[np.ix_(rows, columns)] = old.toarray()
    same(add_matrices(old, rows, columns, new), sp.csr_array(sp.csr_array(placed) + new))
    same(old, before[0]), same(new, before[1])


@pytest.mark.parametrize("equal", [True, False])
def test_ratings_of_items_are_the_transpose_of_ratings_of_users(equal):
    matrix = random_matrix(np.random.default_rng(0), 9, 7)
    if equal:
        matrix.data[:] = 3
    ratings = scaled_ratings(matrix, 2.5)
    assert len(ratings.strengths) == (1 if equal else matrix.nnz)
    by_items = excess_of(transposed(ratings, 7))
    expected = sp.csr_array((np.float32(2.5) * matrix).T)
    for got, wanted in zip(by_items, (expected.indptr, expected.indices, expected.data)):
        np.testing.assert_array_equal(got, wanted)


def test_a_matrix_of_some_ids_leaves_out_the_others():
    interactions = check_interactions([["a", 1], ["b", 2], ["c", 1]], [1, 2, 3])
    matrix = build_matrix(interactions, np.array(["0", "a", "c"], object), np.array([0, 1, 5]))
    np.testing.assert_array_equal(matrix.toarray(), [[0, 0, 0], [0, 1, 0], [0, 3, 0]])


def test_entries_of_columns_are_counted():
    matrix = random_matrix(np.random.default_rng(0), 9, 7)
    np.testing.assert_array_equal(column_counts(matrix), np.bincount(matrix.indices, minlength=7))


@pytest.mark.parametrize("kernel", [_counting.add_rows, _counting.add_rows.py_func], ids=["compiled", "plain"])
def test_rows_without_a_counterpart_are_kept(kernel):
    old = sp.csr_array(np.array([[1, 2]], np.float32))
    new = sp.csr_array(np.array([[0, 0, 4], [0, 5, 0]], np.float32))
    indptr, indices, data = np.zeros(3, np.int64), np.empty(4, np.int32), np.empty(4, np.float32)
    n = kernel(rows_of(old), np.array([-1, 0]), np.array([1, 2]), rows_of(new), indptr, indices, data)
    assert (n, indptr.tolist(), indices[:n].tolist(), data[:n].tolist()) == (3, [0, 1, 3], [2, 1, 2], [4, 6, 2])
