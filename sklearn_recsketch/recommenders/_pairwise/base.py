"""What learning to rank by sampled pairs shares: everything but the loss."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.kernels._sgd import BIAS, PENALTY
from sklearn_recsketch.recommenders._entities import Entities
from sklearn_recsketch.recommenders._factors import FactorRecommender, TrainingProblem, fill_with_draws
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings, FeaturedSide, Features, PlainSide
from sklearn_recsketch.recommenders._pairwise.strength_ranks import rank_weights
from sklearn_recsketch.recommenders._pairwise.trainer import Loss, PairwisePasses, at_entries_of, fold_in, penalty_unit
from sklearn_recsketch.utils._compat import Interval, StrOptions
from sklearn_recsketch.utils._threads import Workers, workers

__all__ = ["PairwiseRecommender"]

FOLD_IN_EPOCHS = 20
# Components start within half of this, whatever their number. Where LightFM and implicit start, within 1 / (2 K), weak
# directions of 128 components take epochs to grow out of next to nothing: nDCG@20 was 7 % lower on seven data sets.
START = 1 / 16


class PairwiseRecommender(FactorRecommender):
    """Base of WARP and BPR."""

    _parameter_constraints: dict[str, Any] = {
        **FactorRecommender._parameter_constraints,
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "negatives": [StrOptions({"unobserved", "weaker"})],
        "average": ["boolean"],
    }

    learning_rate: float
    negatives: str
    average: bool
    item_biases_: np.ndarray
    _unit_penalties: dict[str, float]

    @abstractmethod
    def _loss(self, n_items: int) -> Loss:
        """The loss on a catalogue of so many items."""

    def _initial(self, entities: Entities, name: str, random_state: np.random.RandomState) -> np.ndarray:
        K = self.n_components
        embeddings = np.zeros((entities.n_embeddings, K), dtype=np.float32)
        # Embeddings of features start at 0: they learn from how rows move.
        n = entities.n_identity or entities.n_embeddings
        fill_with_draws(lambda shape: (random_state.random_sample(shape) - 0.5) * START, embeddings[:n])
        return embeddings

    def _trainer(self, problem: TrainingProblem, pool: Workers) -> Any:
        return self._epochs(problem, problem.matrix, pool)

    def _epochs(self, problem: TrainingProblem, new: sp.csr_array, pool: Workers) -> Any:
        """The trainer on some of the interactions, of the engine that was asked for."""
        known = rank_weights(problem.matrix)
        positives = known
        if new is not problem.matrix:  # ranked among all interactions of the user
            positives = sp.csr_array((at_entries_of(known, new), new.indices, new.indptr), shape=new.shape)
        problem = replace(problem, matrix=known)
        units = self._penalty_units(known)
        start = _starting_points(self, problem, positives, units)
        trainer = _trainer_of(self.engine)(self, problem, positives, start, pool)
        trainer.penalty_units = units
        return trainer

    def _penalty(self, entities: Entities, name: str) -> np.ndarray:
        """Regularization of each embedding: the side's for identities, the features' own for the rest."""
        own = self._regularization_of(name)
        features = self.feature_regularization
        penalty = np.full(entities.n_embeddings, own if features is None else features, dtype=np.float64)
        penalty[: entities.n_identity] = own
        return penalty

    def _penalty_units(self, known: sp.csr_array) -> dict[str, float]:
        """Penalty of a user and of an item for each of their interactions, for a regularization of 1."""
        unit = penalty_unit(self._loss(known.shape[1]), known)
        return {name: unit * n / max(known.nnz, 1) for name, n in zip(("user", "item"), known.shape, strict=True)}

    def _update(self, problem: TrainingProblem, new: sp.csr_array, pool: Workers) -> tuple[Any, float]:
        trainer = self._epochs(problem, new, pool)
        epoch = 0 if problem.earlier is None else problem.earlier.n_iter_
        return trainer, trainer.run_epoch(epoch)

    def _learnt(self, sides: tuple[Entities, Entities], trainer: Any) -> dict[str, Any]:
        learnt = trainer.side_embeddings()
        vectors = self._embedded(sides, (learnt[0].values, learnt[1].values))
        return vectors | self._beyond_vectors(learnt, sides[1]) | {"_unit_penalties": trainer.penalty_units}

    def _beyond_vectors(self, learnt: list[Embeddings], items: Entities) -> dict[str, Any]:
        """Fitted attributes beside those of all recommenders: biases, and where Adagrad goes on in partial_fit."""
        # Biases add up like embeddings of length one.
        own = learnt[1].biases[:, None]
        biases = items.complete(own)
        return {
            "item_feature_biases_": biases[:, 0],
            "item_biases_": items.vectors(biases)[:, 0],
            "_unknown_bias": float(items.unknown_vector(own)[0]),
            "_training_state": {"user": learnt[0].state, "item": learnt[1].state},
        }

    def _user_vectors(self, codes: np.ndarray) -> np.ndarray:
        vectors = super()._user_vectors(codes)
        return np.hstack([vectors, np.ones((len(vectors), 1), dtype=np.float32)])

    def _item_vectors(self, codes: np.ndarray) -> np.ndarray:
        biases = np.append(self.item_biases_, np.float32(self._unknown_bias))[codes]
        return np.hstack([super()._item_vectors(codes), biases[:, None]])

    def _embeddings(self, name: str) -> np.ndarray:
        embeddings = super()._embeddings(name)
        return embeddings if name == "user" else np.hstack([embeddings, self.item_feature_biases_[:, None]])

    def _fold_in(self, name: str, entities: Entities, drawn: np.ndarray, history: sp.csr_array) -> np.ndarray:
        """A few epochs on the rows' histories with the others frozen, from what is known without them.

        An item ranks users: those who like it above the others. Its bias, which they do not tell, stays.
        """
        vectors = drawn + entities.own_vectors(self._embeddings(name), np.full(len(drawn), -1))
        other = "item" if name == "user" else "user"
        n_known = len(getattr(self, f"{other}s_"))
        everybody = np.append(np.arange(n_known), np.full(history.shape[1] - n_known, -1))
        # Those known by their features only are never drawn.
        drawable = np.append(getattr(self, f"_active_{other}"), np.ones(history.shape[1] - n_known, dtype=bool))
        drawable[history.indices] = True
        popularity = np.ones(history.shape[1], dtype=np.intp)  # who has no likes is drawn, too
        popularity[:n_known] = np.maximum(getattr(self, f"_n_interactions_{other}"), 1)
        everybody, history = everybody[drawable], sp.csr_array(history[:, np.flatnonzero(drawable)])
        biases = np.append(self.item_biases_, np.float32(self._unknown_bias))[everybody] if other == "item" else 0.0
        others = Embeddings.starting_at(self._vectors(other, everybody), biases=biases)
        moved = np.ascontiguousarray(vectors[:, : self.user_factors_.shape[1]])
        with workers(self.n_jobs) as pool:
            loss = self._loss(len(others.values))
            anchors = np.ascontiguousarray(drawn[:, : moved.shape[1]])
            fold_in(
                rank_weights(history), moved, others, popularity[drawable], loss,
                self._seed, FOLD_IN_EPOCHS, self._regularization_of(name) * self._unit_penalties[name], anchors, pool,
            )  # fmt: skip
        vectors[:, : moved.shape[1]] = moved
        return vectors


def _trainer_of(engine: str) -> Any:
    """The class that takes the epochs."""
    if engine == "lightfm":
        from sklearn_recsketch.recommenders._pairwise.lightfm_engine import LightFMTrainer

        return LightFMTrainer
    if engine == "implicit":
        from sklearn_recsketch.recommenders._pairwise.implicit_engine import ImplicitBPRTrainer

        return ImplicitBPRTrainer
    return PairwiseTrainer


def _starting_points(
    model: PairwiseRecommender, problem: TrainingProblem, positives: sp.csr_array, units: dict[str, float]
) -> list[Embeddings]:
    """Embeddings of all users and of all items before training; those of an earlier fit go on from there."""
    points = []
    starts = (problem.user_embeddings, problem.item_embeddings)
    for axis, (name, entities, values, old) in enumerate(
        zip(("user", "item"), (problem.users, problem.items), starts, problem.earlier_sides, strict=True)
    ):
        of_rows = np.asarray(positives.sum(axis=1 - axis, dtype=np.float64))
        sums = np.full(entities.n_embeddings, of_rows.mean())  # features shrink as the mean row does
        if entities.n_identity:
            sums[np.flatnonzero(entities.active)] = of_rows
        full = Embeddings.starting_at(values, units[name] * sums * model._penalty(entities, name))
        if old is not None:
            before = problem.earlier._training_state[name]
            penalty = full.state[:, PENALTY].copy()
            state = entities.carry(old, before, full.state)
            biases = entities.carry_vectors(old, before[:, BIAS, None], full.biases[:, None].copy())
            state[:, BIAS], state[:, PENALTY] = biases[:, 0], penalty
            full = Embeddings(values, state)
        points.append(full)
    return points


class PairwiseTrainer:
    """Training state of a fit: the embeddings of all ids, trained on the active ones."""

    def __init__(
        self,
        model: PairwiseRecommender,
        problem: TrainingProblem,
        positives: sp.csr_array,
        full: list[Embeddings],
        pool: Workers,
    ) -> None:
        self._sides, self._full = (problem.users, problem.items), full
        users, items = (
            _trained(embeddings, entities, with_bias, pool)
            for embeddings, entities, with_bias in zip(full, self._sides, (False, True), strict=True)
        )
        loss = model._loss(problem.matrix.shape[1])
        self._epochs = PairwisePasses(positives, problem.matrix, users, items, loss, problem.seed, pool, model.average)

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
        """Embeddings, biases and accumulators of all ids and features."""
        whole = []
        for full, (own, shared), entities in zip(self._full, self._epochs.embeddings(), self._sides, strict=True):
            if shared is None and entities.active.all():
                whole.append(own)
                continue
            merged, n = full.copy(), entities.n_identity
            if n:
                rows = np.flatnonzero(entities.active)
                merged.values[rows], merged.state[rows] = own.values, own.state
            if shared is not None:
                merged.values[n:], merged.state[n:] = shared.values, shared.state
            whole.append(merged)
        return whole

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        users, items = self.side_embeddings()
        return users.values, items.values


def _trained(full: Embeddings, entities: Entities, with_bias: bool, pool: Workers) -> PlainSide:
    """The side of the active ids, with the features' embeddings."""
    n = entities.n_identity
    rows: Any = slice(None) if entities.active.all() else np.flatnonzero(entities.active)  # a slice takes no copy
    if entities.active_design is None:
        return PlainSide(Embeddings(full.values[rows], full.state[rows]), with_bias, pool)
    shared = Embeddings(full.values[n:], full.state[n:])
    if n:
        own = Embeddings(full.values[:n][rows], full.state[:n][rows])
    else:  # there is nothing but features: what Adagrad keeps of each row is forgotten after the fit
        own = Embeddings.starting_at(np.zeros((entities.active.sum(), full.values.shape[1]), np.float32), 0.0)
    features = Features(sp.csr_array(entities.active_design[:, n:]), entities.identity_weight if n else 0.0)
    return FeaturedSide(own, shared, features, with_bias, pool)
