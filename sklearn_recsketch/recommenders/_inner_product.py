"""Base class of recommenders whose scores are inner products."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod

import numpy as np

from sklearn_recsketch._data.ids import IdColumn
from sklearn_recsketch._ranking.query import Query, QueryContext
from sklearn_recsketch._ranking.scores import InnerProducts, Scores
from sklearn_recsketch.base import BaseRecommender

__all__ = ["InnerProductRecommender"]

PREDICT_ROWS = 65_536  # rows whose vectors are held at once by predict


class InnerProductRecommender(BaseRecommender, metaclass=ABCMeta):
    """Base class of recommenders whose scores are inner products of user vectors and item vectors.

    A subclass implements `_score_vectors`, and `_query_vectors` if it uses the histories or features passed with a
    query. For a list of k items, the search is exact, but it skips items whose vectors are too short to be in the list.
    """

    @abstractmethod
    def _score_vectors(self, name: str, codes: np.ndarray) -> np.ndarray:
        """Return the vectors of users or items.

        Parameters
        ----------
        name : {"user", "item"}
        codes : ndarray of shape (n,), of integers
            Row indices in `users_` or `items_`. Row index -1 stands for an unknown id.

        Returns
        -------
        ndarray of shape (n, n_components), dtype float32
        """

    def _query_vectors(self, name: str, ids: IdColumn, codes: np.ndarray, context: QueryContext) -> np.ndarray:
        """Compute the vectors of the ids in a query from the histories and features passed with the query.

        By default, histories and features do not change the vectors.
        """
        return self._score_vectors(name, codes)

    def _query_scores(self, query: Query, of_users: QueryContext, of_items: QueryContext) -> Scores:
        x = self._query_vectors("user", query.users, query.user_codes, of_users)
        return InnerProducts(x, self._query_vectors("item", query.items, query.item_codes, of_items))

    def _predict_pairs(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        out = np.empty(len(users), dtype=np.float32)
        for start in range(0, len(users), PREDICT_ROWS):
            part = slice(start, start + PREDICT_ROWS)
            x, y = self._score_vectors("user", users[part]), self._score_vectors("item", items[part])
            np.einsum("rk,rk->r", x, y, out=out[part])
        return out
