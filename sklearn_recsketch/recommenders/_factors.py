"""Base class of the recommenders that learn embeddings: WRMF, WARP and BPR."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_random_state

from sklearn_recsketch._data.fit_data import EarlierFit, FitData, gather_fit_data
from sklearn_recsketch._data.ids import IdColumn
from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch._data.matrix import build_matrix, column_counts
from sklearn_recsketch._data.pair_sums import renumber
from sklearn_recsketch._ranking.query import QueryContext
from sklearn_recsketch.preprocessing._encoder import SideFeatureEncoder
from sklearn_recsketch.preprocessing._side_features import SideFeatures, feature_ids
from sklearn_recsketch.recommenders._divergence import raise_update_diverged
from sklearn_recsketch.recommenders._entities import Entities, FittedSide, embedding_attributes, entity_attributes
from sklearn_recsketch.recommenders._inner_product import InnerProductRecommender
from sklearn_recsketch.recommenders._similarity import SimilarityMixin
from sklearn_recsketch.recommenders._training import Trainer, data_of_callbacks, run_epochs, split_validation
from sklearn_recsketch.utils._compat import Interval, _fit_context
from sklearn_recsketch.utils._progress_bars import ProgressBarCheckMixin
from sklearn_recsketch.utils._threads import Workers, even_ranges, workers
from sklearn_recsketch.utils._validation import refuse_sample_weight

__all__ = ["FactorRecommender", "TrainingProblem", "fill_with_draws"]


@dataclass(frozen=True)
class TrainingProblem:
    """Input of a trainer: the interactions of the active users and items, and the initial embeddings.

    Attributes
    ----------
    users, items : Entities
    matrix : csr_array of shape (n_active_users, n_active_items), dtype float32
        Strengths of the interactions.
    user_embeddings, item_embeddings : ndarray
        Initial embeddings, which training overwrites.
    seed : int
    earlier : FactorRecommender or None
        Fitted model from which training continues.
    earlier_sides : tuple of FittedSide or None
        Users and items of `earlier`.
    """

    users: Entities
    items: Entities
    matrix: sp.csr_array
    user_embeddings: np.ndarray
    item_embeddings: np.ndarray
    seed: int
    earlier: Any
    earlier_sides: tuple[FittedSide | None, FittedSide | None]


ROWS_PER_DRAW = 8192


class FactorRecommender(SimilarityMixin, ProgressBarCheckMixin, InnerProductRecommender):
    """Base class of the recommenders that learn embeddings.

    A subclass initializes the embeddings and creates a `Trainer` for them.
    """

    _parameter_constraints: dict[str, Any] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "user_regularization": [Interval(Real, 0, None, closed="left"), None],
        "item_regularization": [Interval(Real, 0, None, closed="left"), None],
        "regularization": [Interval(Real, 0, None, closed="left")],
        "feature_regularization": [Interval(Real, 0, None, closed="left"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "user_encoder": [SideFeatureEncoder, None],
        "item_encoder": [SideFeatureEncoder, None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "scoring": [str, callable, None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    _uses_features = True

    engine: str
    user_features_: SideFeatures | None
    item_features_: SideFeatures | None
    user_encoder_: SideFeatureEncoder | None
    item_encoder_: SideFeatureEncoder | None
    user_factors_: np.ndarray
    item_factors_: np.ndarray
    user_embeddings_: np.ndarray
    item_embeddings_: np.ndarray
    _trained_on: sp.csr_array

    # Provided by a subclass.

    _kernel: Any  # the numba function in which a fit spends most of its time

    @abstractmethod
    def _initial(self, entities: Entities, random_state: np.random.RandomState) -> np.ndarray:
        """Draw random initial embeddings."""

    @abstractmethod
    def _trainer(self, problem: TrainingProblem, pool: Workers) -> Trainer:
        """Create the trainer for a fit."""

    @abstractmethod
    def _update(self, problem: TrainingProblem, new: sp.csr_array, pool: Workers) -> tuple[Trainer, float]:
        """Train on the new interactions passed to `partial_fit`. Return the trainer and its loss."""

    @abstractmethod
    def _fold_in(self, name: str, entities: Entities, prior: np.ndarray, history: sp.csr_array) -> np.ndarray:
        """See `FittedFactorRecommender`."""

    def _regularization_of(self, name: str) -> Any:
        """Return `user_regularization` or `item_regularization`, or `regularization` if that parameter is None."""
        of_side = self.user_regularization if name == "user" else self.item_regularization
        return self.regularization if of_side is None else of_side

    # Fitting.

    @refuse_sample_weight
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        user_features: SideFeatures | None = None,
        item_features: SideFeatures | None = None,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Learn embeddings from interactions.

        The estimator does not change until training has succeeded.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User ids in the first column and item ids in the second column. An optional third column holds weights, by
            which the strengths are multiplied in training. The strengths of repeated pairs are summed.
        y : array-like of shape (n_rows,), default=None
            Strengths of the interactions, such as counts or hours. If None, all strengths are 1. Rows with strength 0
            are ignored.
        user_features, item_features : SideFeatures, default=None
            Side features of users and items. All ids with side features become known, including ids without
            interactions.
        X_val, y_val : default=None
            Validation interactions for `early_stopping`. If None, a fraction of X is held out.

        Returns
        -------
        self
            The fitted recommender.
        """
        interactions = check_interactions(X, y)
        context = self._init_callback_context(max_subtasks=self.max_iter)
        training, monitor = split_validation(self, X, interactions, X_val, y_val)
        data = data_of_callbacks(X, y, interactions)
        context.call_on_fit_task_begin(estimator=self, X=data[0], y=data[1])
        user_ids, item_ids = feature_ids(user_features, "user_features"), feature_ids(item_features, "item_features")
        known = gather_fit_data(interactions, user_ids, item_ids)
        earlier = self if self.warm_start and hasattr(self, "items_") else None
        matrix = known.interactions
        if training is not interactions:
            matrix = build_matrix(training, known.users, known.items)
        attributes = self._input_attributes(interactions)
        del interactions, training  # they take 8 bytes per row, and training does not need them
        problem, shared = self._problem(known, matrix, (user_features, item_features), earlier)
        shared |= attributes
        if monitor is not None:
            monitor.interactions = matrix

        with workers(self.n_jobs) as pool:
            trainer, sides = self._trainer(problem, pool), (problem.users, problem.items)
            del problem  # the trainer keeps the arrays that it needs

            def state(progress: dict[str, Any]) -> dict[str, Any]:
                return shared | self._learned(sides, trainer) | progress

            final = state(run_epochs(self, trainer, state, context, monitor, data))
        self._replace_fitted(final)
        context.call_on_fit_task_end(estimator=self, X=data[0], y=data[1])
        return self

    @refuse_sample_weight
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        *,
        user_features: SideFeatures | None = None,
        item_features: SideFeatures | None = None,
    ) -> Self:
        """Update a fitted model with new interactions, in one epoch.

        New users and items are added to the model. The new interactions are added to the interactions of earlier fits.
        Then one epoch is run on all interactions. If the estimator is not fitted, this is the first epoch of a fit. An
        update takes as long as an epoch of a fit on all interactions, even if X has a single row.

        In WARP and BPR, new users and items start from the vectors of a fold-in, and the epoch has a lower learning
        rate than a fit. If a model has never been fitted by `fit`, but only by `partial_fit`, the interactions of X are
        the next batch of an epoch: the model is trained on them alone, with the learning rate of a fit.

        Parameters
        ----------
        X, y
            As in `fit`.
        user_features, item_features : SideFeatures, default=None
            Side features of new or known ids. New features of a known id replace its old features.

        Returns
        -------
        self
            The updated recommender.
        """
        self._validate_params()  # scikit-learn does not if the estimator is fitted
        interactions = check_interactions(X, y)
        earlier = self if hasattr(self, "items_") else None
        before = None
        if earlier is not None:
            if not earlier.interactions_.nnz:
                raise ValueError(
                    "The model does not have the interactions it was trained on, so partial_fit would forget what it "
                    "learned from them. Pass interactions= to from_implicit or from_lightfm."
                )
            user_features = _updated(self.user_features_, user_features, "user")
            item_features = _updated(self.item_features_, item_features, "item")
            has_features = self.user_features_ is not None, self.item_features_ is not None
            before = EarlierFit(self.users_, self.items_, self.interactions_, has_features)
        user_ids, item_ids = feature_ids(user_features, "user_features"), feature_ids(item_features, "item_features")
        known = gather_fit_data(interactions, user_ids, item_ids, before)
        problem, shared = self._problem(known, known.interactions, (user_features, item_features), earlier)
        shared |= self._input_attributes(interactions)
        with workers(self.n_jobs) as pool:
            trainer, loss = self._update(problem, active_part(known.new, problem.users, problem.items), pool)
            diverged = not (np.isfinite(loss) and trainer.is_finite())
            learned = {} if diverged else self._learned((problem.users, problem.items), trainer)
        if diverged:
            raise_update_diverged(self, trainer.largest_norm())
        curve = np.append([] if earlier is None else earlier.loss_curve_, loss)
        n_iter = 1 if earlier is None else earlier.n_iter_ + 1
        self._replace_fitted(shared | learned | {"loss_curve_": curve, "n_iter_": n_iter, "diverged_": False})
        return self

    def set_params(self, **params: Any) -> Self:
        """Set the parameters of this estimator.

        Nested parameters such as ``item_encoder__min_count=5`` can also be set while `item_encoder` is None, which
        stands for a default encoder.
        """
        for name in ("user_encoder", "item_encoder"):
            nested = any(key.startswith(f"{name}__") for key in params)
            if nested and params.get(name, getattr(self, name)) is None:
                params[name] = SideFeatureEncoder()
        # Encoders come first, because nested parameters are set on them.
        ordered = {key: params[key] for key in sorted(params, key=lambda key: "__" in key)}
        return super().set_params(**ordered)

    # Parts of a fit.

    def _problem(
        self,
        known: FitData,
        matrix: sp.csr_array,
        features: tuple[SideFeatures | None, SideFeatures | None],
        earlier: Any,
    ) -> tuple[TrainingProblem, dict[str, Any]]:
        """Create the training problem and the fitted attributes that training does not change.

        `matrix` holds the interactions to train on, which are all or some of the interactions in `known`.
        """
        if earlier is not None and earlier.item_factors_.shape[1] != self.n_components:
            raise ValueError(
                f"n_components is {self.n_components}, but the model to continue from has "
                f"{earlier.item_factors_.shape[1]} components. Set n_components back, or start a new fit with "
                f"warm_start=False."
            )
        random_state = check_random_state(self.random_state)
        before = (None, None) if earlier is None else (earlier._side("user"), earlier._side("item"))
        counts = np.diff(matrix.indptr).astype(np.intp)
        users, x = self._side_to_train("user", known.users, counts, features[0], before[0], random_state)
        counts = column_counts(matrix)
        items, y = self._side_to_train("item", known.items, counts, features[1], before[1], random_state)
        seed = int(random_state.randint(np.iinfo(np.int32).max))
        active = active_part(matrix, users, items)
        problem = TrainingProblem(users, items, active, x, y, seed, earlier, before)
        shared = entity_attributes(users, items)
        # _trained_on is interactions_ itself, unless early stopping holds out rows.
        shared |= {"interactions_": known.interactions, "_trained_on": matrix, "_seed": seed}
        return problem, shared

    def _side_to_train(
        self,
        name: str,
        ids: np.ndarray,
        n_interactions: np.ndarray,
        features: SideFeatures | None,
        before: FittedSide | None,
        random_state: np.random.RandomState,
    ) -> tuple[Entities, np.ndarray]:
        """Create the users or items to train, and their initial embeddings."""
        encoder = self.user_encoder if name == "user" else self.item_encoder
        old = None if before is None else before.entities
        entities = Entities.build(ids, n_interactions, features, encoder, name, old)
        start = self._initial(entities, random_state)
        if before is not None:
            start = entities.carry_vectors(before.entities, before.embeddings, start)
        return entities, start

    def _learned(self, sides: tuple[Entities, Entities], trainer: Trainer) -> dict[str, Any]:
        """Return the fitted attributes that training changes."""
        return embedding_attributes(sides, trainer.embeddings())

    # Vectors.

    def _side(self, name: str) -> FittedSide:
        """See `FittedFactorRecommender`."""
        if name == "user":
            users = Entities(
                self.users_,
                self._active_users,
                self._n_interactions_of_users,
                self.user_features_,
                self.user_encoder_,
                self._user_design,
            )
            return FittedSide(name, users, self.user_embeddings_, self.user_factors_, self._unknown_user)
        items = Entities(
            self.items_,
            self._active_items,
            self._n_interactions_of_items,
            self.item_features_,
            self.item_encoder_,
            self._item_design,
        )
        return FittedSide(name, items, self.item_embeddings_, self.item_factors_, self._unknown_item)

    def _score_embeddings(self, name: str) -> np.ndarray:
        """See `FittedFactorRecommender`."""
        return self._side(name).embeddings

    def _score_vectors(self, name: str, codes: np.ndarray) -> np.ndarray:
        return self._side(name).vectors(codes)

    def _query_vectors(self, name: str, ids: IdColumn, codes: np.ndarray, context: QueryContext) -> np.ndarray:
        vectors = self._score_vectors(name, codes)
        if context.features is None and context.history is None:
            return vectors
        vectors = vectors.copy()  # they may be the factors of the model
        entities, embeddings = self._side(name).entities, self._score_embeddings(name)
        K = embeddings.shape[1]
        prior = entities.feature_vectors(embeddings, codes)
        if context.features is not None:
            rows, from_features = entities.new_feature_vectors(embeddings, ids, context.features, name)
            prior[rows] = from_features
            vectors[rows, :K] = entities.identity_vectors(embeddings, codes[rows]) + from_features
        rows, history = context.history_matrix(name, ids, self.items_ if name == "user" else self.users_)
        if len(rows):
            vectors[rows, :K] = self._fold_in(name, entities, prior[rows], history)
        return vectors


def _updated(old: SideFeatures | None, new: SideFeatures | None, name: str) -> SideFeatures | None:
    """Update the side features of earlier fits with the features of new and changed ids."""
    if old is None or new is None:
        return new if old is None else old
    return old.updated(new, name)


def fill_with_draws(draw: Callable[[tuple[int, int]], np.ndarray], rows: np.ndarray) -> None:
    """Fill float32 rows with random numbers, one block at a time.

    Random numbers are drawn in float64. Drawing all rows at once would require a temporary array that takes twice the
    memory of the rows.
    """
    for start, stop in even_ranges(len(rows), ROWS_PER_DRAW):
        rows[start:stop] = draw((stop - start, rows.shape[1]))


def active_part(matrix: sp.csr_array, users: Entities, items: Entities) -> sp.csr_array:
    """Select the rows and columns of the active users and items.

    If all users and items are active, the matrix itself is returned.
    """
    rows, columns = (np.where(side.active, np.cumsum(side.active) - 1, -1) for side in (users, items))
    return renumber(matrix, rows, columns, (int(users.active.sum()), int(items.active.sum())))
