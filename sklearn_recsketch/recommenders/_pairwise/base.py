"""Base class of WARP and BPR, which learn to rank from sampled pairs."""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.kernels._jit import cache_aligned
from sklearn_recsketch.recommenders._entities import Entities, embedding_attributes
from sklearn_recsketch.recommenders._factors import FactorRecommender, TrainingProblem, fill_with_draws
from sklearn_recsketch.recommenders._pairwise.engine import EngineTrainer
from sklearn_recsketch.recommenders._pairwise.epochs import values_at
from sklearn_recsketch.recommenders._pairwise.fold_in import fold_in
from sklearn_recsketch.recommenders._pairwise.losses import PairwiseLoss, penalty_unit, strength_weights
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings
from sklearn_recsketch.recommenders._pairwise.trainer import PairwiseTrainer, initial_embeddings
from sklearn_recsketch.recommenders._pairwise.update import UPDATE_RATE, fold_in_new_ids
from sklearn_recsketch.utils._compat import Interval, StrOptions
from sklearn_recsketch.utils._threads import Workers, workers

__all__ = ["IN_FLOAT32", "PairwiseRecommender"]

FOLD_IN_EPOCHS = 20
# Initial components are within half of this, for any number of components. With the scale of LightFM and implicit,
# 1 / (2 K), weak directions of 128 components take epochs to grow: nDCG@20 was 7 % lower on seven data sets.
INITIAL_RANGE = 1 / 16
FLOAT32 = np.finfo(np.float32)  # the type of the numbers in training
IN_FLOAT32 = Interval(Real, 0, float(FLOAT32.max), closed="both")


