"""Base class of recommenders."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_recsketch._data.feature_ids import refuse_ids_of_other_side
from sklearn_recsketch._data.fit_data import EarlierFit, gather_fit_data
from sklearn_recsketch._data.ids import lookup
from sklearn_recsketch._data.interactions import Interactions, check_interactions
from sklearn_recsketch._ranking.histories import read_history
from sklearn_recsketch._ranking.query import Query, QueryContext, build_query, ranked_table
from sklearn_recsketch._ranking.scores import Scores
from sklearn_recsketch._ranking.unknown_ids import warn_of_history, warn_of_query
from sklearn_recsketch._ranking.user_scores import UserScores
from sklearn_recsketch.metrics._evaluation import evaluate
from sklearn_recsketch.metrics._evaluation_task import Options
from sklearn_recsketch.metrics._metric_names import Metric
from sklearn_recsketch.preprocessing._side_features import SideFeatures, check_side_features, feature_ids
from sklearn_recsketch.typing import Frame
from sklearn_recsketch.utils._compat import _fit_context
from sklearn_recsketch.utils._fitted_summary import RecommenderDiagramMixin
from sklearn_recsketch.utils._threads import workers
from sklearn_recsketch.utils._validation import check_integer, refuse_sample_weight

__all__ = ["BaseRecommender"]


class BaseRecommender(RecommenderDiagramMixin, BaseEstimator):
    """Base class of all recommenders.

    A subclass implements `_score_users`, which computes the scores of all items for some users. If it learns more than
    the interactions, it also implements `_learn`. All public methods are inherited. They check and encode the ids,
    choose the candidates, rank the items and return tables.

    The recommenders whose scores are inner products of user and item vectors extend a subclass that ranks faster.

    Attributes
    ----------
    users_, items_ : ndarray
        Sorted ids of the known users and items.
    interactions_ : csr_array of shape (n_users, n_items), dtype float32
        Strengths of the interactions in fit. Rows and columns are in the order of `users_` and `items_`.
    n_features_in_ : int
        Number of columns of X: 2, or 3 if X had a weight column.
    feature_names_in_ : ndarray of str
        Column names of X. Only defined if X was a frame.

    Notes
    -----
    Ranking the items for n users takes O(n * n_items) time in addition to the time of `_score_users`, which computes
    the scores of at most 4 million pairs at a time in each thread, or of one user. Copies of these scores are made.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_recsketch.base import BaseRecommender
    >>> class JaccardRecommender(BaseRecommender):
    ...     # Recommends the items of users who have many items in common with the user.
    ...     def _score_users(self, users, history):
    ...         seen = (self.interactions_ > 0).astype(np.float32)
    ...         mine = (history > 0).astype(np.float32)
    ...         common = (mine @ seen.T).toarray()
    ...         total = mine.sum(axis=1)[:, None] + seen.sum(axis=1) - common
    ...         return common / np.maximum(total, 1) @ seen
    >>> X = [["ann", 1], ["ann", 2], ["bob", 1], ["bob", 2], ["bob", 3], ["eve", 4]]
    >>> JaccardRecommender().fit(X).recommend(["ann"], k=2)
      user  rank  item     score
    0  ann     1     3  0.666667
    1  ann     2     4  0.000000
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

    _parameter_constraints: dict[str, Any] = {}
    _uses_features = False  # whether side features change the scores

    users_: np.ndarray
    items_: np.ndarray
    interactions_: sp.csr_array

    # Implemented by a subclass.

    def _score_users(self, users: np.ndarray, history: sp.csr_array) -> np.ndarray:
        """Compute the scores of all known items for some users.

        If the recommender has the parameter `n_jobs`, several threads call this method at the same time. BLAS is
        limited to one thread.

        Parameters
        ----------
        users : ndarray of shape (n,), of integers
            Row index of each user in `users_`. It is -1 for unknown users and for users whose history was passed to
            `recommend`.
        history : csr_array of shape (n, n_items), dtype float32
            Strengths of the interactions of each user: the history passed to `recommend`, or else the interactions in
            fit. The row of an unknown user without a history is empty.

        Returns
        -------
        ndarray of shape (n, n_items)
            Finite scores. The items with the largest scores are recommended.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement _score_users.")

    def _learn(self, interactions: sp.csr_array) -> dict[str, Any]:
        """Learn from the interactions in fit, and return the fitted attributes of the subclass in a dict.

        `interactions` is the csr_array of shape (n_users, n_items) that becomes `interactions_`. The method must not
        change it, and must not change the estimator. By default, nothing is learned.
        """
        return {}

    def _score_unknown_items(self, scores: np.ndarray) -> np.ndarray:
        """Compute one score per user for all items that are not in `items_`, given the scores of the known items.

        By default, this is the mean score.
        """
        return np.asarray(scores.mean(axis=1))

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
        """Learn from interactions. The estimator does not change until training has succeeded.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User ids in the first column, item ids in the second column and, optionally, weights in the third column.
            The strengths are multiplied by the weights. The strengths of repeated pairs are summed.
        y : array-like of shape (n_rows,), default=None
            Strengths of the interactions, such as counts or hours. If None, all strengths are 1. Rows with strength 0
            are ignored.
        user_features, item_features : SideFeatures, default=None
            Side features of users and items. Their ids become known users and items, but the features are not used.
        X_val, y_val : None
            Not supported because this recommender has no early stopping.

        Returns
        -------
        self
            The fitted recommender.
        """
        for name, value in (("X_val", X_val), ("y_val", y_val)):
            if value is not None:
                raise ValueError(f"{name} was passed, but {type(self).__name__} has no early stopping: leave it out.")
        return self._fit_all(X, y, user_features, item_features, None)

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
        """Add new interactions to those of earlier fits, and learn from all of them.

        The parameters have the same meaning as in `fit`. The result is the same as if all interactions had been passed
        to `fit` at once, and takes as long.
        """
        self._validate_params()  # scikit-learn does not if the estimator is fitted, but all parameters are used again
        # Features are not kept, so it is not known whether earlier fits had any.
        earlier = (
            EarlierFit(self.users_, self.items_, self.interactions_, (True, True)) if hasattr(self, "items_") else None
        )
        return self._fit_all(X, y, user_features, item_features, earlier)

    def _fit_all(self, X: Any, y: Any, user_features: Any, item_features: Any, earlier: EarlierFit | None) -> Self:
        interactions = check_interactions(X, y)
        user_ids, item_ids = feature_ids(user_features, "user_features"), feature_ids(item_features, "item_features")
        data = gather_fit_data(interactions, user_ids, item_ids, earlier)
        learned = self._learn(data.interactions)
        if overwritten := learned.keys() & self.get_params(deep=False).keys():
            raise ValueError(f"{type(self).__name__}._learn must not return parameters, got {sorted(overwritten)}.")
        state = self._input_attributes(interactions) | learned
        state |= {"users_": data.users, "items_": data.items, "interactions_": data.interactions}
        self._replace_fitted(state)
        return self

    # Queries.

    def predict(self, X: Any) -> np.ndarray:
        """Predict the preference of the user for the item in each row.

        Parameters
        ----------
        X : array or frame of shape (n_rows, 2) or (n_rows, 3)
            User ids in the first column and item ids in the second column. A third column is ignored. Unknown ids are
            accepted, as in `recommend`.

        Returns
        -------
        ndarray of shape (n_rows,), dtype float32
            Predicted preferences. A larger value means a stronger preference. Only values for the same user are
            comparable.
        """
        check_is_fitted(self)
        interactions = check_interactions(X, weighted=False)
        users = lookup(self.users_, interactions.users, "user")
        return self._predict_pairs(users, lookup(self.items_, interactions.items, "item"))

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
        history : list of item ids, dict of user to item ids, or table of interactions, default=None
            Interactions of new users, or of known users whose interactions have changed. A list belongs to the single
            user in `users`, or to a user "anonymous" (-1 if ids are ints). The first two columns of a table are user
            and item, and the optional third column holds strengths. The vectors of these users are computed from this
            history alone, with the item vectors fixed (fold-in). If `exclude_seen=True`, the items in a user's history
            are not recommended to this user.
        item_history : dict of item to user ids, or table of interactions, default=None
            Interactions of new items. The vectors of these items are computed with the user vectors fixed. The items in
            `item_history` are candidates.
        user_features, item_features : SideFeatures, default=None
            Side features of new ids, or new features of known ids. The vector of an unknown id is the mean identity
            embedding plus its feature embeddings. If a history is also passed for an id, WRMF shrinks its vector
            towards the sum of its feature embeddings instead of zero. WARP and BPR start from the mean identity
            embedding plus the feature embeddings. Other recommenders do not use the features. The items in
            `item_features` are candidates. Features that did not occur in fit are ignored.
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

        Raises
        ------
        ValueError
            If `item_history` is passed to a recommender that cannot score new items, such as EASE.

        Warns
        -----
        UnknownIdWarning
            If users, candidates or items in `history` are unknown, and the query does not describe them.
        UserWarning
            If some users in a table or dict are neither known nor in `users`. If all are, a ValueError is raised.

        Notes
        -----
        The recommendations are exact. Recommenders with vectors (WRMF, WARP, BPR) score items in tiles of bounded
        memory, in descending order of their norms. The search for a user stops when the norms of the remaining items
        are too small. It takes at most O(n_users * n_items * n_components) time, and often a fifth of it. If each user
        has separate candidates, only their pairs are scored. Other recommenders score all known items for a block of
        users at a time.
        """
        check_is_fitted(self)
        k = check_integer(k, "k")
        of_users = self._query_context("user", user_features, history, users)
        of_items = self._query_context("item", item_features, item_history, users)
        if of_users.features is not None:
            refuse_ids_of_other_side("user", of_users.features.ids, self.users_, self.items_)
        if of_items.features is not None:
            refuse_ids_of_other_side("item", of_items.features.ids, self.items_, self.users_)
        query = build_query(
            self.users_, self.items_, self.interactions_, users, of_users, of_items, candidates, exclude
        )
        warn_of_query(query, of_users, of_items, self._uses_features)
        warn_of_history(of_users.history, self.items_, of_items)
        seen = (self.interactions_, of_users.history, of_items.history) if exclude_seen else (None,)
        of_query = self._query_scores(query, of_users, of_items)
        with workers(getattr(self, "n_jobs", None)) as pool:
            best, scores = of_query.top(query.eligible(*seen), k, pool)
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

    def _query_scores(self, query: Query, of_users: QueryContext, of_items: QueryContext) -> Scores:
        """Return the scores of the items in a query for the users in the query."""
        if of_items.history is not None:
            raise ValueError(
                f"{type(self).__name__} cannot compute the scores of new items from item_history. Leave it out, and "
                f"pass the interactions to partial_fit."
            )
        return self._user_scores().of_query(query, of_users)

    def _predict_pairs(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return the scores of pairs, given their row indices. Row index -1 stands for an unknown id."""
        with workers(getattr(self, "n_jobs", None)) as pool:
            return self._user_scores().of_pairs(users, items, pool)

    def _user_scores(self) -> UserScores:
        score, score_unknown = self._score_users, self._score_unknown_items
        return UserScores(type(self).__name__, score, score_unknown, self.items_, self.interactions_)

    def _query_context(self, name: str, features: Any, history: Any, users: Any) -> QueryContext:
        """Check the features and the history passed for users or for items."""
        return QueryContext(
            None if features is None else check_side_features(features, f"{name}_features"),
            read_history(history, name, users, self.users_),
        )

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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "recommender"
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.required = False
        return tags
