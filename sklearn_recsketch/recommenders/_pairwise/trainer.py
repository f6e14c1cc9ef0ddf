"""Epochs of WARP and BPR."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.norms import all_finite, largest_norm
from sklearn_recsketch.kernels._jit import Rows, read_only, rows_of
from sklearn_recsketch.kernels._membership import BITS_PER_PAIR, mark_pairs
from sklearn_recsketch.kernels._rng import stream_key
from sklearn_recsketch.kernels._sgd import ACCUMULATOR, Samples, Side, Step, bpr_pass, warp_pass
from sklearn_recsketch.recommenders._pairwise.averages import EpochAverage
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings, PlainSide
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["Loss", "PairwisePasses", "at_entries_of", "fold_in", "penalty_unit", "warp_rank_weights"]

TASKS = 64  # samples of a pass are cut so many times: Ctrl-C is heeded between two of them
# Times an epoch the L2 penalty is applied, and features get their share of the steps. With one, four or eight times
# recall was the same on citeulike-a; each costs as much as a tenth of an epoch.
PARTS = 2
LARGEST_WEIGHT = 10.0
FEW = 8  # pairs per sample from which on a search for what is drawn costs less than bits for all pairs
NO_LEVELS = read_only(np.zeros(0, np.float32))
MAYBE = read_only(np.full(1, ~np.uint64(0))), np.uint64(58)  # bits that answer nothing: every pair is searched for


def warp_rank_weights(n_items: int, max_sampled: int) -> np.ndarray:
    """Weight of a violation found at draw q: ``min(10, log(max(1, floor((n_items - 1) / q))))``; entry 0 is unused."""
    draws = np.arange(1, max_sampled + 1)
    rank = np.maximum(1, (n_items - 1) // draws)
    return np.concatenate([[0], np.minimum(LARGEST_WEIGHT, np.log(rank))]).astype(np.float32)


class Loss(NamedTuple):
    """What distinguishes WARP from BPR: `rank_weights` is None for BPR.

    WARP draws all items alike, BPR may draw those of known pairs. With `weaker`, items that a user has interacted with
    less may be negatives, too.
    """

    learning_rate: float
    margin: float
    rank_weights: np.ndarray | None
    by_popularity: bool = False
    weaker: bool = False


def penalty_unit(loss: Loss, known: sp.csr_array) -> float:
    """The penalty of the mean row for a regularization of 1: ``w (sqrt(d_u) + sqrt(d_i)) / 2``.

    Near zero, the loss of a rank-one component ``s a, t b`` is ``-w s t sigma``, w being the weight of a first step and
    sigma the component's singular value in the 0/1 matrix. With ``lam_u s^2 + lam_i t^2`` it grows only if
    ``w sigma > 2 sqrt(lam_u lam_i)``, and a matrix without structure has no sigma above ``sqrt(d_u) + sqrt(d_i)``, d_u
    and d_i being the mean interactions of a user and of an item (the edge of the Marchenko-Pastur distribution).

    WARP looks for violations, so its weight stays as large. BPR draws one item: the more items there are, the fewer
    draws are near the top of the user's list. Dividing its first weight, 1/2, by sqrt(n_items) fits from 1,000 to
    41,000 items.
    """
    n_users, n_items = known.shape
    weight = 0.5 / math.sqrt(n_items) if loss.rank_weights is None else float(loss.rank_weights[1])
    return weight * (math.sqrt(known.nnz / n_users) + math.sqrt(known.nnz / n_items)) / 2


Snapshot: TypeAlias = tuple[np.ndarray, ...]


class PairwisePasses:
    """Training state: arrays that the kernels change in place.

    Parameters
    ----------
    matrix : csr_array of shape (n_users, n_items)
        Positives of training and their weights.
    known : csr_array of the same shape
        Known pairs and their weights: those of `matrix` and maybe more. They are no negatives, or only of stronger
        positives.
    users, items : PlainSide
    loss : Loss
    seed : int
    pool : Workers
    average : bool, default=False
        Whether `embeddings` are averages over the epochs.
    """

    def __init__(
        self,
        matrix: sp.csr_array,
        known: sp.csr_array,
        users: PlainSide,
        items: PlainSide,
        loss: Loss,
        seed: int,
        pool: Workers,
        average: bool = False,
    ) -> None:
        self._pool, self._loss, self._seed = pool, loss, seed
        self.users, self.items = self._sides = users, items
        self._average = EpochAverage(pool) if average else None
        positives = rows_of(matrix)
        sample_users = np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(positives.indptr))
        never_drawn = rows_of(known)
        self._samples = Samples(
            read_only(sample_users),
            positives.indices,
            positives.data,
            never_drawn.indptr,
            never_drawn.indices,
            *_bits_of(never_drawn, len(sample_users)),
            drawn=never_drawn.indices if loss.by_popularity else _all_alike(matrix.shape[1]),
            levels=read_only(at_entries_of(known, matrix)) if loss.weaker else NO_LEVELS,
            known_levels=never_drawn.data if loss.weaker else NO_LEVELS,
        )
        self._total_strength = float(matrix.data.sum(dtype=np.float64))

    def run(self, epoch: int) -> float:
        """One pass over the positives; returns the loss per unit of strength."""
        n = len(self._samples.users)
        step = _step(self._loss, self._seed, epoch, n)
        kernel = _kernel(self._loss)
        total = 0.0
        for start, stop in even_ranges(n, -(-n // PARTS)):
            tasks = [(start + a, start + b) for a, b in even_ranges(stop - start, -(-n // TASKS))]
            results = self._pool.map(
                lambda task: kernel(task[0], task[1], self._samples, self.users.kernel, self.items.kernel, step), tasks
            )
            total += sum(results)
            for side in self._sides:
                side.finish_part(self._loss.learning_rate * (stop - start) / n)
        if self._average is not None:
            self._average.add(array for side in self._sides for array in side.learned)
        return total / self._total_strength

    def is_finite(self) -> bool:
        """Whether all embeddings and biases are finite."""
        return all_finite(array for side in self._sides for array in side.arrays)

    def embeddings(self) -> list[tuple[Embeddings, Embeddings | None]]:
        """Those of users and of items, averaged over the epochs if asked for; see `PlainSide.embeddings`."""
        return [side.embeddings(learned) for side, learned in zip(self._sides, self._learned(), strict=True)]

    def snapshot(self, reuse: list[Snapshot] | None = None) -> list[Snapshot]:
        """Copies of what `embeddings` are made of, in the arrays of an earlier snapshot where given."""
        copies: Sequence[Snapshot | None] = reuse or [None, None]
        return [
            side.snapshot(learned, copy)
            for side, learned, copy in zip(self._sides, self._learned(), copies, strict=True)
        ]

    def restore(self, snapshot: list[Snapshot]) -> None:
        """Go back to a snapshot."""
        for side, saved in zip(self._sides, snapshot, strict=True):
            side.restore(saved)
        if self._average is not None and self._average.arrays:
            self._average.restart(array for side in self._sides for array in side.learned)

    def _learned(self) -> tuple[Sequence[np.ndarray], Sequence[np.ndarray]]:
        """What users and items have learned, averaged over the epochs if asked for."""
        if self._average is None or not self._average.arrays:
            return self.users.learned, self.items.learned
        n_users = len(self.users.learned)
        return self._average.arrays[:n_users], self._average.arrays[n_users:]

    def largest_norm(self) -> float:
        """Largest norm of a vector."""
        return largest_norm(side.kernel.vectors for side in self._sides)


def fold_in(
    history: sp.csr_array,
    users: np.ndarray,
    items: Embeddings,
    popularity: np.ndarray,
    loss: Loss,
    seed: int,
    n_epochs: int,
    penalty: float,
    anchors: np.ndarray,
    pool: Workers,
) -> None:
    """Train each user's vector on her history alone, in place, with the items frozen.

    One user after another: her vector does not depend on who else is asked for, nor on threads. As in training, the
    penalty is in proportion to the strengths of her history, and on what is not said by features.

    Parameters
    ----------
    history : csr_array of shape (n_users, n_items)
    users : ndarray of shape (n_users, K), dtype float32
        Where to start from; the result on return.
    items : Embeddings
        Copies, as the kernels write to what they train, and a frozen side is written as it was.
    popularity : ndarray of shape (n_items,)
        Number of likes of each item, in proportion to which BPR draws, if it goes by popularity.
    loss : Loss
    seed : int
    n_epochs : int
    penalty : float
        Per unit of strength.
    anchors : ndarray of shape (n_users, K), dtype float32
        What features say of each user, towards which her vector shrinks.
    pool : Workers
    """
    rows = rows_of(history)
    item_side = PlainSide(items, True, pool).kernel
    user_state = Embeddings.starting_at(users, 0.0).state
    kernel = _kernel(loss)
    drawn = _all_alike(len(popularity))
    if loss.by_popularity:
        drawn = read_only(np.repeat(drawn, popularity))

    def part(task: tuple[int, int]) -> None:
        for u in range(*task):
            first, last = int(rows.indptr[u]), int(rows.indptr[u + 1])
            n = last - first
            liked, indptr = rows.indices[first:last], read_only(np.array([0, n]))
            user = read_only(np.zeros(n, np.int32))
            strengths = rows.data[first:last]
            levels = strengths if loss.weaker else NO_LEVELS
            samples = Samples(user, liked, strengths, indptr, liked, *MAYBE, drawn, levels, levels)
            one = Side(users[u : u + 1], None, user_state[u : u + 1])
            of_user = -2.0 * loss.learning_rate * penalty * float(strengths.sum())
            for epoch in range(n_epochs):
                kernel(0, n, samples, one, item_side, _step(loss, seed, epoch, n)._replace(item_rate=np.float32(0)))
                factor = np.float32(math.exp(of_user / math.sqrt(user_state[u, ACCUMULATOR])))
                users[u] = anchors[u] + factor * (users[u] - anchors[u])

    pool.map(part, even_ranges(len(users), 64))


def at_entries_of(matrix: sp.csr_array, entries: sp.csr_array) -> np.ndarray:
    """Values of `matrix` at the stored entries of another of the same shape, both sorted; 0 where it has none."""
    if matrix.indices is entries.indices:
        return np.asarray(matrix.data)
    places, wanted = (m.tocoo().row.astype(np.int64) * m.shape[1] + m.indices for m in (matrix, entries))
    found = np.minimum(np.searchsorted(places, wanted), len(places) - 1)
    return np.where(places[found] == wanted, matrix.data[found], np.float32(0))


def _all_alike(n_items: int) -> np.ndarray:
    """Each item once."""
    return read_only(np.arange(n_items, dtype=np.int32))


def _bits_of(rows: Rows, n_samples: int) -> tuple[np.ndarray, np.uint64]:
    """The bits of the stored pairs, and the shift that makes places of hashes.

    To set them all takes longer than to search for what a few samples draw.
    """
    if len(rows.indices) > FEW * n_samples:
        return MAYBE
    n_words = max(1, len(rows.indices) * BITS_PER_PAIR // 64)
    exponent = (n_words - 1).bit_length()
    bits, shift = np.zeros(1 << exponent, np.uint64), np.uint64(58 - exponent)
    mark_pairs(rows.indptr, rows.indices, bits, shift)
    return read_only(bits), shift


def _kernel(loss: Loss) -> Any:
    return bpr_pass if loss.rank_weights is None else warp_pass


def _step(loss: Loss, seed: int, epoch: int, n: int) -> Step:
    rate = np.float32(loss.learning_rate)
    weights = np.zeros(1, np.float32) if loss.rank_weights is None else loss.rank_weights
    return Step(
        key=stream_key(seed, epoch),
        half_bits=np.uint64((max(n - 1, 1).bit_length() + 1) // 2),
        user_rate=rate,
        item_rate=rate,
        margin=np.float32(loss.margin),
        rank_weights=read_only(weights),
    )
