"""Training epochs of WARP and BPR over the interactions of active users and items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.norms import all_finite, largest_norm
from sklearn_recsketch.kernels._jit import Rows, read_only, rows_of
from sklearn_recsketch.kernels._membership import BITS_PER_PAIR, mark_pairs
from sklearn_recsketch.kernels._pairs import BLOCK, Samples
from sklearn_recsketch.recommenders._pairwise.averages import EpochAverage
from sklearn_recsketch.recommenders._pairwise.losses import PairwiseLoss
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings, PlainSide
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["NO_BITS", "NO_STRENGTHS", "PairwiseEpochs", "every_item", "values_at"]

# Tasks per epoch, and most samples per task. An interruption takes effect between two tasks.
TASKS = 64
MOST_SAMPLES = 2**16
# Number of parts of an epoch. After each part, the L2 penalty is applied and features take their share of the steps.
# With one, four or eight parts, recall was the same on citeulike-a. Each part costs as much as a tenth of an epoch.
PARTS = 2
# If there are more known pairs per sample, searching for each sampled pair costs less than setting bits for all.
MOST_PAIRS_PER_SAMPLE = 8
NO_STRENGTHS = read_only(np.zeros(0, np.float32))
NO_BITS = read_only(np.full(1, ~np.uint64(0))), np.uint64(58)  # every pair may be known, so all are searched for

Snapshot: TypeAlias = tuple[np.ndarray, ...]


class PairwiseEpochs:
    """WARP and BPR training state: arrays that the kernels change in place.

    Parameters
    ----------
    matrix : csr_array of shape (n_users, n_items)
        Positive pairs and their weights.
    known : csr_array of shape (n_users, n_items)
        Known pairs and their weights, including the pairs in `matrix`. They are not sampled as negatives unless the
        loss has `weaker_negatives`. In that case, they may be negatives of stronger positives.
    users, items : PlainSide
    loss : PairwiseLoss
    seed : int
    pool : Workers
    average : bool, default=False
        Whether the method `embeddings` returns averages over the epochs.
    """

    def __init__(
        self,
        matrix: sp.csr_array,
        known: sp.csr_array,
        users: PlainSide,
        items: PlainSide,
        loss: PairwiseLoss,
        seed: int,
        pool: Workers,
        average: bool = False,
    ) -> None:
        self._pool, self._loss, self._seed = pool, loss, seed
        self.users, self.items = self._sides = users, items
        self._average = EpochAverage(pool) if average else None
        positives = rows_of(matrix)
        sample_users = np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(positives.indptr))
        known_rows = rows_of(known)
        with_levels = loss.weaker_negatives
        self._samples = Samples(
            read_only(sample_users),
            positives.indices,
            positives.data,
            known_rows.indptr,
            known_rows.indices,
            *_bits_of(known_rows, len(sample_users)),
            negative_pool=known_rows.indices if loss.by_popularity else every_item(known.shape[1]),
            levels=read_only(values_at(matrix, known)) if with_levels else NO_STRENGTHS,
            known_levels=known_rows.data if with_levels else NO_STRENGTHS,
        )
        self._total_weight = float(matrix.data.sum(dtype=np.float64))

    def run(self, epoch: int) -> float:
        """Take a gradient step for each positive pair. Return the loss per unit of weight."""
        n = len(self._samples.users)
        step, kernel = self._loss.step(self._seed, epoch, n), self._loss.kernel
        total = 0.0
        for start, stop in _block_ranges(0, n, PARTS):
            tasks = _block_ranges(start, stop, max(TASKS // PARTS, -(-(stop - start) // MOST_SAMPLES)))
            results = self._pool.map(
                lambda task: kernel(task[0], task[1], self._samples, self.users.kernel, self.items.kernel, step), tasks
            )
            total += sum(results)
            for side in self._sides:
                side.finish_part(self._loss.learning_rate * (stop - start) / n)
        if self._average is not None:
            self._average.add(array for side in self._sides for array in side.learned)
        return total / self._total_weight

    def is_finite(self) -> bool:
        """Return whether all embeddings and biases are finite."""
        return all_finite(array for side in self._sides for array in side.arrays)

    def embeddings(self) -> list[tuple[Embeddings, Embeddings | None]]:
        """Return the embeddings of users and of items; see `PlainSide.embeddings`.

        If `average=True`, they are averages over the epochs.
        """
        return [side.embeddings(learned) for side, learned in zip(self._sides, self._learned(), strict=True)]

    def snapshot(self, reuse: list[Snapshot] | None = None) -> list[Snapshot]:
        """Copy the arrays from which the method `embeddings` computes its result.

        If `reuse` is an earlier snapshot, its arrays are overwritten.
        """
        copies: Sequence[Snapshot | None] = reuse or [None, None]
        return [
            side.snapshot(learned, copy)
            for side, learned, copy in zip(self._sides, self._learned(), copies, strict=True)
        ]

    def restore(self, snapshot: list[Snapshot]) -> None:
        """Restore the arrays from a snapshot."""
        for side, saved in zip(self._sides, snapshot, strict=True):
            side.restore(saved)
        if self._average is not None and self._average.arrays:
            self._average.restart(array for side in self._sides for array in side.learned)

    def _learned(self) -> tuple[Sequence[np.ndarray], Sequence[np.ndarray]]:
        """Return the learned arrays of users and of items. If `average=True`, they are averages over the epochs."""
        if self._average is None or not self._average.arrays:
            return self.users.learned, self.items.learned
        n_users = len(self.users.learned)
        return self._average.arrays[:n_users], self._average.arrays[n_users:]

    def largest_norm(self) -> float:
        """Return the largest norm of all user and item vectors."""
        return largest_norm(side.kernel.vectors for side in self._sides)


def _block_ranges(start: int, stop: int, n: int) -> list[tuple[int, int]]:
    """Cut the samples [start, stop) into at most n ranges of whole blocks. Only the last block may be shorter."""
    blocks = -(-(stop - start) // BLOCK)
    return [(start + a * BLOCK, min(start + b * BLOCK, stop)) for a, b in even_ranges(blocks, max(1, -(-blocks // n)))]


def every_item(n_items: int) -> np.ndarray:
    """Return an array that contains each item once, for sampling negatives uniformly."""
    return read_only(np.arange(n_items, dtype=np.int32))


def values_at(entries: sp.csr_array, matrix: sp.csr_array) -> np.ndarray:
    """Return the values of `matrix` at the stored entries of `entries`.

    The value is 0 where `matrix` has no stored entry. Both matrices must have sorted indices.
    """
    if matrix.indices is entries.indices:
        return np.asarray(matrix.data)
    stored, wanted = (m.tocoo().row.astype(np.int64) * m.shape[1] + m.indices for m in (matrix, entries))
    found = np.minimum(np.searchsorted(stored, wanted), len(stored) - 1)
    return np.where(stored[found] == wanted, matrix.data[found], np.float32(0))


def _bits_of(rows: Rows, n_samples: int) -> tuple[np.ndarray, np.uint64]:
    """Return a bit array that marks the stored pairs, and the shift that converts a hash to a bit position.

    If there are few samples, the result is NO_BITS because searching for the sampled pairs is faster in this case.
    """
    if len(rows.indices) > MOST_PAIRS_PER_SAMPLE * n_samples:
        return NO_BITS
    n_words = max(1, len(rows.indices) * BITS_PER_PAIR // 64)
    exponent = (n_words - 1).bit_length()
    bits, shift = np.zeros(1 << exponent, np.uint64), np.uint64(58 - exponent)
    mark_pairs(rows.indptr, rows.indices, bits, shift)
    return read_only(bits), shift
