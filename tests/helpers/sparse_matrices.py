"""Sparse matrices for tests: random ones, and conversions of others."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def random_rows(rng, n_rows, n_columns, density=0.2):
    """A CSR matrix of positive values with empty rows: the first, the last and a few by chance."""
    matrix = sp.random_array((n_rows, n_columns), density=density, rng=rng, format="lil")
    matrix[[0, n_rows - 1]] = 0
    matrix = sp.csr_array(matrix).astype(np.float32)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


def legacy_csr(matrix):
    """Convert a CSR array to a `csr_matrix` with 32-bit indices, which other libraries require."""
    parts = matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    return sp.csr_matrix(parts, shape=matrix.shape)


def entries(features):
    """Return the values of side features as a dict, by id and name of column."""
    coo, names = features.matrix.tocoo(), features.feature_names()
    cells = zip(coo.row, coo.col, coo.data, strict=True)
    return {(features.ids[row], names[column]): float(value) for row, column, value in cells}
