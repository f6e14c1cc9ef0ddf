"""BPR engine that uses the implicit library."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.recommenders._engine_requirements import (
    import_engine,
    plain_csr,
    refuse,
    refuse_features,
    refuse_uniform_negatives,
    refuse_weaker_negatives,
)
from sklearn_recsketch.recommenders._factors import TrainingProblem
from sklearn_recsketch.recommenders._pairwise.engine import EngineTrainer
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings
from sklearn_recsketch.utils._threads import Workers

__all__ = ["ImplicitBPRTrainer"]


class ImplicitBPRTrainer(EngineTrainer):
    """BPR training state that uses the implicit library; see `Trainer`.

    The last component of an item vector is the item's bias, and the last component of a user vector is 1.
    """

    def __init__(
        self, model: Any, problem: TrainingProblem, positives: sp.csr_array, initial: list[Embeddings], pool: Workers
    ) -> None:
        _check_parameters(model, problem, positives)
        super().__init__(model, problem, positives, initial, pool)
        self._model = import_engine("implicit.cpu.bpr").BayesianPersonalizedRanking(
            factors=model.n_components,
            learning_rate=model.learning_rate,
            regularization=regularization_of(model, problem.matrix),
            iterations=1,
            num_threads=pool.n_threads,
        )
        self._positives = plain_csr(positives)

    def _train(self, epoch: int) -> None:
        users, items = self._trained
        ones = np.ones(len(users.values), np.float32)
        self._model.user_factors = np.column_stack([users.values, ones])
        self._model.item_factors = items.with_biases
        # Random numbers are keyed by seed and epoch, as in our kernels.
        self._model.random_state = np.random.default_rng([self._seed, epoch])
        try:
            self._model.fit(self._positives, show_progress=False)
        except import_engine("implicit.recommender_base").ModelFitError:
            pass  # run_epoch checks itself whether the result is finite
        users.values[...] = self._model.user_factors[:, :-1]
        items.values[...] = self._model.item_factors[:, :-1]
        items.biases[:] = self._model.item_factors[:, -1]


def regularization_of(model: Any, known: sp.csr_array) -> float:
    """Compute the regularization parameter for the implicit library that matches the native engine's penalties.

    The implicit library shrinks three rows in each step. A user takes one step per interaction, and an item takes two
    steps per interaction on average: one as the positive item, and one as a negative item that is sampled by
    popularity. The library has a single regularization parameter. This parameter suffices because the scores depend
    only on the product of the user penalty and the item penalty.
    """
    units = model._penalty_units(known)
    return float(model.regularization * np.sqrt(2 * units["user"] * units["item"]))


def _check_parameters(model: Any, problem: TrainingProblem, positives: sp.csr_array) -> None:
    """Raise a ValueError for parameters and data that the implicit library does not support."""
    refuse_features(model, (problem.users, problem.items))
    refuse_uniform_negatives(model)
    refuse_weaker_negatives(model)
    for name in ("user_regularization", "item_regularization"):
        if getattr(model, name) not in (None, model.regularization):
            refuse(model, name, getattr(model, name), "implicit has one penalty for both sides", "Leave it at None")
    if problem.earlier is not None and positives is not problem.matrix:
        raise ValueError(
            "BPRRecommender(engine='implicit') does not support partial_fit in batches: implicit would sample items of "
            "earlier batches as negatives. Call fit on all interactions before partial_fit, or use engine='native' or "
            "engine='lightfm'."
        )
    if not (positives.data == 1).all():
        weight = positives.data[int(np.argmax(positives.data != 1))]
        raise ValueError(
            "BPRRecommender(engine='implicit') does not support strengths: implicit gives all interactions the same "
            f"weight, but the strengths of a user differ, and one interaction has the weight {weight:g}. Leave y out, "
            "drop repeated rows and rows of earlier fits, whose strengths are summed, or use engine='native' or "
            "engine='lightfm'."
        )
