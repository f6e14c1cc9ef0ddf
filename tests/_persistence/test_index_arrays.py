"""Damaged index arrays of sparse matrices are refused, also those that are mapped into memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from random_factors import random_vectors

from sklearn_recsketch import WRMFRecommender, load_model, save_model
from sklearn_recsketch._persistence.index_arrays import CHUNK, check_index_arrays
from sklearn_recsketch.exceptions import ModelFileError
from sklearn_recsketch.recommenders._from_factors import fit_from_factors

MODES = pytest.mark.parametrize("mmap_mode", [None, "r"])
WIDTH, PER_ROW = 1000, 10


def arrays_of(n_rows):
    """Distinct and ascending indices of a matrix, with an empty row at each end."""
    indices = np.arange(PER_ROW) * (WIDTH // PER_ROW) + np.arange(n_rows)[:, None] % (WIDTH // PER_ROW)
    return indices.ravel().astype(np.int32), np.r_[0, np.arange(n_rows + 1), n_rows].astype(np.int32) * PER_ROW


def refused(indices, indptr, ascending=True, distinct=True):
    try:
        check_index_arrays(indices, indptr, (len(indptr) - 1, WIDTH), ascending, distinct)
    except ModelFileError:
        return True
    return False


N_ROWS = 3 * CHUNK // PER_ROW  # the indices take several chunks, and chunks end inside of rows
PLACES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, N_ROWS * PER_ROW - 1]


def test_valid_arrays_are_accepted():
    for n_rows in (0, 1, 5, N_ROWS):
        assert not refused(*arrays_of(n_rows))


@pytest.mark.parametrize("value", [-1, WIDTH, 2**31 - 1])
@pytest.mark.parametrize("place", PLACES)
def test_an_index_out_of_range_is_found_in_each_chunk(place, value):
    indices, indptr = arrays_of(N_ROWS)
    indices[place] = value
    assert refused(indices, indptr, ascending=False, distinct=False)


@pytest.mark.parametrize("place", PLACES)
def test_indices_in_another_order_are_found_in_each_chunk(place):
    indices, indptr = arrays_of(N_ROWS)
    place -= place % PER_ROW == PER_ROW - 1  # it stays in its row
    indices[[place, place + 1]] = indices[[place + 1, place]]
    assert refused(indices, indptr, distinct=False)
    assert not refused(indices, indptr, ascending=False, distinct=False)


@pytest.mark.parametrize("place", PLACES)
def test_repeated_indices_are_found_in_each_chunk(place):
    indices, indptr = arrays_of(N_ROWS)
    place -= place % PER_ROW == PER_ROW - 1
    indices[place + 1] = indices[place]
    assert refused(indices, indptr)
    assert not refused(indices, indptr, distinct=False)


@pytest.mark.parametrize("place", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + 10])
def test_decreasing_row_pointers_are_found_in_each_chunk(place):
    indptr = np.zeros(CHUNK + 11, dtype=np.int64)
    assert not refused(np.zeros(0, np.int32), indptr)
    indptr[place] = 1 if place < CHUNK + 10 else -1
    assert refused(np.zeros(1, np.int32), indptr)


def test_the_arrays_are_not_copied():
    indices, indptr = arrays_of(1_000_000)  # 40 MB and 4 MB
    tracemalloc.start()
    check_index_arrays(indices, indptr, (len(indptr) - 1, WIDTH), True, True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * CHUNK  # a few temporary arrays of one chunk, with 8 bytes per value


@MODES
def test_a_changed_index_of_a_large_file_is_found(mmap_mode, tmp_path):
    """More than 1 MiB of indices, whose CRC-32 is not computed when they are mapped."""
    rng = np.random.default_rng(0)
    indices, indptr = arrays_of(60_000)
    seen = sp.csr_array((np.ones(len(indices), np.float32), indices, indptr), shape=(len(indptr) - 1, WIDTH))
    users, items = random_vectors(seen.shape[0], rng, 2), random_vectors(WIDTH, rng, 2)
    ids = [np.arange(n) for n in seen.shape]
    path = tmp_path / "model.zip"
    save_model(fit_from_factors(WRMFRecommender(2), *ids, users, items, interactions=seen), path)
    data = bytearray(path.read_bytes())
    data[data.index(indices.tobytes()) + 4 * 300_000 + 3] = 0x7F  # the highest byte of an index
    path.write_bytes(bytes(data))
    with pytest.raises(ModelFileError, match=r"out of range|indices.npy' have changed"):
        load_model(path, mmap_mode=mmap_mode)
