"""Users or items during the training of WARP and BPR, with or without side features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.feature_matrix import FeatureMatrix
from sklearn_recsketch.kernels._embedding_rows import displacements, recombine, shrink_rows, step_and_shrink
from sklearn_recsketch.kernels._jit import cache_aligned, read_only
from sklearn_recsketch.kernels._pairs import ACCUMULATOR, BIAS, BIAS_ACCUMULATOR, PENALTY, Side
from sklearn_recsketch.kernels._sparse import divide_rows
from sklearn_recsketch.recommenders._entities import Entities
from sklearn_recsketch.utils._threads import Workers, even_ranges

__all__ = ["Embeddings", "FeaturedSide", "Features", "PlainSide"]

ROWS = 4096  # rows per task
# Weight of |dW|^2 relative to |D - F dW|^2, for features of unit length. It stabilizes the solution for
# correlated features.
RIDGE = 1.0
# Gain of the features' share of the movement, see `FeaturedSide`, and the factor by which the relevance decays after
# each part. Movement is mostly signal at first, and mostly noise later. A constant share of 12 was as good on
# citeulike-a and worse on lastfm, which has more interactions per item (recall of cold items .42 instead of .47). A
# constant share of 4 lost 10 % of the recall of cold items on citeulike-a.
GAIN = 20.0
DECAY = 0.97


class Embeddings(NamedTuple):
    """Embeddings of users, items or features, with their biases, penalties and Adagrad accumulators.

    Attributes
    ----------
    values : ndarray of shape (n, K)
    state : ndarray of shape (n, 4)
        Columns ACCUMULATOR, PENALTY, BIAS and BIAS_ACCUMULATOR of `kernels._pairs`.
    """

    values: np.ndarray
    state: np.ndarray

    @classmethod
    def starting_at(
        cls, values: np.ndarray, penalty: np.ndarray | float = 0.0, biases: np.ndarray | float = 0.0
    ) -> Embeddings:
        """Create embeddings for the start of training, with all accumulators set to one."""
        state = np.zeros((len(values), 4), dtype=np.float32)
        state[:, [ACCUMULATOR, BIAS_ACCUMULATOR]] = 1
        state[:, PENALTY], state[:, BIAS] = penalty, biases
        return cls(values, state)

    def copy(self) -> Embeddings:
        """Copy both arrays."""
        return Embeddings(self.values.copy(), self.state.copy())

    def take(self, rows: Any) -> Embeddings:
        """Select some of the rows. The result holds views if `rows` is a slice, else copies."""
        return Embeddings(self.values[rows], self.state[rows])

    def assign(self, rows: Any, trained: Embeddings) -> None:
        """Overwrite some of the rows with trained embeddings."""
        self.values[rows], self.state[rows] = trained.values, trained.state

    def continued(self, entities: Entities, old: Entities, old_state: np.ndarray) -> Embeddings:
        """Return the same embeddings and penalties, with the biases and accumulators of an earlier fit."""
        penalty = self.state[:, PENALTY].copy()
        state = entities.carry(old, old_state, self.state)
        biases = entities.carry_vectors(old, old_state[:, BIAS, None], state[:, BIAS, None].copy())
        state[:, BIAS], state[:, PENALTY] = biases[:, 0], penalty
        return Embeddings(self.values, state)

    @property
    def accumulators(self) -> np.ndarray:
        """Accumulated squared gradients of each embedding, of shape (n,)."""
        return self.state[:, ACCUMULATOR]

    @property
    def bias_accumulators(self) -> np.ndarray:
        """Accumulated squared gradients of each bias, of shape (n,)."""
        return self.state[:, BIAS_ACCUMULATOR]

    @property
    def penalties(self) -> np.ndarray:
        """L2 penalty of each embedding, of shape (n,)."""
        return self.state[:, PENALTY]

    @property
    def biases(self) -> np.ndarray:
        """Bias of each embedding, of shape (n,)."""
        return self.state[:, BIAS]

    @property
    def with_biases(self) -> np.ndarray:
        """Values and biases side by side, of shape (n, K + 1)."""
        return np.hstack([self.values, self.state[:, BIAS, None]])


class Features(NamedTuple):
    """Weights of the identity embedding and of the feature embeddings in each row.

    A row is ``weight * (identity embedding) + F (feature embeddings)``.
    """

    design: sp.csr_array  # F, (n, n_features)
    weight: float  # 0 without identity embeddings


class PlainSide:
    """Users or items without side features. Each row is a single embedding."""

    def __init__(self, initial: Embeddings, with_bias: bool, pool: Workers) -> None:
        self._pool = pool
        self.state = initial.state
        biases = initial.biases.copy() if with_bias else None
        self.kernel = Side(cache_aligned(initial.values), biases, initial.state)

    def finish_part(self, rate: float) -> None:
        """Apply the L2 penalty after a part of an epoch.

        `rate` is the learning rate, multiplied by the size of the part as a fraction of the epoch.
        """
        if self.state[:, PENALTY].any():
            vectors, state = self.kernel.vectors, self.state
            self._each(lambda task: shrink_rows(task[0], task[1], vectors, state, rate))
            self._copy_biases()

    @property
    def learned(self) -> tuple[np.ndarray, ...]:
        """Two-dimensional arrays that are averaged over the epochs: the vectors and the biases of the rows."""
        return self.kernel.vectors, self.state[:, BIAS : BIAS + 1]

    def embeddings(self, learned: Sequence[np.ndarray]) -> tuple[Embeddings, Embeddings | None]:
        """Return the embeddings of the rows and, if there are features, the feature embeddings.

        `learned` holds the learned arrays or their averages.
        """
        rows = Embeddings(learned[0].copy(), self.state.copy())
        rows.state[:, BIAS] = learned[1][:, 0]
        return rows, None

    def snapshot(self, learned: Sequence[np.ndarray], reuse: tuple[np.ndarray, ...] | None) -> tuple[np.ndarray, ...]:
        """Copy `learned` and the state.

        If `reuse` is an earlier snapshot, its arrays are overwritten.
        """
        sources = (*learned, self.state)
        if reuse is None:
            reuse = tuple(np.empty(source.shape, source.dtype) for source in sources)
        for source, target in zip(sources, reuse, strict=True):
            self._pool.map(
                lambda task, source=source, target=target: np.copyto(target[slice(*task)], source[slice(*task)]),
                even_ranges(len(source), 2 * ROWS),
            )
        return reuse

    def restore(self, snapshot: tuple[np.ndarray, ...]) -> None:
        """Restore the arrays from a snapshot."""
        *learned, self.state[...] = snapshot
        for array, saved in zip(self.learned, learned, strict=True):
            array[...] = saved
        self._copy_biases()

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All arrays that change during training."""
        return (*self.learned, self.state)

    def _copy_biases(self) -> None:
        if self.kernel.biases is not None:
            self.kernel.biases[:] = self.state[:, BIAS]

    def _each(self, function: Callable[[tuple[int, int]], None]) -> None:
        self._pool.map(function, even_ranges(len(self.state), ROWS))


