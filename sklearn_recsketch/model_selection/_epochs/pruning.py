"""When to stop a candidate early, judged by the curves of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sklearn_recsketch.utils._validation import check_integer

__all__ = ["HalvingPruning", "MedianPruning", "PruningRule", "pruning_rule"]


class PruningRule(Protocol):
    """Says how good a candidate's best score so far must be at each checkpoint."""

    def thresholds(self, curves: np.ndarray) -> np.ndarray:
        """Least best score so far at each checkpoint to go on.

        Parameters
        ----------
        curves : ndarray of shape (n_candidates, n_checkpoints)
            Scores of earlier candidates; NaN after one was stopped or its fit failed.

        Returns
        -------
        ndarray of shape (n_checkpoints,)
            -inf where nobody is stopped.
        """
        ...


def best_so_far(curves: np.ndarray) -> np.ndarray:
    """Running maximum; a stopped candidate keeps its last value, one without scores has -inf."""
    return np.maximum.accumulate(np.where(np.isnan(curves), -np.inf, curves), axis=1)


@dataclass(frozen=True)
class MedianPruning:
    """Stop a candidate whose best score so far is below the median of what others had at the same checkpoint.

    Parameters
    ----------
    warmup : int, default=2
        Checkpoints at which nobody is stopped yet.
    min_candidates : int, default=8
        Curves to wait for.

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
        """Median at each checkpoint, stopped candidates counted by what they had."""
        needed = np.full(curves.shape[1], -np.inf)
        if len(curves) >= self.min_candidates:
            needed[self.warmup :] = np.median(best_so_far(curves), axis=0)[self.warmup :]
        return needed


@dataclass(frozen=True)
class HalvingPruning:
    """Successive halving: at checkpoints 1, factor, factor squared, ... only the best 1 / factor go on.

    Of the candidates that came to a rung, a new one must be among the best share to pass it: the
    asynchronous form, which waits for nobody.

    Parameters
    ----------
    factor : int, default=3
        One of so many goes on.
    first : int, default=2
        Number of the checkpoint, from 1, that is the first rung.
    min_candidates : int, default=8
        Curves to wait for at a rung.

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
        """At each rung the quantile of those that reached it."""
        needed = np.full(curves.shape[1], -np.inf)
        best = best_so_far(curves)
        rung = self.first
        while rung < curves.shape[1]:  # the last checkpoint has nobody to stop
            reached = best[~np.isnan(curves[:, rung - 1]), rung - 1]
            if len(reached) >= self.min_candidates:
                needed[rung - 1] = np.quantile(reached, 1 - 1 / self.factor)
            rung *= self.factor
        return needed


def _check(rule: Any, **least: int) -> None:
    for name, minimum in least.items():
        check_integer(getattr(rule, name), f"{name} of {type(rule).__name__}", minimum)


RULES: dict[str, PruningRule] = {"median": MedianPruning(), "halving": HalvingPruning()}


def pruning_rule(prune: Any) -> PruningRule | None:
    """The rule that the parameter `prune` of a search means."""
    if prune is None or hasattr(prune, "thresholds"):
        return prune
    if not isinstance(prune, str) or prune not in RULES:
        raise ValueError(
            f"prune must be None, one of {sorted(RULES)}, or a rule such as MedianPruning(warmup=3), got {prune!r}."
        )
    return RULES[prune]
