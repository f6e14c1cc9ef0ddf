"""WARP and BPR trainer, which holds the embeddings of all ids and trains on the interactions of active ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.recommenders._entities import Entities
from sklearn_recsketch.recommenders._factors import TrainingProblem
from sklearn_recsketch.recommenders._pairwise.epochs import PairwiseEpochs
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings, FeaturedSide, Features, PlainSide
from sklearn_recsketch.utils._threads import Workers

__all__ = ["PairwiseTrainer", "initial_embeddings"]


class PairwiseTrainer:
    """WARP and BPR training state; see `Trainer`.

    Parameters
    ----------
    model : PairwiseRecommender
    problem : TrainingProblem
        Training problem. Its matrix holds the weights of all known interactions.
    positives : csr_array of shape (n_active_users, n_active_items)
        Weights of the interactions to train on.
    initial : list of Embeddings
        Initial user embeddings and initial item embeddings, including feature embeddings.
    pool : Workers

    Attributes
    ----------
    in_batches : bool
        Whether the model is trained batch by batch, only by `partial_fit`.
    """

    in_batches = False

    def __init__(
        self,
        model: Any,
        problem: TrainingProblem,
        positives: sp.csr_array,
        initial: list[Embeddings],
        pool: Workers,
    ) -> None:
        self._sides, self._initial = (problem.users, problem.items), initial
        self.penalty_units = model._penalty_units(problem.matrix)
        users, items = (
            _active_side(embeddings, entities, with_bias, pool)
            for embeddings, entities, with_bias in zip(initial, self._sides, (False, True), strict=True)
        )
        loss = model._loss(problem.matrix.shape[1])
        self._epochs = PairwiseEpochs(positives, problem.matrix, users, items, loss, problem.seed, pool, model.average)

    def run_epoch(self, epoch: int) -> float:
        return self._epochs.run(epoch)

    def is_finite(self) -> bool:
        return self._epochs.is_finite()

    def snapshot(self, reuse: Any = None) -> Any:
        return self._epochs.snapshot(reuse)

    def restore(self, snapshot: Any) -> None:
        self._epochs.restore(snapshot)

    def largest_norm(self) -> float:
        return self._epochs.largest_norm()

    def side_embeddings(self) -> list[Embeddings]:
        """Return the user embeddings and the item embeddings, including feature embeddings, biases and accumulators."""
        complete = []
        for initial, (rows, of_features), entities in zip(
            self._initial, self._epochs.embeddings(), self._sides, strict=True
        ):
            if of_features is None and entities.active.all():
                complete.append(rows)
                continue
            merged, n = initial.copy(), entities.n_identity
            if n:
                merged.assign(np.flatnonzero(entities.active), rows)
            if of_features is not None:
                merged.assign(slice(n, None), of_features)
            complete.append(merged)
        return complete

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        users, items = self.side_embeddings()
        return users.values, items.values


def initial_embeddings(
    model: Any, problem: TrainingProblem, positives: sp.csr_array, units: dict[str, float]
) -> list[Embeddings]:
    """Create the embeddings of users and of items before training.

    If there is an earlier fit, training continues from its state.

    Parameters
    ----------
    model : PairwiseRecommender
    problem : TrainingProblem
    positives : csr_array of shape (n_active_users, n_active_items)
        Weights of the interactions to train on. The penalties are proportional to these weights.
    units : dict of str to float
        Penalty per unit of weight for users and for items, with a regularization of 1.
    """
    values = problem.user_embeddings, problem.item_embeddings
    embeddings = []
    for axis, (name, entities) in enumerate((("user", problem.users), ("item", problem.items))):
        weights = np.asarray(positives.sum(axis=1 - axis, dtype=np.float64))
        per_embedding = np.full(entities.n_embeddings, weights.mean())  # features shrink like the mean row
        if entities.n_identity:
            per_embedding[np.flatnonzero(entities.active)] = weights
        penalty = units[name] * per_embedding * _regularization(model, entities, name)
        start = Embeddings.starting_at(values[axis], penalty)
        old = problem.earlier_sides[axis]
        if old is not None:
            start = start.continued(entities, old.entities, problem.earlier._training_state[name])
        embeddings.append(start)
    return embeddings


def _regularization(model: Any, entities: Entities, name: str) -> np.ndarray:
    """Return the regularization of each embedding, with the identity embeddings first."""
    of_side, of_features = model._regularization_of(name), model.feature_regularization
    regularization = np.full(entities.n_embeddings, of_side if of_features is None else of_features, dtype=np.float64)
    regularization[: entities.n_identity] = of_side
    return regularization


def _active_side(initial: Embeddings, entities: Entities, with_bias: bool, pool: Workers) -> PlainSide:
    """Create the side of the active ids, with their feature embeddings if they have side features."""
    n = entities.n_identity
    rows: Any = slice(None) if entities.active.all() else np.flatnonzero(entities.active)  # a slice makes no copy
    if entities.active_design is None:
        return PlainSide(initial.take(rows), with_bias, pool)
    if n:
        identities = initial.take(slice(n)).take(rows)
    else:  # without identities, the accumulators of rows are not kept after the fit
        identities = Embeddings.starting_at(np.zeros((entities.active.sum(), initial.values.shape[1]), np.float32), 0.0)
    features = Features(sp.csr_array(entities.active_design[:, n:]), entities.identity_weight if n else 0.0)
    return FeaturedSide(identities, initial.take(slice(n, None)), features, with_bias, pool)
