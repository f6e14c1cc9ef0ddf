"""Base class of all recommenders, with the methods predict, recommend and score."""

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
from sklearn_recsketch.typing import Frame
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._validation import check_integer

__all__ = ["BaseRecommender", "feature_ids"]

PREDICT_ROWS = 65_536  # rows whose vectors are held at once by predict


class BaseRecommender(BaseEstimator, metaclass=ABCMeta):
    """Base class of all recommenders.

    A subclass sets `users_`, `items_` and `interactions_` in fit, and computes user vectors and item vectors. The
    predicted preference of a user for an item is the inner product of their vectors.
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
        """Predict the preference of the user for the item in each row.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User ids in the first column and item ids in the second column. A third column is ignored. Unknown ids are
            represented by the mean embedding.

        Returns
        -------
        ndarray of shape (n_rows,), dtype float32
            Predicted preferences. A larger value means a stronger preference. Only values for the same user are
            comparable.
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
    ) -> Frame:
        """Recommend to each user the k items with the highest predicted preference.

        Parameters
        ----------
        users : id or array-like of ids, default=None
            Known or unknown users to recommend items to. A user who is passed twice gets two lists. If None, items are
            recommended to the users in `candidates` if it is a table or a dict, else to the users in `history` and
            `user_features`, else to all known users.
        k : int, default=10
            Number of items per user.
        history : array or frame of shape (n_rows, 2) or (n_rows, 3), default=None
            Interactions of new users, or of known users whose interactions have changed. The vectors of these users are
            computed from this history alone, with the item vectors fixed (fold-in). If `exclude_seen=True`, the items
            in a user's history are not recommended to this user. The optional third column holds strengths.
        item_history : array or frame of shape (n_rows, 2) or (n_rows, 3), default=None
            Interactions of new items. The vectors of these items are computed with the user vectors fixed. The items in
            `item_history` are candidates.
        user_features, item_features : SideFeatures, default=None
            Side features of new ids, or new features of known ids. The vector of an unknown id is the mean identity
            embedding plus its feature embeddings. If a history is also passed for an id, WRMF shrinks its vector
            towards the sum of its feature embeddings instead of zero. WARP and BPR start from the mean identity
            embedding plus the feature embeddings. The items in `item_features` are candidates. Features that did not
            occur in fit are ignored.
        exclude_seen : bool, default=True
            Whether to exclude the items that the user interacted with in fit.
        candidates : array-like of ids, table of pairs, dict of user to ids, or "cold", default=None
            Items to choose from. A list applies to all users. A table or a dict holds the candidates of each user. The
            first two columns of a table are user and item. Users who are missing from the table or dict get no
            recommendations. "cold" stands for the items without interactions in fit. If None, the candidates are all
            known items and the items in `item_features` and `item_history`. Items that only have side features are
            known items, too.
        exclude : array-like of ids, table of pairs, or dict of user to ids, default=None
            Items to exclude. A list applies to all users. A table or a dict holds the items to exclude for each user.

        Returns
        -------
        frame with columns user, rank, item, score
            Recommendations for the users, in the order in which the users were passed. Ranks start at 1. A user with
            fewer than k items left gets fewer rows. Ties are broken by the order of the item ids. The result is a
            polars frame if `X` was a polars frame in fit, else a pandas frame.

        Warns
        -----
        UserWarning
            If some users in a table or dict are unknown and missing from `users`, for example because their ids are
            misspelled. If this holds for all users in the table or dict, a ValueError is raised instead.

        Notes
        -----
        The recommendations are exact, not approximate. If each user has separate candidates, only the pairs of users
        and their candidates are scored. The memory is then proportional to the number of these pairs. Otherwise, items
        are scored in tiles of bounded memory, in descending order of their norms. The search for a user stops when the
        norms of the remaining item vectors are too small for these items to enter the user's list. The search takes at
        most O(n_users * n_items * n_components) time. With factors trained on real data, it often takes only a fifth of
        this time. For lists of more than 256 items, all scores of each user are sorted instead.
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
        """Compute the mean precision at k over the users in X, excluding the items seen in fit.

        If X is the training data itself, the result is the training precision. In this case, the items seen in fit are
        relevant and are not excluded. See :func:`~sklearn_recsketch.metrics.make_ranking_scorer` for other metrics.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User ids in the first column and item ids in the second column. A third column is ignored.
        y : array-like of shape (n_rows,), default=None
            Strengths of the interactions. Rows with a positive strength are relevant. If None, all rows are relevant.
        k : int, default=5
            Number of recommended items per user to evaluate.

        Returns
        -------
        float
            Mean precision, between 0 and 1.
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
        """Return the fitted attributes that describe the columns and the container type of X."""
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
        """Set the parameters of this estimator.

        Nested parameters such as ``item_encoder__min_count=5`` can also be set while `item_encoder` is None, which
        stands for a default encoder.
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
    """Check the features and the history passed for users or for items."""
    return QueryContext(
        None if features is None else check_side_features(features, f"{name}_features"),
        check_history(history, parameter),
    )


def feature_ids(features: Any, name: str) -> np.ndarray | None:
    """Check side features and return their sorted ids, or None if there are no side features."""
    return None if features is None else check_side_features(features, name).ids