class PairwiseRecommender(FactorRecommender):
    """Base class of WARP and BPR."""

    _parameter_constraints: dict[str, Any] = {
        **FactorRecommender._parameter_constraints,
        "learning_rate": [Interval(Real, float(FLOAT32.tiny), float(FLOAT32.max), closed="both")],
        "regularization": [IN_FLOAT32],
        **{f"{part}_regularization": [IN_FLOAT32, None] for part in ("user", "item", "feature")},
        "negatives": [StrOptions({"unobserved", "weaker"})],
        "average": ["boolean"],
    }

    learning_rate: float
    negatives: str
    average: bool
    item_biases_: np.ndarray
    _unit_penalties: dict[str, float]
    _in_batches: bool = False  # whether the model has only been trained by partial_fit

    @abstractmethod
    def _loss(self, n_items: int) -> PairwiseLoss:
        """Create the loss for the given number of items."""

    def _initial(self, entities: Entities, random_state: np.random.RandomState) -> np.ndarray:
        embeddings = cache_aligned(np.zeros((entities.n_embeddings, self.n_components), dtype=np.float32))
        # Feature embeddings start at 0, because they learn from the movement of the rows.
        n = entities.n_identity or entities.n_embeddings
        fill_with_draws(lambda shape: (random_state.random_sample(shape) - 0.5) * INITIAL_RANGE, embeddings[:n])
        return embeddings

    def _trainer(self, problem: TrainingProblem, pool: Workers) -> PairwiseTrainer | EngineTrainer:
        return self._trainer_on(problem, problem.matrix, pool)

    def _trainer_on(
        self, problem: TrainingProblem, new: sp.csr_array, pool: Workers, fold_in_new: bool = False
    ) -> PairwiseTrainer | EngineTrainer:
        """Create the trainer of the engine.

        `new` holds all or some of the interactions of the problem. If `fold_in_new` is True, users and items that the
        earlier model was not trained on are folded in. Otherwise they start from random vectors.
        """
        known = strength_weights(problem.matrix)
        positives = known
        if new is not problem.matrix:  # strengths are ranked among all interactions of the user
            positives = sp.csr_array((values_at(new, known), new.indices, new.indptr), shape=new.shape)
        initial = initial_embeddings(self, problem, positives, self._penalty_units(known))
        if fold_in_new:
            fold_in_new_ids(problem, initial)
        problem = replace(problem, matrix=known)
        return _trainer_class(self.engine)(self, problem, positives, initial, pool)

    def _penalty_units(self, known: sp.csr_array) -> dict[str, float]:
        """Compute the penalty per unit of weight for users and for items, with a regularization of 1."""
        unit = penalty_unit(self._loss(known.shape[1]), known)
        return {name: unit * n / max(known.nnz, 1) for name, n in zip(("user", "item"), known.shape, strict=True)}

    def _update(
        self, problem: TrainingProblem, new: sp.csr_array, pool: Workers
    ) -> tuple[PairwiseTrainer | EngineTrainer, float]:
        earlier = problem.earlier
        if earlier is None or earlier._in_batches:
            trainer = self._trainer_on(problem, new, pool)
            trainer.in_batches = True
            return trainer, trainer.run_epoch(0 if earlier is None else earlier.n_iter_)
        # Steps for the new interactions alone would raise the new items in all lists, because these items would rarely
        # be negatives. An epoch over all interactions costs a small fraction of a fit.
        slower = copy.copy(self)
        slower.learning_rate = UPDATE_RATE * self.learning_rate
        trainer = slower._trainer_on(problem, problem.matrix, pool, fold_in_new=True)
        return trainer, trainer.run_epoch(earlier.n_iter_)

    def _learned(self, sides: tuple[Entities, Entities], trainer: Any) -> dict[str, Any]:
        users, items = trainer.side_embeddings()
        attributes = embedding_attributes(sides, (users.values, items.values))
        attributes |= self._bias_attributes(users, items, sides[1])
        return attributes | {"_unit_penalties": trainer.penalty_units, "_in_batches": trainer.in_batches}

    def _bias_attributes(self, users: Embeddings, items: Embeddings, entities: Entities) -> dict[str, Any]:
        """Return the item biases, and the state from which `partial_fit` continues."""
        # Biases add up like embeddings with a single component.
        trained = items.biases[:, None]
        biases = entities.complete(trained)
        return {
            "item_feature_biases_": biases[:, 0],
            "item_biases_": entities.vectors(biases)[:, 0],
            "_unknown_bias": float(entities.unknown_vector(trained)[0]),
            "_training_state": {"user": users.state, "item": items.state},
        }

    def _score_vectors(self, name: str, codes: np.ndarray) -> np.ndarray:
        vectors = super()._score_vectors(name, codes)
        biases = np.ones(len(codes), np.float32) if name == "user" else self._biases_of(codes)
        return np.hstack([vectors, biases[:, None]])

    def _biases_of(self, codes: np.ndarray) -> np.ndarray:
        """Return the biases of items, given their row indices. Row index -1 stands for the mean bias."""
        return np.append(self.item_biases_, np.float32(self._unknown_bias))[codes]

    def _score_embeddings(self, name: str) -> np.ndarray:
        embeddings = super()._score_embeddings(name)
        return embeddings if name == "user" else np.hstack([embeddings, self.item_feature_biases_[:, None]])

    def _fold_in(self, name: str, entities: Entities, prior: np.ndarray, history: sp.csr_array) -> np.ndarray:
        """Train vectors on the histories for a few epochs, with the other side fixed.

        Training starts from the mean identity embedding plus `prior`. An item is folded in by ranking its users above
        other users. The bias of an item is not trained.
        """
        unknown = np.full(len(prior), -1)
        vectors = prior + entities.identity_vectors(self._score_embeddings(name), unknown)
        others = self._side("item" if name == "user" else "user")
        n_known, n_unknown = len(others.ids), history.shape[1] - len(others.ids)
        codes = np.append(np.arange(n_known), np.full(n_unknown, -1))
        # Ids without interactions are never sampled as negatives, unless they are in the history.
        drawable = np.append(others.entities.active, np.ones(n_unknown, dtype=bool))
        drawable[history.indices] = True
        n_interactions = np.ones(history.shape[1], dtype=np.intp)
        n_interactions[:n_known] = np.maximum(others.entities.n_interactions, 1)  # ids without any can be sampled, too
        codes, history = codes[drawable], sp.csr_array(history[:, np.flatnonzero(drawable)])
        biases = self._biases_of(codes) if others.name == "item" else 0.0
        rows = others.vectors(codes)
        if rows is others.factors:  # the kernel writes to its arguments, even though the steps of `fixed` are 0
            rows = rows.copy()
        fixed = Embeddings.starting_at(rows, biases=biases)
        K = self.user_factors_.shape[1]
        moved = np.ascontiguousarray(vectors[:, :K])
        with workers(self.n_jobs) as pool:
            fold_in(
                strength_weights(history),
                moved,
                fixed,
                n_interactions[drawable],
                self._loss(len(codes)),
                self._seed,
                FOLD_IN_EPOCHS,
                self._regularization_of(name) * self._unit_penalties[name],
                np.ascontiguousarray(prior[:, :K]),
                pool,
            )
        vectors[:, :K] = moved
        return vectors


def _trainer_class(engine: str) -> type[PairwiseTrainer | EngineTrainer]:
    """Return the trainer class of an engine. The engine's library is only imported if the engine is used."""
    if engine == "lightfm":
        from sklearn_recsketch.recommenders._pairwise.lightfm_engine import LightFMTrainer

        return LightFMTrainer
    if engine == "implicit":
        from sklearn_recsketch.recommenders._pairwise.implicit_engine import ImplicitBPRTrainer

        return ImplicitBPRTrainer
    return PairwiseTrainer
