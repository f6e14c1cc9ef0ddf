"""Optimizer for one search space. It handles initial points and failed trials."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from skopt import Optimizer

from sklearn_recsketch.model_selection._bayes.search_space import SearchSpace
from sklearn_recsketch.utils._scalars import to_python_scalar

__all__ = ["SpaceOptimizer"]


class SpaceOptimizer:
    """Ask-and-tell optimizer for one search space. It also accepts scores that are not finite.

    Parameters
    ----------
    space : SearchSpace
    initial : list of points
        Points to propose before any points from skopt's optimizer.
    random_state : RandomState instance
    options : dict
        Parameters passed to skopt.Optimizer.
    """

    def __init__(
        self,
        space: SearchSpace,
        initial: list[list[Any]],
        random_state: np.random.RandomState,
        options: dict[str, Any],
    ) -> None:
        self.space = space
        self._initial = initial
        self._optimizer = Optimizer(list(space.dimensions.values()), random_state=random_state, **options)
        self._pending: list[tuple[list[Any], float]] = []
        self._worst = np.inf

    def ask(self, n: int) -> list[list[Any]]:
        """Propose at least one and at most `n` points."""
        if self._initial:
            points, self._initial = self._initial[:n], self._initial[n:]
            return points
        if self._pending:
            # There is no finite score yet. The optimizer might propose the same point again, so sample random points.
            points = self._optimizer.space.rvs(n, random_state=self._optimizer.rng)
        else:
            with warnings.catch_warnings():
                # The search does not evaluate a repeated point again.
                warnings.filterwarnings("ignore", message="The objective has been evaluated", category=UserWarning)
                # For n > 1, skopt fits a second model, which is not needed for a single point.
                points = [self._optimizer.ask()] if n == 1 else self._optimizer.ask(n)
        return [[to_python_scalar(value) for value in point] for point in points]

    def tell(self, points: list[list[Any]], scores: list[float]) -> Any:
        """Report the scores of the proposed points and return skopt's current result.

        If a score is not finite, it is replaced with the worst finite score so far. As long as
        there is no finite score, nothing is reported to skopt's optimizer, and None is returned.
        """
        self._pending += zip(points, scores, strict=True)
        self._worst = min([self._worst, *(score for score in scores if np.isfinite(score))])
        if self._worst == np.inf:
            return None
        reported, self._pending = self._pending, []
        losses = [-(score if np.isfinite(score) else self._worst) for _, score in reported]
        return self._optimizer.tell([point for point, _ in reported], losses)

    @property
    def result(self) -> Any:
        """Current result of skopt, or None if no trial has a finite score."""
        return self._optimizer.get_result() if self._optimizer.Xi else None
