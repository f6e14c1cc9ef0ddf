"""From strengths of interactions to weights in the losses of WARP and BPR."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

__all__ = ["rank_weights"]


def rank_weights(matrix: sp.csr_array) -> sp.csr_array:
    """Weights of the interactions of a user by the rank of their strengths: ``1/2 + rank / (n + 1)``, of n.

    Ranks of equal strengths are averaged. So a user's weights lie between 1/2 and 3/2 with a mean of 1, and neither the
    unit of strengths nor how far apart they are matters. The result shares the indices of the matrix.
    """
    indptr, data = matrix.indptr, matrix.data
    weights = np.ones(matrix.nnz, dtype=np.float32)
    if matrix.nnz and (data != data[0]).any():
        lengths = np.diff(indptr)
        rows = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        order = np.lexsort((data, rows))
        ascending = data[order]
        starts = np.flatnonzero(np.r_[True, (ascending[1:] != ascending[:-1]) | (rows[1:] != rows[:-1])])
        stops = np.r_[starts[1:], matrix.nnz]
        of_ties = rows[starts]
        ranks = (starts + stops + 1) / 2 - indptr[of_ties]
        weights[order] = np.repeat(0.5 + ranks / (lengths[of_ties] + 1), stops - starts)
    return sp.csr_array((weights, matrix.indices, indptr), shape=matrix.shape)
