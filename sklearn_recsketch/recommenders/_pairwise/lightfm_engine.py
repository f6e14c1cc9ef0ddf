"""Epochs of WARP and BPR computed by LightFM."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_recsketch.kernels._sgd import ACCUMULATOR, BIAS, BIAS_ACCUMULATOR, MOST_COMPONENTS, PENALTY
from sklearn_recsketch.recommenders._engine_requirements import (
    import_engine,
    plain_csr,
    refuse,
    refuse_uniform_negatives,
    refuse_weaker_negatives,
)
from sklearn_recsketch.recommenders._factors import TrainingProblem
from sklearn_recsketch.recommenders._pairwise.engine import EngineTrainer
from sklearn_recsketch.recommenders._pairwise.sides import Embeddings
from sklearn_recsketch.recommenders._pairwise.trainer import Loss, at_entries_of, penalty_unit
from sklearn_recsketch.utils._threads import Workers

__all__ = ["LightFMTrainer", "adopted", "alpha_of"]


class LightFMTrainer(EngineTrainer):
    """Training state in LightFM.

    Its alpha shrinks all embeddings at each step, our penalty each row in proportion to its interactions; `alpha_of`
    shrinks the mean row as ours does. It keeps a sum of squares for each parameter, we one for each embedding, which is
    their mean.
    """

    def __init__(
        self, model: Any, problem: TrainingProblem, positives: sp.csr_array, full: list[Embeddings], pool: Workers
    ) -> None:
        _check_parameters(model)
        super().__init__(model, problem, positives, full, pool)
        loss = model._loss(problem.matrix.shape[1])
        options = {} if loss.rank_weights is None else {"max_sampled": model.max_sampled}
        self._model = import_engine("lightfm").LightFM(
            no_components=model.n_components,
            loss="bpr" if loss.rank_weights is None else "warp",
            learning_rate=model.learning_rate,
            user_alpha=alpha_of(model._regularization_of("user"), loss, problem.matrix),
            item_alpha=alpha_of(model._regularization_of("item"), loss, problem.matrix),
            **options,
        )
        known = problem.matrix
        strengths = at_entries_of(positives, known)
        # Entries of zero are not trained on, and never drawn as negatives.
        self._likes = plain_csr(known).tocoo()
        self._likes.data = (strengths > 0).astype(np.float32)
        self._weights = sp.coo_matrix((strengths, (self._likes.row, self._likes.col)), shape=known.shape)
        self._hand_over()

    def restore(self, snapshot: list[Embeddings]) -> None:
        super().restore(snapshot)
        self._hand_over()

    def _hand_over(self) -> None:
        """Give LightFM the embeddings as they are; it changes these arrays in place."""
        for name, trained in zip(("user", "item"), self._trained, strict=True):
            state, values = trained.state, trained.values.copy()
            squares = 1 + (state[:, ACCUMULATOR, None] - 1) / mean_factor(values.shape[1])
            arrays = {
                "embeddings": values,
                "embedding_gradients": np.repeat(squares, values.shape[1], axis=1),
                "embedding_momentum": np.zeros_like(values),
                "biases": state[:, BIAS].copy(),
                "bias_gradients": state[:, BIAS_ACCUMULATOR].copy(),
                "bias_momentum": np.zeros(len(values), np.float32),
            }
            for part, array in arrays.items():
                setattr(self._model, f"{name}_{part}", np.ascontiguousarray(array))

    def _train(self, epoch: int) -> None:
        # Draws are keyed by seed and epoch, as everywhere.
        self._model.random_state = np.random.RandomState([self._seed, epoch])
        users, items = self._sides
        with np.errstate(over="ignore", invalid="ignore"):
            try:
                self._model.fit_partial(
                    self._likes,
                    user_features=users.design,
                    item_features=items.design,
                    sample_weight=self._weights,
                    epochs=1,
                    num_threads=self._pool.n_threads,
                )
            except ValueError:
                self._take_back()
                if self.is_finite():
                    raise
            else:  # it raises where it has diverged, which run_epoch sees for itself
                self._take_back()

    def _take_back(self) -> None:
        penalties = [trained.state[:, PENALTY] for trained in self._trained]
        self._trained = [adopted(self._model, name) for name in ("user", "item")]
        for trained, penalty in zip(self._trained, penalties, strict=True):
            trained.state[:, PENALTY] = penalty


def alpha_of(regularization: float, loss: Loss, known: sp.csr_array) -> float:
    """LightFM's alpha, which acts once per step, for a penalty of the mean row per pass over the interactions."""
    return 2 * regularization * penalty_unit(loss, known) / known.nnz


def mean_factor(n_components: int) -> float:
    """Our mean square of a gradient over the mean of all its components."""
    return n_components / min(n_components, MOST_COMPONENTS)


def adopted(model: Any, name: str) -> Embeddings:
    """Copies of the embeddings of users or items of a LightFM model, their biases and sums of squares."""
    values, biases = getattr(model, f"{name}_embeddings").copy(), getattr(model, f"{name}_biases")
    embeddings = Embeddings.starting_at(values, biases=biases)
    if model.learning_schedule == "adagrad":  # what it keeps of adadelta are no sums of squares
        squares = getattr(model, f"{name}_embedding_gradients").mean(axis=1)
        embeddings.state[:, ACCUMULATOR] = 1 + (squares - 1) * mean_factor(values.shape[1])
        embeddings.state[:, BIAS_ACCUMULATOR] = getattr(model, f"{name}_bias_gradients")
    return embeddings


def _check_parameters(model: Any) -> None:
    """Raise for what LightFM has no counterpart of."""
    refuse_uniform_negatives(model)
    refuse_weaker_negatives(model)
    if getattr(model, "margin", 1.0) != 1.0:
        refuse(model, "margin", model.margin, "LightFM's WARP has a margin of 1", "Leave it at 1.0")
    if model.feature_regularization is not None:
        refuse(
            model,
            "feature_regularization",
            model.feature_regularization,
            "LightFM has one alpha for the identities and features of a side",
            "Leave it at None",
        )
