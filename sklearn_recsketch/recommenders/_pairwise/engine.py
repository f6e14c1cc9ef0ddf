"""Base classes for WARP and BPR engines that run each epoch in another library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch._linalg.norms import all_finite, largest_norm
from sklearn_recsketch.recommenders._engine_requirements import plain_csr
from sklearn_recsketch.recommenders._entities import Entities
from sklearn_recsketch.recommenders._factors import TrainingProblem
from sklearn_recsketch.recommenders._pairwise.averages import EpochAverage
from sklearn_recsketch.recommenders._pairwise.epochs import PairwiseEpochs
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings, PlainSide
from sklearn_recsketch.utils._threads import Workers

__all__ = ["EngineSide", "EngineTrainer"]


class EngineSide(NamedTuple):
    """Users or items that are trained by another library.

    Attributes
    ----------
    full : Embeddings
        Initial embeddings of all ids and features.
    rows : ndarray or slice
        Rows that the library trains. With side features, all rows are trained. Without side features, only the rows of
        active ids are trained.
    design : csr_matrix of shape (n_active, n_embeddings) or None
        Weight of each embedding in the rows of active ids.
    """

    full: Embeddings
    rows: Any
    design: sp.csr_matrix | None

    @classmethod
    def of(cls, full: Embeddings, entities: Entities) -> EngineSide:
        """Create a side from its initial embeddings."""
        design = entities.active_design
        if design is None:
            return cls(full, np.flatnonzero(entities.active), None)
        return cls(full, slice(None), plain_csr(design))

    def start(self) -> Embeddings:
        """Return a copy of the embeddings to train."""
        return self.full.take(self.rows).copy()

    def merged(self, trained: Embeddings) -> Embeddings:
        """Return a copy of all embeddings, in which `trained` replaces the initial values."""
        complete = self.full.copy()
        complete.assign(self.rows, trained)
        return complete

    def vectors(self, trained: Embeddings) -> Embeddings:
        """Compute the vectors and biases of the active ids."""
        if self.design is None:
            return trained
        summed = self.design @ trained.with_biases
        return Embeddings.starting_at(np.ascontiguousarray(summed[:, :-1]), biases=summed[:, -1])


class EngineTrainer(ABC):
    """WARP or BPR training state that uses another library; see `Trainer`.

    A subclass trains the user and item embeddings in `self._trained` for one epoch. The other libraries do not return a
    loss. A native kernel therefore computes the loss after each epoch, with a learning rate of zero.
    """

    in_batches = False  # see PairwiseTrainer

    def __init__(
        self, model: Any, problem: TrainingProblem, positives: sp.csr_array, initial: list[Embeddings], pool: Workers
    ) -> None:
        self._pool, self._seed = pool, problem.seed
        self.penalty_units = model._penalty_units(problem.matrix)
        self._sides = [
            EngineSide.of(embeddings, entities)
            for embeddings, entities in zip(initial, (problem.users, problem.items), strict=True)
        ]
        self._trained = [side.start() for side in self._sides]
        self._average = EpochAverage(pool) if model.average else None
        loss = replace(model._loss(problem.matrix.shape[1]), learning_rate=0.0)
        plain = [
            PlainSide(side.vectors(trained).copy(), with_bias, pool)
            for side, trained, with_bias in zip(self._sides, self._trained, (False, True), strict=True)
        ]
        self._loss_epochs = PairwiseEpochs(positives, problem.matrix, plain[0], plain[1], loss, problem.seed, pool)

    @abstractmethod
    def _train(self, epoch: int) -> None:
        """Train `self._trained` for one epoch. The result may contain infinite or NaN values."""

    def run_epoch(self, epoch: int) -> float:
        """Train for one epoch. Return the loss per unit of weight after this epoch."""
        self._train(epoch)
        if not self.is_finite():
            return float("nan")
        if self._average is not None:
            self._average.add(self._learned())
        for side, trained, side_of_loss in zip(
            self._sides, self._trained, (self._loss_epochs.users, self._loss_epochs.items), strict=True
        ):
            vectors = side.vectors(trained)
            side_of_loss.restore((vectors.values, vectors.biases[:, None], vectors.state))
        return self._loss_epochs.run(epoch)

    def is_finite(self) -> bool:
        return all_finite(array for trained in self._trained for array in trained)

    def snapshot(self, reuse: Any = None) -> list[Embeddings]:
        copies = [trained.copy() for trained in self._trained]
        if self._average is not None and self._average.arrays:
            for trained, values, biases in zip(
                copies, self._average.arrays[::2], self._average.arrays[1::2], strict=True
            ):
                trained.values[...], trained.biases[:] = values, biases[:, 0]
        return copies

    def restore(self, snapshot: list[Embeddings]) -> None:
        self._trained = [trained.copy() for trained in snapshot]
        if self._average is not None:
            self._average.restart(self._learned())

    def _learned(self) -> list[np.ndarray]:
        """Return the arrays that are averaged over the epochs: the values and biases of users and of items."""
        return [array for trained in self._trained for array in (trained.values, trained.biases[:, None])]

    def largest_norm(self) -> float:
        return largest_norm(trained.values for trained in self._trained)

    def side_embeddings(self) -> list[Embeddings]:
        """Return the user embeddings and the item embeddings, including feature embeddings, biases and accumulators."""
        return [side.merged(trained) for side, trained in zip(self._sides, self.snapshot(), strict=True)]

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        users, items = self.side_embeddings()
        return users.values, items.values
