"""What tests against other libraries share."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def peers_matrix(matrix):
    """A matrix as peers want it: of the old class, with 32-bit indices."""
    parts = matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    return sp.csr_matrix(parts, shape=matrix.shape)
