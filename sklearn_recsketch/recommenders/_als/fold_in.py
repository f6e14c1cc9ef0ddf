"""Rows of WRMF against the other side as fitted: solved, and taken apart by their interactions."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from sklearn_recsketch._linalg.gram import gram
from sklearn_recsketch.recommenders._als.confidences import ratings_of
from sklearn_recsketch.recommenders._als.rows import FixedSide, Rotated, solve_side
from sklearn_recsketch.recommenders._als.trainer import EXACT
from sklearn_recsketch.recommenders._entities import Entities
from sklearn_recsketch.utils._threads import Workers

__all__ = ["FoldIn"]


class FoldIn:
    """Users or items with the others frozen.

    Each row x minimises ``sum_j c_j (p_j - x.y_j)^2 + pull |x - drawn|^2``, where `drawn` is what features say of it.
    The sum is over the others that were active in training and those of the row's history, active or not.

    Parameters
    ----------
    model : WRMFRecommender
        Fitted.
    name : {"user", "item"}
        What the rows are.
    entities : Entities
        Those of the model that the rows are like.
    history : csr_array of shape (n_rows, n_others)
        Strengths. Columns beyond the model's others are others it does not know.
    """

    def __init__(self, model: Any, name: str, entities: Entities, history: sp.csr_array) -> None:
        other = "item" if name == "user" else "user"
        active = getattr(model, f"_active_{other}")
        factors = getattr(model, f"{other}_factors_")
        unknown = getattr(model, f"_unknown_{other}")
        n_unknown = history.shape[1] - len(factors)
        self._others = np.vstack([factors, np.broadcast_to(unknown, (n_unknown, factors.shape[1]))]).astype(np.float32)
        self._active = np.flatnonzero(active)
        # What interactions add to the Gram matrix of the active others: c - 1 of an active one, c of another.
        objective = model._objective
        self._weights = objective.excess(history)
        self._is_added = ~np.append(active, np.zeros(n_unknown, dtype=bool))[self._weights.indices]
        self._weights.data = self._weights.data + self._is_added
        # The penalty is on the row's own embedding: it shrinks the vector towards what features say.
        self._pull = objective.row_penalties(name, objective.ratings(history)) / entities.identity_weight**2

    def _problem(self) -> tuple[sp.csr_array, np.ndarray]:
        """Interactions and others for a solver with ``A = Y^T Y + sum_j e_j y_j y_j^T``, ``b = sum_j (1 + e_j) y_j``.

        The e = c that others beyond the Gram matrix need in A is one too many in b. Each of them is there as -y, too:
        with e = 0 that adds nothing to A, and -y to b.
        """
        added = np.unique(self._weights.indices[self._is_added])
        opposite = sp.csr_array(self._weights[:, added])
        opposite.data[:] = 0  # kept as entries
        return sp.hstack([self._weights, opposite], format="csr"), np.vstack([self._others, -self._others[added]])

    def vectors(self, drawn: np.ndarray, pool: Workers) -> np.ndarray:
        """The rows, solved exactly; `drawn` has one of its own for each."""
        least = float(self._pull.min())
        ratings, table = self._problem()
        others = FixedSide.of(Rotated(table), self._gram(pool), least, EXACT, pool)
        prior = Rotated(drawn).into(others.basis, pool)
        x = prior.copy()
        solve_side(ratings_of(ratings), others, self._pull, x, EXACT, pool, prior)
        return Rotated(x, others.basis).vectors(pool)

    def shares(self, drawn: np.ndarray, y: np.ndarray, pool: Workers) -> tuple[np.ndarray, np.ndarray]:
        """What makes up the score ``x.y`` of a single row, in float64.

        With ``A = sum_j c_j y_j y_j^T + pull I``, the row is ``x = A^-1 (sum_j c_j p_j y_j + pull drawn)``.

        Parameters
        ----------
        drawn : ndarray of shape (n_parts, K)
            What each feature says of the row; it is shrunk towards their sum.
        y : ndarray of shape (K,)
            A vector of the other side, any one.

        Returns
        -------
        history : ndarray of shape (n_interactions,)
            ``c_j y_j.A^-1 y`` of each interaction.
        features : ndarray of shape (n_parts,)
            ``pull drawn.A^-1 y`` of each part.
        """
        past = self._others[self._weights.indices].astype(np.float64)
        weights = self._weights.data.astype(np.float64)
        pull = float(self._pull[0])
        A = self._gram(pool) + (past.T * weights) @ past + pull * np.eye(len(y))
        # Without a penalty and with fewer others than components there are directions without data: they get nothing.
        direction = scipy.linalg.lstsq(A, y, lapack_driver="gelsy")[0]
        return (weights + ~self._is_added) * (past @ direction), pull * (drawn @ direction)

    def _gram(self, pool: Workers) -> np.ndarray:
        return gram(self._others[self._active], pool)
