"""What the engines of WARP and BPR share: an epoch of another library between embeddings of ours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.norms import all_finite, largest_norm
from sklearn_recsketch.kernels._sgd import BIAS
from sklearn_recsketch.recommenders._engine_requirements import plain_csr
from sklearn_recsketch.recommenders._entities import Entities
from sklearn_recsketch.recommenders._factors import TrainingProblem
from sklearn_recsketch.recommenders._pairwise.averages import EpochAverage
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings, PlainSide
from sklearn_recsketch.recommenders._pairwise.trainer import PairwisePasses
from sklearn_recsketch.utils._threads import Workers

__all__ = ["EngineSide", "EngineTrainer"]


class EngineSide(NamedTuple):
    """Users or items in the training of an engine.

    Attributes
    ----------
    full : Embeddings
        Of all ids and features, where training starts.
    rows : ndarray or slice
        Those of them that the engine trains: of active ids, or all where there are features.
    design : csr_matrix of shape (n_active, n_embeddings) or None
        Features of the active ids.
    """

    full: Embeddings
    rows: Any
    design: sp.csr_matrix | None

    @classmethod
    def of(cls, full: Embeddings, entities: Entities) -> EngineSide:
        """All that is known of users or items, for an engine."""
        design = entities.active_design
        if design is None:
            return cls(full, np.flatnonzero(entities.active), None)
        return cls(full, slice(None), plain_csr(design))

    def start(self) -> Embeddings:
        """Copies of what the engine trains."""
        return Embeddings(self.full.values[self.rows], self.full.state[self.rows]).copy()

    def merged(self, trained: Embeddings) -> Embeddings:
        """`full` with what was trained."""
        whole = self.full.copy()
        whole.values[self.rows], whole.state[self.rows] = trained.values, trained.state
        return whole

    def vectors(self, trained: Embeddings) -> Embeddings:
        """Vectors and biases of the active ids."""
        if self.design is None:
            return trained
        summed = self.design @ trained.with_biases
        return Embeddings.starting_at(np.ascontiguousarray(summed[:, :-1]), biases=summed[:, -1])


class EngineTrainer(ABC):
    """Training state of WARP or BPR in another library.

    A subclass trains `self._trained`, embeddings of users and of items, for an epoch. As the libraries do not tell a
    loss, it is taken afterwards by our own kernel, with steps of length zero.
    """

    def __init__(
        self, model: Any, problem: TrainingProblem, positives: sp.csr_array, full: list[Embeddings], pool: Workers
    ) -> None:
        self._pool, self._seed = pool, problem.seed
        self._sides = [
            EngineSide.of(embeddings, entities)
            for embeddings, entities in zip(full, (problem.users, problem.items), strict=True)
        ]
        self._trained = [side.start() for side in self._sides]
        self._average = EpochAverage(pool) if model.average else None
        loss = model._loss(problem.matrix.shape[1])._replace(learning_rate=0.0)
        plain = [
            PlainSide(side.vectors(trained).copy(), with_bias, pool)
            for side, trained, with_bias in zip(self._sides, self._trained, (False, True), strict=True)
        ]
        self._judge = PairwisePasses(positives, problem.matrix, plain[0], plain[1], loss, problem.seed, pool)

    @abstractmethod
    def _train(self, epoch: int) -> None:
        """One epoch on `self._trained`; may leave the finite numbers."""

    def run_epoch(self, epoch: int) -> float:
        """One epoch; returns the loss per unit of strength after it."""
        self._train(epoch)
        if not self.is_finite():
            return float("nan")
        if self._average is not None:
            self._average.add(self._learned())
        for side, trained, judged in zip(
            self._sides, self._trained, (self._judge.users, self._judge.items), strict=True
        ):
            vectors = side.vectors(trained)
            judged.restore((vectors.values, vectors.state[:, BIAS : BIAS + 1], vectors.state))
        return self._judge.run(epoch)

    def is_finite(self) -> bool:
        return all_finite(array for trained in self._trained for array in trained)

    def snapshot(self, reuse: Any = None) -> list[Embeddings]:
        copies = [trained.copy() for trained in self._trained]
        if self._average is not None and self._average.arrays:
            for trained, values, biases in zip(
                copies, self._average.arrays[::2], self._average.arrays[1::2], strict=True
            ):
                trained.values[...], trained.state[:, BIAS] = values, biases[:, 0]
        return copies

    def restore(self, snapshot: list[Embeddings]) -> None:
        self._trained = [trained.copy() for trained in snapshot]
        if self._average is not None:
            self._average.restart(self._learned())

    def _learned(self) -> list[np.ndarray]:
        """What epochs are averaged over: values and biases of users and of items."""
        return [array for trained in self._trained for array in (trained.values, trained.state[:, BIAS : BIAS + 1])]

    def largest_norm(self) -> float:
        return largest_norm(trained.values for trained in self._trained)

    def side_embeddings(self) -> list[Embeddings]:
        """Embeddings, biases and accumulators of all ids and features."""
        return [side.merged(trained) for side, trained in zip(self._sides, self.snapshot(), strict=True)]

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        users, items = self.side_embeddings()
        return users.values, items.values
