"""WRMF fold-in: compute the vectors of new users or items, and the contributions to their scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from sklearn_recsketch.recommenders._als.confidences import excess_of, ratings_of
from sklearn_recsketch.recommenders._als.factor_gram import FactorGram, gram_of_factors
from sklearn_recsketch.recommenders._als.rows import FixedSide, Rotated, solve_side
from sklearn_recsketch.recommenders._als.trainer import EXACT
from sklearn_recsketch.recommenders._entities import Entities
from sklearn_recsketch.utils._threads import Workers

__all__ = ["FoldIn"]


class FoldIn:
    """Fold-in solver for users or items, with the other side fixed.

    Each row x minimizes ``sum_j c_j (p_j - x.y_j)^2 + shrinkage |x - prior|^2``, where `prior` is the sum of its
    feature embeddings. The partners j of a user are items, and the partners of an item are users. The sum runs over all
    partners that were active in training and over all partners in the row's history.

    Parameters
    ----------
    model : WRMFRecommender
        Fitted model.
    name : {"user", "item"}
        Whether the rows are users or items.
    entities : Entities
        Known users if the rows are users, else known items.
    history : csr_array of shape (n_rows, n_partners)
        Strengths of the interactions. The last columns belong to partners that the model does not know.
    """

    def __init__(self, model: Any, name: str, entities: Entities, history: sp.csr_array) -> None:
        self._other = model._side("item" if name == "user" else "user")
        n_known = len(self._other.ids)
        partners, place = np.unique(history.indices, return_inverse=True)
        known = partners < n_known
        # Only the partners in a history are needed one by one. The others are part of the Gram matrix.
        self._partners = self._other.vectors(np.where(known, partners, -1))
        # Weight of y y^T in addition to the Gram matrix of the active partners: c - 1 for active partners, else c.
        self._name, self._objective = name, model._objective
        ratings = self._objective.ratings(history)
        excess = excess_of(ratings).data
        is_active = known & self._other.entities.active[np.where(known, partners, 0)]
        self._is_added = ~is_active[place]
        shape = history.shape[0], len(partners)
        self._weights = sp.csr_array((excess + self._is_added, place, history.indptr), shape=shape)
        self._penalties, self._identity_weight = self._objective.row_penalties(name, ratings), entities.identity_weight

    def _problem(self) -> tuple[sp.csr_array, np.ndarray]:
        """Return the interactions and the partners to pass to a solver of ``A x = b``.

        The solver uses ``A = Y^T Y + sum_j e_j y_j y_j^T`` and ``b = sum_j (1 + e_j) y_j``. For a partner that is not
        part of the Gram matrix, A requires e = c, but this value is too large by one for b. Each of these partners is
        therefore included a second time as -y with e = 0. This adds nothing to A and -y to b.
        """
        added = np.unique(self._weights.indices[self._is_added])
        if not len(added):
            return self._weights, self._partners
        opposite = sp.csr_array(self._weights[:, added])
        opposite.data[:] = 0  # zeros remain stored entries
        return sp.hstack([self._weights, opposite], format="csr"), np.vstack([self._partners, -self._partners[added]])

    def vectors(self, prior: np.ndarray, pool: Workers) -> np.ndarray:
        """Compute the exact vectors of all rows. `prior` has one row per vector."""
        penalties = self._objective.fold_in_penalties(self._name, self._penalties, prior.any(axis=1))
        shrinkage = self._shrinkage_of(penalties)
        least = float(shrinkage.min())
        ratings, table = self._problem()
        partners = FixedSide.of(Rotated(table), self._gram(pool).eigenbasis, least, EXACT, pool)
        priors = Rotated(prior).into(partners.basis, pool)
        x = priors.copy()
        solve_side(ratings_of(ratings), partners, shrinkage, x, EXACT, pool, priors)
        return Rotated(x, partners.basis).vectors(pool)

    def contributions(self, parts: np.ndarray, y: np.ndarray, pool: Workers) -> tuple[np.ndarray, np.ndarray]:
        """Compute the contributions of interactions and prior to the score ``x.y`` of a single row x, in float64.

        With ``A = sum_j c_j y_j y_j^T + shrinkage I``, the row is ``x = A^-1 (sum_j c_j p_j y_j + shrinkage prior)``.

        Parameters
        ----------
        parts : ndarray of shape (n_parts, K)
            Parts of the prior, such as one embedding per feature.
        y : ndarray of shape (K,)
            Vector of a user or an item on the other side.

        Returns
        -------
        history : ndarray of shape (n_interactions,)
            Contribution ``c_j y_j.A^-1 y`` of each interaction.
        features : ndarray of shape (n_parts,)
            Contribution ``shrinkage prior.A^-1 y`` of each part of the prior.
        """
        past = self._partners[self._weights.indices].astype(np.float64)
        weights = self._weights.data.astype(np.float64)
        shrinkage = float(self._shrinkage_of(self._penalties)[0])
        A = self._gram(pool).matrix + (past.T * weights) @ past + shrinkage * np.eye(len(y))
        # Without a penalty, and with fewer partners than components, A is singular: directions without data get 0.
        direction = scipy.linalg.lstsq(A, y, lapack_driver="gelsy")[0]
        return (weights + ~self._is_added) * (past @ direction), shrinkage * (parts @ direction)

    def _shrinkage_of(self, penalties: np.ndarray) -> np.ndarray:
        """Convert penalties of the identity embeddings, which shrink the vectors towards the prior."""
        return penalties / self._identity_weight**2

    def _gram(self, pool: Workers) -> FactorGram:
        return gram_of_factors(self._other.factors, self._other.entities.active, pool)