class FeaturedSide(PlainSide):
    """Users or items with side features. The feature embeddings are trained, too.

    The kernels update the rows as if they had no features. After each part of an epoch, a ridge regression predicts the
    movement D of the rows, minus its mean, from the features: ``dW = share * argmin |D - F dW|^2 + |dW|^2``. The
    regression is approximated by one step towards the minimum. The product F dW is then added to the rows. In this way,
    a movement shared by many rows with a feature is extended to all rows with this feature, whereas the movement of a
    single row is not. If the feature embeddings were instead updated for each sample, noise would accumulate in the
    embeddings of common features.

    `share` is the product of GAIN, the relevance of the features and ``r / (1 + r)``. Here r is the mean of |f|^2,
    divided by the square of the identity weight. If all embeddings have the same variance, ``r / (1 + r)`` is the
    fraction of a row's variance that is due to features. The share is bounded because rows that move too far do not
    recover. The relevance is the correlation between the movement of a row and its prediction from other rows with the
    same features. The relevance is at least DECAY times its previous value. For informative tags, the correlation was
    .2 to .5 in the first epoch and .03 to .1 after ten epochs. When items were given the tags of randomly chosen other
    items, the correlation was below .02.
    """

    def __init__(
        self, identities: Embeddings, feature_embeddings: Embeddings, features: Features, with_bias: bool, pool: Workers
    ) -> None:
        design, self._weight = features
        self._features = FeatureMatrix(design)
        self._feature_state, self._W = feature_embeddings.state, feature_embeddings.with_biases
        self._part = self._features.times(self._W, pool)
        rows = self._weight * identities.with_biases + self._part
        state = identities.state.copy()
        state[:, BIAS] = rows[:, -1]
        squares = np.asarray(design.multiply(design).sum(axis=1)).ravel()
        self._share = 1.0
        if self._weight > 0:
            # In terms of the row, lam |identity|^2 is (lam / weight^2) |row - F W|^2.
            state[:, PENALTY] /= self._weight**2
            ratio = float(squares[squares > 0].mean()) / self._weight**2 if squares.any() else 0.0
            self._share = GAIN * ratio / (1 + ratio)
        self._relevance = 0.0 if self._weight > 0 else 1.0
        self._diagonal = self._features.normal_diagonal(np.full(design.shape[1], RIDGE), pool)
        self._leverage = self._features.leverage(self._diagonal)
        self._before = rows.astype(np.float32)
        super().__init__(Embeddings(self._before[:, :-1].copy(), state), with_bias, pool)

    def finish_part(self, rate: float) -> None:
        vectors, state, before, old = self.kernel.vectors, self.state, self._before, self._part
        with np.errstate(over="ignore", invalid="ignore"):
            self._each(lambda task: displacements(task[0], task[1], vectors, state, before))
            step, length = self._explained(before)
            W, penalty = read_only(self._W), read_only(self._feature_state[:, PENALTY].copy())
            # Features have no accumulators, so they shrink at the mean rate of the rows.
            mean, of_biases = rate * np.mean(1 / np.sqrt(state[:, [ACCUMULATOR, BIAS_ACCUMULATOR]]), axis=0)
            self._pool.map(
                lambda task: step_and_shrink(task[0], task[1], W, step, length, penalty, mean, of_biases),
                even_ranges(len(W), ROWS),
            )
        self._W = step
        new = self._part = self._features.times(step, self._pool)
        with_identity = np.float32(self._weight > 0)
        self._each(lambda task: recombine(task[0], task[1], vectors, state, old, new, with_identity, rate, before))
        self._copy_biases()

    def _explained(self, moved: np.ndarray) -> tuple[np.ndarray, np.float32]:
        """Compute the direction and the length of the feature step that best explains the movement `moved`.

        `moved` is overwritten.
        """
        if self._weight > 0:
            moved -= moved.mean(axis=0)
        step, diagonal = self._features.transposed_times(moved, self._pool), read_only(self._diagonal)
        sums = self._pool.map(lambda task: divide_rows(task[0], task[1], step, diagonal), even_ranges(len(step), ROWS))
        along, square = np.sum(sums, axis=0) if sums else (0.0, 0.0)
        of_rows, correlation = self._features.left_out_fit(step, self._leverage, moved, self._pool)
        if self._weight > 0:  # otherwise only features can learn
            self._relevance = max(DECAY * self._relevance, correlation)
        curvature = of_rows + RIDGE * square
        return step, np.float32(self._share * self._relevance * along / curvature if curvature > 0 else 0.0)

    @property
    def learned(self) -> tuple[np.ndarray, ...]:
        return (*super().learned, self._W)

    def embeddings(self, learned: Sequence[np.ndarray]) -> tuple[Embeddings, Embeddings | None]:
        vectors, biases, W = learned
        part = self._part if W is self._W else self._features.times(W, self._pool)
        identities = Embeddings(vectors - part[:, :-1], self.state.copy())
        identities.state[:, BIAS] = biases[:, 0] - part[:, -1]
        if self._weight > 0:
            identities.values[...] /= np.float32(self._weight)
            identities.state[:, BIAS] /= np.float32(self._weight)
            identities.state[:, PENALTY] *= np.float32(self._weight**2)
        of_features = Embeddings(W[:, :-1].copy(), self._feature_state.copy())
        of_features.state[:, BIAS] = W[:, -1]
        return identities, of_features

    def restore(self, snapshot: tuple[np.ndarray, ...]) -> None:
        super().restore(snapshot)
        self._part = self._features.times(self._W, self._pool)
        self._before[:, :-1] = self.kernel.vectors
        self._before[:, -1] = self.state[:, BIAS]
