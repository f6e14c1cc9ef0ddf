"""Losses of WARP and BPR for tests of their training."""

from __future__ import annotations

from sklearn_recsketch.recommenders._pairwise.losses import BPRLoss, WARPLoss


def make_loss(rate, weights=None, margin=1.0, **options):
    """Return the loss of WARP with these rank weights, or of BPR if `weights` is None."""
    if weights is None:
        return BPRLoss(learning_rate=rate, **options)
    return WARPLoss(learning_rate=rate, margin=margin, rank_weights=weights, **options)
