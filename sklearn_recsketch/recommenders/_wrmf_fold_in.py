"""Rows of WRMF against the other side as fitted: solved, and taken apart by their interactions."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from sklearn_recsketch.kernels._jit import rows_of
from sklearn_recsketch.recommenders._entities import Entities
from sklearn_recsketch.recommenders._wrmf_sweeps import EXACT
from sklearn_recsketch.solvers._wrmf_rows import FixedSide, Rotated, gram, solve_side
from sklearn_recsketch.utils._threads import Workers

__all__ = ["FoldIn"]


class FoldIn:
    """Users or items with the others frozen.

    Each row x minimises ``sum_j c_j (p_j - x.y_j)^2 + pull |x - drawn|^2`` over the active others j and those of its
    history, where `drawn` is what features say of it.

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
        self._excess = model._excess(history)
        # The penalty is on the row's own embedding: it draws the vector to what features say.
        self._pull = np.array([model._regularization_of(name) / entities.identity_weight**2])
        if model.regularization_scaling:
            total = model._excess(model.interactions_).sum(dtype=np.float64)
            w = active.sum() + self._excess.sum(axis=1, dtype=np.float64)
            mean = active.sum() + total / entities.active.sum()
            self._pull = self._pull * (w / mean) ** model.regularization_scaling

    def vectors(self, drawn: np.ndarray, pool: Workers) -> np.ndarray:
        """The rows, solved exactly; `drawn` has one of its own for each."""
        least = float(self._pull.min())
        others = FixedSide.of(Rotated(self._others), self._gram(pool), least, EXACT, pool)
        prior = Rotated(drawn).into(others.basis, pool)
        x = prior.copy()
        solve_side(rows_of(self._excess), others, self._pull, x, EXACT, pool, prior)
        return Rotated(x, others.basis).vectors(pool)

    def shares(self, drawn: np.ndarray, y: np.ndarray, pool: Workers) -> tuple[np.ndarray, np.ndarray]:
        """What makes up the score ``x.y`` of a single row, in float64.

        With ``A = sum_j c_j y_j y_j^T + pull I``, the row is ``x = A^-1 (sum_j c_j p_j y_j + pull drawn)``.

        Parameters
        ----------
        drawn : ndarray of shape (n_parts, K)
            What each feature says of the row; together they are what it is drawn to.
        y : ndarray of shape (K,)
            A vector of the other side, any one.

        Returns
        -------
        history : ndarray of shape (n_interactions,)
            ``c_j y_j.A^-1 y`` of each interaction.
        features : ndarray of shape (n_parts,)
            ``pull drawn.A^-1 y`` of each part.
        """
        past = self._others[self._excess.indices].astype(np.float64)
        excess = self._excess.data.astype(np.float64)
        if not np.isfinite(excess).all():
            raise ValueError(
                "The confidence of an interaction is too large for float32, so nothing can be said of its share. "
                "Scale the strengths, or lower alpha."
            )
        pull = float(self._pull[0])
        A = self._gram(pool) + (past.T * excess) @ past + pull * np.eye(len(y))
        # Without a penalty and with fewer others than components there are directions without data: they get nothing.
        direction = scipy.linalg.lstsq(A, y, lapack_driver="gelsy")[0]
        return (1 + excess) * (past @ direction), pull * (drawn @ direction)

    def _gram(self, pool: Workers) -> np.ndarray:
        return gram(self._others[self._active], pool)
