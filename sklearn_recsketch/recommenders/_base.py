"""What every recommender does once it can write a score as an inner product."""

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
from sklearn_recsketch.preprocessing._encoder import SideFeatureEncoder, check_side_features
from sklearn_recsketch.preprocessing._side_features import SideFeatures
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._validation import check_integer

__all__ = ["BaseRecommender"]

PREDICT_ROWS = 65_536  # rows whose vectors are held at once by predict


class BaseRecommender(BaseEstimator, metaclass=ABCMeta):
    """Base of all recommenders: the public contract on top of user and item vectors.

    A subclass fits `users_`, `items_`, `interactions_` and says what the vectors of users and items
    are; the preference of a user for an item is their inner product.
    """

    # Requests are set once for the class, so that searches and pipelines route them without ceremony.
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

    # A Pipeline passes sample_weight=None to score; without a request for it, routing refuses even that.
    __metadata_request__score = {"sample_weight": None}

    users_: np.ndarray
    items_: np.ndarray
    interactions_: sp.csr_array

    @abstractmethod
    def _user_vectors(self, codes: np.ndarray) -> np.ndarray:
        """Vectors of users by row number, -1 for an unknown user."""

    @abstractmethod
    def _item_vectors(self, codes: np.ndarray) -> np.ndarray:
        """Vectors of items by row number, -1 for an unknown item."""

    @abstractmethod
    def _query_vectors(self, name: str, asked: IdColumn, codes: np.ndarray, given: QueryContext) -> np.ndarray:
        """Vectors of users or items by row number, -1 for unknown ones, with what the query says of them."""

    def predict(self, X: Any) -> np.ndarray:
        """Preference of each row's user for its item.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User and item ids by position; a third column is not looked at. Unknown ids are no error:
            they are represented by the mean embedding.

        Returns
        -------
        ndarray of shape (n_rows,), dtype float32
            Larger is better; comparable between the items of one user.
        """
        check_is_fitted(self)
        interactions = check_interactions(X, weighted=False)
        users = lookup(self.users_, interactions.users, "user")
        items = lookup(self.items_, interactions.items, "item")
        out = np.empty(len(users), dtype=np.float32)
        for start in range(0, len(users), PREDICT_ROWS):
            part = slice(start, start + PREDICT_ROWS)
            x, y = self._user_vectors(users[part]), self._item_vectors(items[part])
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
        """The best items of each user.

        Parameters
        ----------
        users : id or array-like of ids, default=None
            Users to recommend to, known or not; one who is named twice gets her list twice. None: the users of
            `candidates` where each has her own, else those of `history` and `user_features`, else all known ones.
        k : int, default=10
            Items per user.
        history : array or frame of shape (n_rows, 2) or (n_rows, 3), default=None
            Interactions of users the model does not know, or knows no longer well: their vectors are
            computed from this history alone, with the items as fitted, and, with `exclude_seen`, its items
            are not recommended either. The weight column, if any, is the strength.
        item_history : array or frame of shape (n_rows, 2) or (n_rows, 3), default=None
            The same for items: interactions of items the model does not know, with users as fitted. Its items are
            candidates.
        user_features, item_features : SideFeatures, default=None
            Features of ids the model does not know, or new ones of known ids. An unknown id is the mean
            identity plus its features; with a history, WRMF draws it to what its features say instead of to
            nothing, and WARP and BPR start from there. Items in it are candidates. Features the model has no
            embedding of say nothing.
        exclude_seen : bool, default=True
            Leave out items the user interacted with in fit.
        candidates : array-like of ids, table of pairs, dict of user to ids, or "cold", default=None
            Items to choose from. A list is for everybody. A table, whose first two columns are user and item, or a
            dict gives each user her own, and none to a user who is not in it. "cold" is the items without
            interactions in fit. None: all known items, those known by features alone included, and those of
            `item_features` and `item_history`.
        exclude : array-like of ids, table of pairs, or dict of user to ids, default=None
            Items that nobody must get, or those that each user must not get.

        Returns
        -------
        frame with columns user, rank, item, score
            Users in the order given, rank from 1. A user with fewer than k items left has fewer rows;
            ties are broken by the order of the items. A pandas frame, or polars where fit had polars.

        Warns
        -----
        UserWarning
            Where some users of a table or dict are neither asked for nor known, as a misspelt one is. That none
            is, is an error.

        Notes
        -----
        The lists are exact. Where each user has her own candidates, only these pairs are scored, in memory of the
        order of their number. Else items are scored in tiles of bounded memory, from the longest vector on, until the
        norms of the rest cannot reach a user's list: at most O(n_users * n_items * n_components), on real
        factors often a fifth of that. Lists of more than 256 items sort all scores of a user.
        """
        check_is_fitted(self)
        k = check_integer(k, "k")
        of_users = _given("user", user_features, history, "history")
        of_items = _given("item", item_features, item_history, "item_history")
        for name, given, own, other in (
            ("user", of_users, self.users_, self.items_),
            ("item", of_items, self.items_, self.users_),
        ):
            if given.features is not None:
                refuse_ids_of_other_side(name, given.features.ids, own, other)
        request = build_query(
            self.users_, self.items_, self.interactions_, users, of_users, of_items, candidates, exclude
        )
        seen = (self.interactions_, of_users.history, of_items.history) if exclude_seen else (None,)
        x, y = self._query(request, of_users, of_items)
        with workers(getattr(self, "n_jobs", None)) as pool:
            best, scores = request.eligible(*seen).top(x, y, k, pool)
        return ranked_table("user", request.user_ids, "item", request.item_ids, best, scores, self._table_library())

    def score(self, X: Any, y: Any = None, *, k: int = 5) -> float:
        """Mean precision at k over the users of X, items seen in fit left out.

        Where X is the data of fit itself, it is the training precision: seen items are relevant and
        nothing is left out. See :func:`~sklearn_recsketch.metrics.make_ranking_scorer` for other metrics.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User and item ids; a third column is not looked at.
        y : array-like of shape (n_rows,), default=None
            Strengths: a row is relevant where it is positive; None means every row.
        k : int, default=5
            Cutoff.

        Returns
        -------
        float
            Between 0 and 1.
        """
        check_is_fitted(self)
        return evaluate(self, X, y, [Metric("precision", check_integer(k, "k"))], Options())[f"precision@{k}"]

    def _query(self, request: Query, of_users: QueryContext, of_items: QueryContext) -> tuple[np.ndarray, np.ndarray]:
        """Vectors of the users and of the items of a request."""
        x = self._query_vectors("user", request.users, request.user_codes, of_users)
        y = self._query_vectors("item", request.items, request.item_codes, of_items)
        return x, y

    def _table_library(self) -> str:
        return "polars" if self.__dict__.get("_polars") else "pandas"

    def _input_attributes(self, interactions: Interactions) -> dict[str, Any]:
        """Fitted attributes about the form of X."""
        attributes: dict[str, Any] = {"n_features_in_": interactions.n_columns}
        if interactions.names is not None:
            attributes["feature_names_in_"] = np.array(interactions.names, dtype=object)
        attributes["_polars"] = interactions.library == "polars"
        return attributes

    def _replace_fitted(self, state: dict[str, Any]) -> None:
        """Put the attributes of a successful fit in place of those of an earlier one."""
        kept = {name: value for name, value in self.__dict__.items() if name.startswith("_") or not name.endswith("_")}
        self.__dict__ = kept | state  # one assignment: nothing can come between

    def set_params(self, **params: Any) -> Self:
        """Set parameters; ``item_encoder__min_count=5`` works while `item_encoder` is None, too.

        A nested parameter of an encoder that is None, which stands for the default one, puts a
        default encoder there first.
        """
        for name in ("user_encoder", "item_encoder"):
            nested = any(key.startswith(f"{name}__") for key in params)
            if nested and hasattr(self, name) and params.get(name, getattr(self, name)) is None:
                params[name] = SideFeatureEncoder()
        # The encoder itself has to be in place before its parameters are set.
        ordered = {key: params[key] for key in sorted(params, key=lambda key: "__" in key)}
        return super().set_params(**ordered)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "recommender"
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.required = False
        return tags


def _given(name: str, features: Any, history: Any, parameter: str) -> QueryContext:
    """Checked arguments of a query."""
    return QueryContext(
        None if features is None else check_side_features(features, f"{name}_features"),
        check_history(history, parameter),
    )
