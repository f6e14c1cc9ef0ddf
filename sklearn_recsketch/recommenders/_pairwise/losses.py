"""Losses, interaction weights and penalty units of WARP and BPR."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.kernels._bpr_steps import bpr_pass
from sklearn_recsketch.kernels._jit import read_only
from sklearn_recsketch.kernels._pairs import BLOCK, Step
from sklearn_recsketch.kernels._rng import stream_key
from sklearn_recsketch.kernels._warp_steps import warp_pass
from sklearn_recsketch.utils._threads import balanced_ranges

__all__ = ["BPRLoss", "PairwiseLoss", "WARPLoss", "penalty_unit", "strength_weights", "warp_rank_weights"]

LARGEST_WEIGHT = 10.0
STRENGTHS_PER_SORT = 2**20  # most strengths that are sorted together, because sorting cannot be interrupted
# Samples that WARP compares to each candidate. With four, an epoch takes a sixth less time, but nDCG@20 on citeulike-a
# was 5 % lower after 20 epochs. With one, it was 1 % higher.
SAMPLES_PER_CANDIDATE = 2


@dataclass(frozen=True, eq=False, kw_only=True)
class PairwiseLoss(ABC):
    """Loss of a pair that consists of a positive item and a sampled negative item.

    Attributes
    ----------
    learning_rate : float
    weaker_negatives : bool
        Whether items may be negatives if their interaction with the user is weaker than the positive interaction.
    by_popularity : bool
        Whether negatives are sampled in proportion to their number of interactions. If False, they are sampled
        uniformly. WARP only supports False.
    """

    learning_rate: float
    weaker_negatives: bool = False
    by_popularity: bool = False

    @property
    @abstractmethod
    def kernel(self) -> Any:
        """Kernel that takes a gradient step for each sample in a range."""

    @abstractmethod
    def first_weight(self, n_items: int) -> float:
        """Return the weight of a typical step while all vectors are near zero."""

    @abstractmethod
    def step(self, seed: int, epoch: int, n_samples: int) -> Step:
        """Return the kernel arguments that stay the same during an epoch."""

    def _step(self, seed: int, epoch: int, n_samples: int, margin: float, rank_weights: np.ndarray) -> Step:
        rate = np.float32(self.learning_rate)
        return Step(
            key=stream_key(seed, epoch),
            half_bits=np.uint64((max(n_samples - 1, 1).bit_length() + 1) // 2),
            block_size=BLOCK,
            n_candidates=0,
            user_rate=rate,
            item_rate=rate,
            margin=np.float32(margin),
            rank_weights=read_only(rank_weights),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class WARPLoss(PairwiseLoss):
    """Hinge loss of the first violation, weighted by the estimated rank of the positive item.

    Attributes
    ----------
    margin : float
    rank_weights : ndarray of shape (max_sampled + 1,)
        See `warp_rank_weights`.
    """

    margin: float
    rank_weights: np.ndarray

    @property
    def kernel(self) -> Any:
        return warp_pass

    def first_weight(self, n_items: int) -> float:
        return float(self.rank_weights[1])

    def step(self, seed: int, epoch: int, n_samples: int) -> Step:
        n_candidates = 16 if len(self.rank_weights) <= 17 else 32
        step = self._step(seed, epoch, n_samples, self.margin, self.rank_weights)
        return step._replace(block_size=SAMPLES_PER_CANDIDATE * n_candidates, n_candidates=n_candidates)


@dataclass(frozen=True, eq=False, kw_only=True)
class BPRLoss(PairwiseLoss):
    """Logistic loss of the difference between the scores of the positive item and one negative item."""

    @property
    def kernel(self) -> Any:
        return bpr_pass

    def first_weight(self, n_items: int) -> float:
        # One item is sampled: the more items there are, the fewer of the samples are near the top of the user's list.
        # Dividing the first weight, 1/2, by sqrt(n_items) was right for data with 1,000 to 41,000 items.
        return 0.5 / math.sqrt(n_items)

    def step(self, seed: int, epoch: int, n_samples: int) -> Step:
        return self._step(seed, epoch, n_samples, 0.0, np.zeros(1, np.float32))


def warp_rank_weights(n_items: int, max_sampled: int) -> np.ndarray:
    """Compute the weight of a violation found in draw q: ``min(10, log(max(1, floor((n_items - 1) / q))))``.

    Entry 0 is unused.
    """
    draws = np.arange(1, max_sampled + 1)
    rank = np.maximum(1, (n_items - 1) // draws)
    return np.concatenate([[0], np.minimum(LARGEST_WEIGHT, np.log(rank))]).astype(np.float32)


def penalty_unit(loss: PairwiseLoss, interactions: sp.csr_array) -> float:
    """Compute the penalty of an average row for a regularization of 1: ``w (sqrt(d_u) + sqrt(d_i)) / 2``.

    Near zero, a rank-one component with user vectors ``s a`` and item vectors ``t b`` changes the loss by
    ``-w s t sigma``. Here w is the weight of a first step, and sigma is the singular value of the component in the 0/1
    matrix. With the penalty ``lam_u s^2 + lam_i t^2``, the component grows only if ``w sigma > 2 sqrt(lam_u lam_i)``.
    The singular values of a random matrix do not exceed ``sqrt(d_u) + sqrt(d_i)``, the edge of the Marchenko-Pastur
    distribution. Here d_u is the mean number of interactions of a user, and d_i is the mean number of interactions of
    an item.
    """
    n_users, n_items = interactions.shape
    edge = math.sqrt(interactions.nnz / n_users) + math.sqrt(interactions.nnz / n_items)
    return loss.first_weight(n_items) * edge / 2


def strength_weights(matrix: sp.csr_array) -> sp.csr_array:
    """Compute the weights of a user's n interactions from the ranks of their strengths: ``1/2 + rank / (n + 1)``.

    Tied strengths are assigned the mean of their ranks. A user's weights lie between 1/2 and 3/2, and their mean is 1.
    Only the order of the strengths matters. The result shares its index arrays with `matrix`.
    """
    indptr, data = matrix.indptr, matrix.data
    weights = np.ones(matrix.nnz, dtype=np.float32)
    if matrix.nnz and (data != data[0]).any():
        for first, last in balanced_ranges(indptr, 1, STRENGTHS_PER_SORT):
            part = slice(indptr[first], indptr[last])
            weights[part] = _weights_of_ranks(data[part], np.diff(indptr[first : last + 1]))
    return sp.csr_array((weights, matrix.indices, indptr), shape=matrix.shape)


def _weights_of_ranks(strengths: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Compute the weights of the strengths of several users, given the number of strengths of each user."""
    weights = np.empty(len(strengths), dtype=np.float32)
    rows = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    order = np.lexsort((strengths, rows))
    ascending = strengths[order]
    is_first = np.ones(len(strengths), dtype=bool)
    is_first[1:] = (ascending[1:] != ascending[:-1]) | (rows[1:] != rows[:-1])
    starts = np.flatnonzero(is_first)
    stops = np.append(starts[1:], len(strengths))[: len(starts)]
    row_of_tie = rows[starts]
    ranks = (starts + stops + 1) / 2 - (np.cumsum(lengths) - lengths)[row_of_tie]
    weights[order] = np.repeat(0.5 + ranks / (lengths[row_of_tie] + 1), stops - starts)
    return weights
