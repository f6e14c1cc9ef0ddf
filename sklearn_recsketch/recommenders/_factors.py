"""Recommenders whose users and items are sums of embeddings: what WRMF, WARP and BPR share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_random_state

from sklearn_recsketch._data.ids import IdColumn
from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch._data.matrix import build_matrix, column_counts
from sklearn_recsketch._data.pair_sums import renumbered
from sklearn_recsketch._ranking.query import QueryContext
from sklearn_recsketch.preprocessing._encoder import SideFeatureEncoder
from sklearn_recsketch.preprocessing._side_features import SideFeatures
from sklearn_recsketch.recommenders._base import BaseRecommender
from sklearn_recsketch.recommenders._entities import Entities, FitData, gather_fit_data
from sklearn_recsketch.recommenders._similarity import SimilarityMixin
from sklearn_recsketch.recommenders._training import Trainer, data_of_callbacks, run_epochs, split_validation
from sklearn_recsketch.utils._compat import Interval, _fit_context
from sklearn_recsketch.utils._threads import Workers, even_ranges, workers
from sklearn_recsketch.utils._validation import refuse_sample_weight

__all__ = ["FactorRecommender", "TrainingProblem", "fill_with_draws"]


@dataclass(frozen=True)
class TrainingProblem:
    """What a trainer gets: interactions of active users and items, and where to start.

    Attributes
    ----------
    users, items : Entities
    matrix : csr_array of shape (n_active_users, n_active_items), dtype float32
        Strengths.
    user_embeddings, item_embeddings : ndarray
        Initial values, overwritten by training.
    seed : int
    earlier : FactorRecommender or None
        The fitted model that training continues from.
    earlier_sides : tuple of Entities or None
        Its users and items.
    """

    users: Entities
    items: Entities
    matrix: sp.csr_array
    user_embeddings: np.ndarray
    item_embeddings: np.ndarray
    seed: int
    earlier: Any
    earlier_sides: tuple[Entities | None, Entities | None]


DRAWN_ROWS = 8192


class FactorRecommender(SimilarityMixin, CallbackSupportMixin, BaseRecommender):
    """Base of recommenders that learn embeddings.

    A subclass makes a trainer (see `_training.Trainer`) and says how its embeddings are initialised.
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

    engine: str
    user_features_: SideFeatures | None
    item_features_: SideFeatures | None
    user_factors_: np.ndarray
    item_factors_: np.ndarray
    user_embeddings_: np.ndarray
    item_embeddings_: np.ndarray

    # What a subclass provides.

    _kernel: Any  # the numba function that most of the time goes to

    @abstractmethod
    def _initial(self, entities: Entities, name: str, random_state: np.random.RandomState) -> np.ndarray:
        """Random embeddings to start from."""

    @abstractmethod
    def _trainer(self, problem: TrainingProblem, pool: Workers) -> Any:
        """The trainer of a fit."""

    @abstractmethod
    def _fold_in(self, name: str, entities: Entities, drawn: np.ndarray, history: sp.csr_array) -> np.ndarray:
        """Vectors of users or items, in the space of `_embeddings`, from interactions with the others as fitted.

        The last columns of `history` are others the model does not know; `drawn` is what features say of each row.
        """

    @abstractmethod
    def _update(self, problem: TrainingProblem, new: sp.csr_array, pool: Workers) -> tuple[Trainer, float]:
        """Train on what is new in `problem.matrix`, for partial_fit; returns the trainer and its loss."""

    def _regularization_of(self, name: str) -> Any:
        """The parameter for users or items: their own, or the common one."""
        own = getattr(self, f"{name}_regularization")
        return self.regularization if own is None else own

    # The public contract.

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

        Nothing on the estimator changes until training has succeeded.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User id, item id and, optionally, a weight that multiplies the strength in training.
            Repeated pairs are summed.
        y : array-like of shape (n_rows,), default=None
            Strengths: counts, play times; None means 1. Rows of strength 0 are no interactions.
        user_features, item_features : SideFeatures, default=None
            Features by id; every id in them becomes known and recommendable.
        X_val, y_val : default=None
            Validation interactions for `early_stopping`, in place of a share of X.

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
        features = {"user": user_features, "item": item_features}
        known = gather_fit_data(interactions, user_features, item_features)
        earlier = self if self.warm_start and hasattr(self, "items_") else None
        matrix = known.interactions
        if training is not interactions:
            matrix = build_matrix(training, known.users, known.items)
        attributes = self._input_attributes(interactions)
        del interactions, training  # 8 bytes a row, which training does without
        problem, shared = self._problem(known, matrix, features, earlier)
        shared |= attributes
        if monitor is not None:
            monitor.interactions = matrix

        if self.verbose and self.engine == "native" and not self._kernel.signatures:
            print(
                f"[{type(self).__name__}] loading kernels; the first fit on a machine compiles them, for some seconds"
            )
        with workers(self.n_jobs) as pool:
            trainer, sides = self._trainer(problem, pool), (problem.users, problem.items)
            del problem  # the trainer keeps what it needs of the embeddings to start from

            def state(course: dict[str, Any]) -> dict[str, Any]:
                return shared | self._learnt(sides, trainer) | course

            course = run_epochs(self, trainer, state, context, monitor, data)
            final = state(course)
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
        """Add interactions to a fitted model: new ids join, what was learnt of the others is kept.

        The rows are added to the interactions seen before, and one epoch trains on what they
        changed. On an unfitted estimator it is the first epoch of a fit.

        Parameters
        ----------
        X, y
            As in `fit`.
        user_features, item_features : SideFeatures, default=None
            Features of new ids, or new features of known ones, which replace their old ones.

        Returns
        -------
        self
        """
        interactions = check_interactions(X, y)
        earlier = self if hasattr(self, "items_") else None
        tables = {"user": user_features, "item": item_features}
        if earlier is not None:
            if not earlier.interactions_.nnz:
                raise ValueError(
                    "The model knows none of the interactions it was trained on, so partial_fit would forget what it "
                    "has learnt from them. Pass interactions= to from_implicit or from_lightfm."
                )
            for name, table in tables.items():
                old = getattr(self, f"{name}_features_")
                tables[name] = old if table is None else table if old is None else old.updated(table, name)
        known = gather_fit_data(interactions, tables["user"], tables["item"], earlier)
        problem, shared = self._problem(known, known.interactions, tables, earlier)
        shared |= self._input_attributes(interactions)
        with workers(self.n_jobs) as pool:
            trainer, loss = self._update(problem, active_part(known.new, problem.users, problem.items), pool)
            diverged = not trainer.is_finite()
            learnt = {} if diverged else self._learnt((problem.users, problem.items), trainer)
        curve = np.append(earlier.loss_curve_ if earlier is not None else [], loss)
        n_iter = 1 if earlier is None else earlier.n_iter_ + 1
        course = {"loss_curve_": curve, "n_iter_": n_iter, "diverged_": diverged}
        if diverged:
            instead = "a smaller learning_rate" if hasattr(self, "learning_rate") else "smaller strengths y"
            raise ValueError(
                f"The update left the finite numbers: the largest norm of a vector was {trainer.largest_norm():.3g}. "
                f"The model is as it was before. Try {instead}."
            )
        self._replace_fitted(shared | learnt | course)
        return self

    # The parts of fit.

    def _problem(
        self,
        known: FitData,
        matrix: sp.csr_array,
        features: dict[str, SideFeatures | None],
        earlier: Any,
    ) -> tuple[TrainingProblem, dict[str, Any]]:
        """The training problem, and the fitted attributes that training does not change.

        Of the interactions in `known`, `matrix` are those to train on.
        """
        if earlier is not None and earlier.item_factors_.shape[1] != self.n_components:
            raise ValueError(
                f"n_components is {self.n_components}, but training is to go on from a model with "
                f"{earlier.item_factors_.shape[1]}. Set it back, or fit anew with warm_start=False."
            )
        random_state = check_random_state(self.random_state)
        sides, starts, before, counts = [], [], [], {}
        for axis, (name, ids) in enumerate((("user", known.users), ("item", known.items))):
            counts[name] = np.diff(matrix.indptr).astype(np.intp) if axis == 0 else column_counts(matrix)
            old = None if earlier is None else earlier._entities(name)
            entities = Entities.build(ids, counts[name], features[name], getattr(self, f"{name}_encoder"), name, old)
            start = self._initial(entities, name, random_state)
            if old is not None:
                start = entities.carry_vectors(old, getattr(earlier, f"{name}_embeddings_"), start)
            sides.append(entities)
            starts.append(start)
            before.append(old)
        seed = int(random_state.randint(np.iinfo(np.int32).max))
        active = active_part(matrix, sides[0], sides[1])
        problem = TrainingProblem(
            sides[0], sides[1], active, starts[0], starts[1], seed, earlier, (before[0], before[1])
        )
        shared: dict[str, Any] = {"interactions_": known.interactions, "_seed": seed}
        shared["_trained_on"] = matrix  # without what early stopping holds out, else interactions_ itself
        for entities, (name, count) in zip(sides, counts.items(), strict=True):
            shared |= entities.attributes(name, count)
        return problem, shared

    def _learnt(self, sides: tuple[Entities, Entities], trainer: Any) -> dict[str, Any]:
        """Fitted attributes that training changes, of users and items."""
        return self._embedded(sides, trainer.embeddings())

    def _embedded(self, sides: tuple[Entities, Entities], embeddings: Iterable[np.ndarray]) -> dict[str, Any]:
        """Fitted attributes that follow from the embeddings of the ids in training and of their features."""
        learnt: dict[str, Any] = {}
        for name, entities, trained in zip(("user", "item"), sides, embeddings, strict=True):
            complete = entities.complete(trained)
            learnt[f"{name}_embeddings_"] = complete
            learnt[f"{name}_factors_"] = entities.vectors(complete)
            learnt[f"_unknown_{name}"] = entities.unknown_vector(trained)
        return learnt

    def _entities(self, name: str) -> Entities:
        """Users or items of the fitted model."""
        features, encoder = getattr(self, f"{name}_features_"), getattr(self, f"{name}_encoder_")
        active, design = getattr(self, f"_active_{name}"), getattr(self, f"_design_{name}")
        return Entities(getattr(self, f"{name}s_"), active, features, encoder, design)

    # Vectors.

    def _embeddings(self, name: str) -> np.ndarray:
        """All that is learnt of users or items: embeddings and, where a score has them, biases."""
        return np.asarray(getattr(self, f"{name}_embeddings_"))

    def _query_vectors(self, name: str, asked: IdColumn, codes: np.ndarray, given: QueryContext) -> np.ndarray:
        vectors = self._user_vectors(codes) if name == "user" else self._item_vectors(codes)
        if given.features is None and given.history is None:
            return vectors
        entities, embeddings = self._entities(name), self._embeddings(name)
        K = embeddings.shape[1]
        drawn = entities.feature_vectors(embeddings, codes)
        if given.features is not None:
            counts = getattr(self, f"_n_interactions_{name}")
            rows, said = entities.described(embeddings, asked, given.features, counts, name)
            drawn[rows] = said
            vectors[rows, :K] = entities.own_vectors(embeddings, codes[rows]) + said
        rows, history = given.history_matrix(name, asked, self.items_ if name == "user" else self.users_)
        if len(rows):
            vectors[rows, :K] = self._fold_in(name, entities, drawn[rows], history)
        return vectors

    def _vectors(self, name: str, codes: np.ndarray) -> np.ndarray:
        """Factors by row number; an unknown id has the mean identity embedding."""
        vectors = getattr(self, f"{name}_factors_")[codes]
        vectors[codes < 0] = getattr(self, f"_unknown_{name}")
        return vectors

    def _user_vectors(self, codes: np.ndarray) -> np.ndarray:
        return self._vectors("user", codes)

    def _item_vectors(self, codes: np.ndarray) -> np.ndarray:
        return self._vectors("item", codes)


def fill_with_draws(draw: Callable[[tuple[int, int]], np.ndarray], rows: np.ndarray) -> None:
    """Fill float32 rows with draws, some at a time: all of them together would take twice the memory, in float64."""
    for start, stop in even_ranges(len(rows), DRAWN_ROWS):
        rows[start:stop] = draw((stop - start, rows.shape[1]))


def active_part(matrix: sp.csr_array, users: Entities, items: Entities) -> sp.csr_array:
    """Rows and columns of those that take part in training; the matrix itself where all do."""
    rows, columns = (np.where(side.active, np.cumsum(side.active) - 1, -1) for side in (users, items))
    return renumbered(matrix, rows, columns, (int(users.active.sum()), int(items.active.sum())))
