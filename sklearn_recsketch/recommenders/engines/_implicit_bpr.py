"""Epochs of BPR computed by implicit."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.recommenders._factors import Problem
from sklearn_recsketch.recommenders.engines._pairwise_engine import EngineEpochs
from sklearn_recsketch.recommenders.engines._requirements import (
    import_engine,
    one_regularization,
    plain_csr,
    refuse_features,
)
from sklearn_recsketch.solvers._pairwise_sides import Embeddings
from sklearn_recsketch.utils._threads import Workers

__all__ = ["ImplicitBPREpochs"]


class ImplicitBPREpochs(EngineEpochs):
    """Training state in implicit.

    The last component of its items is the bias, that of its users is 1. A step shrinks the three rows it touches by
    its regularization, and these alone: twice our lambda, of the penalty lambda |w|^2.
    """

    def __init__(
        self, model: Any, problem: Problem, positives: sp.csr_array, full: list[Embeddings], pool: Workers
    ) -> None:
        _check_parameters(model, problem, positives)
        super().__init__(model, problem, positives, full, pool)
        self._model = import_engine("implicit.cpu.bpr").BayesianPersonalizedRanking(
            factors=model.n_components,
            learning_rate=model.learning_rate,
            regularization=2 * one_regularization(model),
            iterations=1,
            num_threads=pool.n_threads,
        )
        self._likes = plain_csr(positives)

    def _train(self, epoch: int) -> None:
        users, items = self._trained
        ones = np.ones(len(users.values), np.float32)
        self._model.user_factors = np.column_stack([users.values, ones])
        self._model.item_factors = items.with_biases
        # Draws are keyed by seed and epoch, as everywhere.
        self._model.random_state = np.random.default_rng([self._seed, epoch])
        try:
            self._model.fit(self._likes, show_progress=False)
        except import_engine("implicit.recommender_base").ModelFitError:
            pass  # not finite, which run_epoch sees for itself
        users.values[...] = self._model.user_factors[:, :-1]
        items.values[...] = self._model.item_factors[:, :-1]
        items.biases[:] = self._model.item_factors[:, -1]


def _check_parameters(model: Any, problem: Problem, positives: sp.csr_array) -> None:
    """Raise for what implicit has no counterpart of."""
    refuse_features(model, (problem.users, problem.items))
    one_regularization(model)
    if not (positives.data == positives.data[0]).all():
        raise ValueError(
            "BPRRecommender(engine='implicit') cannot honour strengths that differ: implicit takes all interactions "
            f"alike, but there are strengths from {positives.data.min():g} to {positives.data.max():g}. Leave y out, "
            "or use engine='native' or engine='lightfm'."
        )
    if positives is not problem.matrix:
        raise ValueError(
            "BPRRecommender(engine='implicit') cannot honour partial_fit: implicit would draw what was liked earlier "
            "as not liked. Set warm_start=True and fit on all interactions, or use engine='native' or "
            "engine='lightfm'."
        )
