"""Base of all recommenders: predict, recommend and score from vectors of users and items."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_recsketch._data.feature_ids import refuse_ids_of_other_side
from sklearn_recsketch._data.ids import IdColumn, lookup
from sklearn_recsketch._data.interactions import Interactions, check_history, check_interactions
from sklearn_recsketch._ranking.query import Query, QueryContext, build_query, ranked_table
from sklearn_recsketch.metrics._evaluation import evaluate
from sklearn_recsketch.metrics._evaluation_task import Options
from sklearn_recsketch.metrics._metric_names import Metric
from sklearn_recsketch.preprocessing._encoder import SideFeatureEncoder
from sklearn_recsketch.preprocessing._side_features import SideFeatures, check_side_features
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._validation import check_integer

__all__ = ["BaseRecommender", "feature_ids"]

PREDICT_ROWS = 65_536  # rows whose vectors are held at once by predict


class BaseRecommender(BaseEstimator, metaclass=ABCMeta):
    """Base of all recommenders.

    A subclass fits `users_`, `items_` and `interactions_`, and computes vectors of users and items. The predicted
    preference of a user for an item is the inner product of their vectors.
    """

    # Metadata requests of the class: searches and pipelines route these without set_fit_request.
    __metadata_request__fit = {
        "user_features": True,
        "item_features": True,
        "X_val": True,
        "y_val": True,
    }
    __metadata_request__partial_fit = {
        "user_features": True,
        "item_features": True,
    }

    # A Pipeline passes sample_weight=None to score. Without this request, routing would refuse even None.
    __metadata_request__score = {"sample_weight": None}

    users_: np.ndarray
    items_: np.ndarray
    interactions_: sp.csr_array

    @abstractmethod
    def _score_vectors(self, name: str, codes: np.ndarray) -> np.ndarray:
        """See `FittedRecommender`."""

    @abstractmethod
    def _query_vectors(self, name: str, ids: IdColumn, codes: np.ndarray, context: QueryContext) -> np.ndarray:
        """See `FittedRecommender`."""

    def predict(self, X: Any) -> np.ndarray:
        """Predict the preference of each row's user for its item.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User and item ids, by position. A third column is ignored. Unknown ids are represented by the mean
            embedding.

        Returns
        -------
        ndarray of shape (n_rows,), dtype float32
            Predicted preferences. Larger is better. Values are comparable between items of the same user only.
        """
        check_is_fitted(self)
        interactions = check_interactions(X, weighted=False)
        users = lookup(self.users_, interactions.users, "user")
        items = lookup(self.items_, interactions.items, "item")
        out = np.empty(len(users), dtype=np.float32)
        for start in range(0, len(users), PREDICT_ROWS):
            part = slice(start, start + PREDICT_ROWS)
            x, y = self._score_vectors("user", users[part]), self._score_vectors("item", items[part])
            np.einsum("rk,rk->r", x, y, out=out[part])
        return out

    def recommend(
        self,
        users: Any = None,
        k: int = 10,
        *,
        history: Any = None,
        item_history: Any = None,
        user_features: SideFeatures | None = None,
        item_features: SideFeatures | None = None,
        exclude_seen: bool = True,
        candidates: Any = None,
        exclude: Any = None,
    ) -> Any:
        """Recommend the k items with the highest predicted preference to each user.

        Parameters
        ----------
        users : id or array-like of ids, default=None
            Users to recommend to, known or unknown. A user who is passed twice gets two lists. If None: the users of
            `candidates` if it has candidates per user, else the users of `history` and `user_features`, else all
            known users.
        k : int, default=10
            Number of items per user.
        history : array or frame of shape (n_rows, 2) or (n_rows, 3), default=None
            Interactions of users that are new, or whose interactions have changed. Their vectors are computed from
            this history alone, with the item vectors fixed (fold-in). With `exclude_seen`, its items are not
            recommended. The optional third column holds strengths.
        item_history : array or frame of shape (n_rows, 2) or (n_rows, 3), default=None
            Interactions of new items, whose vectors are computed with the user vectors fixed. These items are
            candidates.
        user_features, item_features : SideFeatures, default=None
            Side features of new ids, or new features of known ids. An unknown id is represented by the mean identity
            embedding plus the embeddings of its features. With a history, WRMF shrinks it towards the representation
            given by its features rather than towards zero, and WARP and BPR start from that representation. Items of
            `item_features` are candidates. Features that did not occur in fit are ignored.
        exclude_seen : bool, default=True
            Leave out items that the user has interacted with in fit.
        candidates : array-like of ids, table of pairs, dict of user to ids, or "cold", default=None
            Items to choose from. A list applies to all users. A table, whose first two columns are user and item, or a
            dict holds the candidates of each user; other users get no recommendations. "cold" stands for
            the items without interactions in fit. If None: all known items, including those known by side features
            only, and the items of `item_features` and `item_history`.
        exclude : array-like of ids, table of pairs, or dict of user to ids, default=None
            Items to leave out: for all users, or for each user of a table or dict.

        Returns
        -------
        frame with columns user, rank, item, score
            Users in the order passed, rank from 1. A user with fewer than k items left gets fewer rows. Ties are
            broken by the order of the item ids. A polars frame if `X` was one in fit, else a pandas frame.

        Warns
        -----
        UserWarning
            If some users of a table or dict are neither in `users` nor known, for example because their ids are
            misspelled. If all of them are, a ValueError is raised.

        Notes
        -----
        The lists are exact. With candidates per user, only these pairs are scored, in memory proportional to their
        number. Otherwise items are scored in tiles of bounded memory, in descending order of their norms, until the
        norms of the remaining items cannot reach a user's list. This takes at most
        O(n_users * n_items * n_components) time, and often a fifth of that on real factors. For more than 256 items per
        list, all scores of a user are sorted.
        """
        check_is_fitted(self)
        k = check_integer(k, "k")
        of_users = _query_context("user", user_features, history, "history")
        of_items = _query_context("item", item_features, item_history, "item_history")
        if of_users.features is not None:
            refuse_ids_of_other_side("user", of_users.features.ids, self.users_, self.items_)
        if of_items.features is not None:
            refuse_ids_of_other_side("item", of_items.features.ids, self.items_, self.users_)
        query = build_query(
            self.users_, self.items_, self.interactions_, users, of_users, of_items, candidates, exclude
        )
        seen = (self.interactions_, of_users.history, of_items.history) if exclude_seen else (None,)
        x, y = self._query(query, of_users, of_items)
        with workers(getattr(self, "n_jobs", None)) as pool:
            best, scores = query.eligible(*seen).top(x, y, k, pool)
        return ranked_table("user", query.user_ids, "item", query.item_ids, best, scores, self._table_library())

    def score(self, X: Any, y: Any = None, *, k: int = 5) -> float:
        """Mean precision at k over the users of X, without the items seen in fit.

        If X is the data of fit itself, the result is the training precision: seen items are relevant and not left
        out. See :func:`~sklearn_recsketch.metrics.make_ranking_scorer` for other metrics.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User and item ids. A third column is ignored.
        y : array-like of shape (n_rows,), default=None
            Strengths. Rows of positive strength are relevant. If None, all rows are.
        k : int, default=5
            Cutoff.

        Returns
        -------
        float
            Precision, between 0 and 1.
        """
        check_is_fitted(self)
        return evaluate(self, X, y, [Metric("precision", check_integer(k, "k"))], Options())[f"precision@{k}"]

    def _query(self, query: Query, of_users: QueryContext, of_items: QueryContext) -> tuple[np.ndarray, np.ndarray]:
        x = self._query_vectors("user", query.users, query.user_codes, of_users)
        y = self._query_vectors("item", query.items, query.item_codes, of_items)
        return x, y

    def _table_library(self) -> str:
        return "polars" if self.__dict__.get("_polars") else "pandas"

    def _input_attributes(self, interactions: Interactions) -> dict[str, Any]:
        """Fitted attributes that describe the columns and the container of X."""
        attributes: dict[str, Any] = {"n_features_in_": interactions.n_columns}
        if interactions.names is not None:
            attributes["feature_names_in_"] = np.array(interactions.names, dtype=object)
        attributes["_polars"] = interactions.library == "polars"
        return attributes

    def _replace_fitted(self, state: dict[str, Any]) -> None:
        """Replace all fitted attributes at once."""
        kept = {name: value for name, value in self.__dict__.items() if name.startswith("_") or not name.endswith("_")}
        self.__dict__ = kept | state  # one assignment, so that an interruption cannot leave half of them

    def set_params(self, **params: Any) -> Self:
        """Set parameters.

        Nested parameters such as ``item_encoder__min_count=5`` also work while `item_encoder` is None, which stands
        for a default encoder.
        """
        for name in ("user_encoder", "item_encoder"):
            nested = any(key.startswith(f"{name}__") for key in params)
            if nested and hasattr(self, name) and params.get(name, getattr(self, name)) is None:
                params[name] = SideFeatureEncoder()
        # Encoders come first, because nested parameters are set on them.
        ordered = {key: params[key] for key in sorted(params, key=lambda key: "__" in key)}
        return super().set_params(**ordered)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "recommender"
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.required = False
        return tags


def _query_context(name: str, features: Any, history: Any, parameter: str) -> QueryContext:
    """Check the features and the history that were passed for users or for items."""
    return QueryContext(
        None if features is None else check_side_features(features, f"{name}_features"),
        check_history(history, parameter),
    )


def feature_ids(features: Any, name: str) -> np.ndarray | None:
    """Sorted ids of checked side features; None without features."""
    return None if features is None else check_side_features(features, name).ids
