"""WARP and BPR engine that uses the LightFM library."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.kernels._pairs import MOST_COMPONENTS
from sklearn_recsketch.recommenders._engine_requirements import (
    import_engine,
    plain_csr,
    refuse,
    refuse_uniform_negatives,
    refuse_weaker_negatives,
)
from sklearn_recsketch.recommenders._factors import TrainingProblem
from sklearn_recsketch.recommenders._pairwise.engine import EngineTrainer
from sklearn_recsketch.recommenders._pairwise.epochs import values_at
from sklearn_recsketch.recommenders._pairwise.losses import PairwiseLoss, WARPLoss, penalty_unit
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings
from sklearn_recsketch.utils._threads import Workers

__all__ = ["LightFMTrainer", "alpha_of", "embeddings_of"]


class LightFMTrainer(EngineTrainer):
    """WARP or BPR training state that uses the LightFM library; see `Trainer`.

    In LightFM, the parameter alpha shrinks all embeddings in each step. In the native engine, the penalty of a row is
    proportional to its number of interactions. With the alpha computed by `alpha_of`, both engines shrink the average
    row equally. LightFM keeps a sum of squared gradients for each component. The native engine keeps the mean of these
    sums for each embedding.
    """

    def __init__(
        self, model: Any, problem: TrainingProblem, positives: sp.csr_array, initial: list[Embeddings], pool: Workers
    ) -> None:
        _check_parameters(model)
        super().__init__(model, problem, positives, initial, pool)
        loss = model._loss(problem.matrix.shape[1])
        options = {"loss": "warp", "max_sampled": model.max_sampled} if isinstance(loss, WARPLoss) else {"loss": "bpr"}
        self._model = import_engine("lightfm").LightFM(
            no_components=model.n_components,
            learning_rate=model.learning_rate,
            user_alpha=alpha_of(model._regularization_of("user"), loss, problem.matrix),
            item_alpha=alpha_of(model._regularization_of("item"), loss, problem.matrix),
            **options,
        )
        known = problem.matrix
        weights = values_at(known, positives)
        # LightFM does not train on entries of zero, and does not sample them as negatives.
        self._positives = plain_csr(known).tocoo()
        self._positives.data = (weights > 0).astype(np.float32)
        self._weights = sp.coo_matrix((weights, (self._positives.row, self._positives.col)), shape=known.shape)
        self._write_embeddings()

    def restore(self, snapshot: list[Embeddings]) -> None:
        super().restore(snapshot)
        self._write_embeddings()

    def _write_embeddings(self) -> None:
        """Pass copies of the embeddings to LightFM, which trains them in place."""
        for name, trained in zip(("user", "item"), self._trained, strict=True):
            values = trained.values.copy()
            squares = 1 + (trained.accumulators[:, None] - 1) / mean_factor(values.shape[1])
            arrays = {
                "embeddings": values,
                "embedding_gradients": np.repeat(squares, values.shape[1], axis=1),
                "embedding_momentum": np.zeros_like(values),
                "biases": trained.biases.copy(),
                "bias_gradients": trained.bias_accumulators.copy(),
                "bias_momentum": np.zeros(len(values), np.float32),
            }
            for part, array in arrays.items():
                setattr(self._model, f"{name}_{part}", np.ascontiguousarray(array))

    def _train(self, epoch: int) -> None:
        # Random numbers are keyed by seed and epoch, as in our kernels.
        self._model.random_state = np.random.RandomState([self._seed, epoch])
        users, items = self._sides
        with np.errstate(over="ignore", invalid="ignore"):
            try:
                self._model.fit_partial(
                    self._positives,
                    user_features=users.design,
                    item_features=items.design,
                    sample_weight=self._weights,
                    epochs=1,
                    num_threads=self._pool.n_threads,
                )
            except ValueError:  # LightFM has diverged, which run_epoch checks itself, or its input is invalid
                self._read_embeddings()
                if self.is_finite():
                    raise
            else:
                self._read_embeddings()

    def _read_embeddings(self) -> None:
        """Copy the trained embeddings from LightFM.

        The penalties are kept separately because LightFM does not store them.
        """
        penalties = [trained.penalties for trained in self._trained]
        self._trained = [embeddings_of(self._model, name) for name in ("user", "item")]
        for trained, penalty in zip(self._trained, penalties, strict=True):
            trained.penalties[:] = penalty


def alpha_of(regularization: float, loss: PairwiseLoss, known: sp.csr_array) -> float:
    """Compute the LightFM parameter alpha that shrinks the average row as much as the native engine does.

    LightFM applies alpha in each step.
    """
    return 2 * regularization * penalty_unit(loss, known) / known.nnz


def mean_factor(n_components: int) -> float:
    """Return the factor that converts a mean over all components to the native engine's mean squared gradient."""
    return n_components / min(n_components, MOST_COMPONENTS)


def embeddings_of(model: Any, name: str) -> Embeddings:
    """Copy the user or item embeddings of a LightFM model, with their biases and accumulators."""
    if name == "user":
        values, biases = model.user_embeddings.copy(), model.user_biases
        gradients, bias_gradients = model.user_embedding_gradients, model.user_bias_gradients
    else:
        values, biases = model.item_embeddings.copy(), model.item_biases
        gradients, bias_gradients = model.item_embedding_gradients, model.item_bias_gradients
    embeddings = Embeddings.starting_at(values, biases=biases)
    if model.learning_schedule == "adagrad":  # the state of adadelta does not consist of sums of squares
        embeddings.accumulators[:] = 1 + (gradients.mean(axis=1) - 1) * mean_factor(values.shape[1])
        embeddings.bias_accumulators[:] = bias_gradients
    return embeddings


def _check_parameters(model: Any) -> None:
    """Raise a ValueError for parameters that LightFM does not support."""
    refuse_uniform_negatives(model)
    refuse_weaker_negatives(model)
    if getattr(model, "margin", 1.0) != 1.0:
        refuse(model, "margin", model.margin, "LightFM's WARP has a margin of 1", "Leave it at 1.0")
    if model.feature_regularization is not None:
        refuse(
            model,
            "feature_regularization",
            model.feature_regularization,
            "LightFM has a single alpha for the identities and features of a side",
            "Leave it at None",
        )
