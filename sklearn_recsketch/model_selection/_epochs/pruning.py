"""Rules that stop a candidate early if its learning curve is worse than other candidates' learning curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sklearn_recsketch.utils._validation import check_integer

__all__ = ["HalvingPruning", "MedianPruning", "PruningRule", "pruning_rule"]


class PruningRule(Protocol):
    """Rule that sets the minimum score that a candidate must have reached by each checkpoint."""

    def thresholds(self, curves: np.ndarray) -> np.ndarray:
        """Compute the threshold for each checkpoint. Candidates are stopped if their best score is below the threshold.

        Parameters
        ----------
        curves : ndarray of shape (n_candidates, n_checkpoints)
            Scores of earlier candidates. Scores are NaN for all checkpoints after a
            candidate was stopped or its fit failed.

        Returns
        -------
        ndarray of shape (n_checkpoints,)
            Thresholds. A threshold is -inf if no candidate is stopped at the checkpoint.
        """
        ...


def best_so_far(curves: np.ndarray) -> np.ndarray:
    """Return the running maximum of each curve. NaNs are ignored, and the maximum is -inf before the first score."""
    return np.maximum.accumulate(np.where(np.isnan(curves), -np.inf, curves), axis=1)


@dataclass(frozen=True)
class MedianPruning:
    """Stop a candidate if its best score is below the median of earlier candidates' best scores.

    Parameters
    ----------
    warmup : int, default=2
        Number of initial checkpoints at which candidates are never stopped.
    min_candidates : int, default=8
        Minimum number of earlier candidates. If there are fewer, candidates are not stopped.

    References
    ----------
    .. [1] D. Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017,
       doi:10.1145/3097983.3098043.
    """

    warmup: int = 2
    min_candidates: int = 8

    def __post_init__(self) -> None:
        _check(self, warmup=0, min_candidates=1)

    def thresholds(self, curves: np.ndarray) -> np.ndarray:
        """Return the median of the best scores so far, including the best scores of stopped candidates."""
        needed = np.full(curves.shape[1], -np.inf)
        if len(curves) >= self.min_candidates:
            needed[self.warmup :] = np.median(best_so_far(curves), axis=0)[self.warmup :]
        return needed


@dataclass(frozen=True)
class HalvingPruning:
    """Stop candidates by asynchronous successive halving: at each rung, only the best candidates continue.

    If checkpoints are counted from 1, the rungs are the checkpoints ``first``, ``first * factor``,
    ``first * factor ** 2`` and so on. At each rung, a candidate is compared with the earlier
    candidates that reached the same rung. It continues if its best score so far is among the top
    ``1 / factor`` of their scores. This asynchronous variant does not wait for all candidates to
    reach a rung.

    Parameters
    ----------
    factor : int, default=3
        Inverse of the fraction of candidates that continue after each rung. Larger values stop more
        candidates.
    first : int, default=2
        Position of the first rung among the checkpoints, counted from 1.
    min_candidates : int, default=8
        Minimum number of earlier candidates that must have reached a rung before candidates are
        stopped at this rung.

    References
    ----------
    .. [1] L. Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020,
       arXiv:1810.05934.
    """

    factor: int = 3
    first: int = 2
    min_candidates: int = 8

    def __post_init__(self) -> None:
        _check(self, factor=2, first=1, min_candidates=1)

    def thresholds(self, curves: np.ndarray) -> np.ndarray:
        """Return a quantile of earlier candidates' best scores for each rung, and -inf for other checkpoints."""
        needed = np.full(curves.shape[1], -np.inf)
        best = best_so_far(curves)
        rung = self.first
        while rung < curves.shape[1]:  # stopping at the last checkpoint would save nothing
            reached = best[~np.isnan(curves[:, rung - 1]), rung - 1]
            if len(reached) >= self.min_candidates:
                needed[rung - 1] = np.quantile(reached, 1 - 1 / self.factor)
            rung *= self.factor
        return needed


def _check(rule: Any, **minima: int) -> None:
    for name, minimum in minima.items():
        check_integer(getattr(rule, name), f"{name} of {type(rule).__name__}", minimum)


RULES: dict[str, PruningRule] = {"median": MedianPruning(), "halving": HalvingPruning()}


def pruning_rule(prune: Any) -> PruningRule | None:
    """Return the pruning rule that corresponds to a search's `prune` parameter."""
    if prune is None or hasattr(prune, "thresholds"):
        return prune
    if not isinstance(prune, str) or prune not in RULES:
        raise ValueError(
            f"prune must be None, one of {sorted(RULES)}, or a rule such as MedianPruning(warmup=3), got {prune!r}."
        )
    return RULES[prune]
