"""Made-up data and sides for tests of the kernels of WARP and BPR."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from pairwise_losses import make_loss

from sklearn_recsketch.recommenders._pairwise.epochs import PairwiseEpochs
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings, FeaturedSide, Features, PlainSide
from sklearn_recsketch.utils._threads import Workers

ALONE = Workers(None, 1)


def sgd_case(seed, featured):
    """Return strengths, vectors of users and items, and for each side None or features with their embeddings."""
    rng = np.random.default_rng(seed)
    matrix = sp.csr_array(rng.integers(1, 4, (30, 40)) * (rng.random((30, 40)) < 0.3)).astype(np.float32)
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


def plain_epochs(seed, weights=None, rate=0.1, **options):
    """Return the training state without features, of WARP with these rank weights, or of BPR."""
    matrix, own, features = sgd_case(seed, featured=False)
    return PairwiseEpochs(matrix, matrix, *sgd_sides(own, features), make_loss(rate, weights, **options), 5, ALONE)


def run_kernel(kernel, epochs, ranges, epoch=0):
    """Run a kernel over ranges of the samples; returns the sum of the losses."""
    step = epochs._loss.step(5, epoch, len(epochs._samples.users))
    return sum(kernel(a, b, epochs._samples, epochs.users.kernel, epochs.items.kernel, step) for a, b in ranges)
