"""The conversation with skopt's optimizer: what to try next, and how it went."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from skopt import Optimizer

from sklearn_recsketch.model_selection._bayes.search_space import SearchSpace
from sklearn_recsketch.utils._scalars import to_python_scalar

__all__ = ["SpaceOptimizer"]


class SpaceOptimizer:
    """Points of one search space to try, chosen by the scores of the earlier ones, be they numbers or not.

    Parameters
    ----------
    space : SearchSpace
    first : list of points
        What to propose before the optimizer is asked.
    random_state : RandomState instance
    options : dict
        Parameters of skopt's optimizer.
    """

    def __init__(
        self,
        space: SearchSpace,
        first: list[list[Any]],
        random_state: np.random.RandomState,
        options: dict[str, Any],
    ) -> None:
        self.space = space
        self._first = first
        self._optimizer = Optimizer(list(space.dimensions.values()), random_state=random_state, **options)
        self._untold: list[tuple[list[Any], float]] = []
        self._worst = np.inf

    def ask(self, n: int) -> list[list[Any]]:
        """At least one and at most `n` points."""
        if self._first:
            asked, self._first = self._first[:n], self._first[n:]
            return asked
        if self._untold:
            # The optimizer has learnt nothing since it was last asked, and may say the same again.
            asked = self._optimizer.space.rvs(n, random_state=self._optimizer.rng)
        else:
            with warnings.catch_warnings():
                # A search looks up a point that comes again.
                warnings.filterwarnings("ignore", message="The objective has been evaluated", category=UserWarning)
                # For several points skopt fits a second model, which one point can do without.
                asked = [self._optimizer.ask()] if n == 1 else self._optimizer.ask(n)
        return [[to_python_scalar(value) for value in point] for point in asked]

    def tell(self, points: list[list[Any]], scores: list[float]) -> Any:
        """Scores of points; returns skopt's result so far, None as long as there is no finite score.

        In place of one that is not finite the optimizer learns the worst finite one so far. Before
        there is any, it learns nothing.
        """
        self._untold += zip(points, scores, strict=True)
        self._worst = min([self._worst, *(score for score in scores if np.isfinite(score))])
        if self._worst == np.inf:
            return None
        told, self._untold = self._untold, []
        losses = [-(score if np.isfinite(score) else self._worst) for _, score in told]
        return self._optimizer.tell([point for point, _ in told], losses)

    @property
    def result(self) -> Any:
        """skopt's result, None where no trial had a finite score."""
        return self._optimizer.get_result() if self._optimizer.Xi else None
