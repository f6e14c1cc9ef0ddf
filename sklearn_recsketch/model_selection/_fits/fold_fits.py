"""What all fits of a search on its folds have in common."""

from __future__ import annotations

import copy
import platform
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.callback import ProgressBar, ScoringMonitor

from sklearn_recsketch.model_selection._monitor import EpochCurveMonitor
from sklearn_recsketch.utils._unwrap import final_step

__all__ = ["FoldFits"]

# What they see in other processes they send to the one of the search, by a socket of its machine.
REPORTING = (EpochCurveMonitor, ProgressBar, ScoringMonitor)


@dataclass(frozen=True)
class FoldFits:
    """What all fits of a search on its folds have in common: workers are sent it once.

    Attributes
    ----------
    search : estimator
        The search itself: its parameters, and what callbacks are told of.
    estimator : estimator
        What is cloned for each fit.
    X : table
        With ids as codes.
    y : array or None
    splits : list of (train, test)
        The same for every candidate.
    scorer : callable
        Of one metric, or of several: then it returns a dict.
    metric : str
        The score to judge by, "score" where there is but one.
    fit_params, score_params : dict
        Routed parameters of the estimator's fit and of the scorer.
    progress : CallbackContext
        Of the task that all fits are part of.
    host : str
        The machine of the search.
    """

    search: Any
    estimator: Any
    X: Any
    y: Any
    splits: list[tuple[np.ndarray, np.ndarray]]
    scorer: Any
    metric: str
    fit_params: dict[str, Any]
    score_params: dict[str, Any]
    progress: Any
    host: str

    def split(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Training and test rows of one fit; all folds of a candidate come before the next candidate."""
        return self.splits[number % len(self.splits)]

    def context(self, number: int) -> Any:
        """The task of one fit, for callbacks."""
        self._check_host()
        # Without the tasks of other fits, which would stay until the search ends.
        parent = copy.copy(self.progress)
        parent._children_map = {}
        return parent.subcontext(task_name="candidate-split-evaluation", task_id=number)

    def _check_host(self) -> None:
        here = platform.node()
        callbacks = [*self.progress._callbacks, *getattr(final_step(self.estimator), "_skl_callbacks", [])]
        reporting = [type(callback).__name__ for callback in callbacks if isinstance(callback, REPORTING)]
        if reporting and here != self.host:
            raise RuntimeError(
                f"{', '.join(reporting)} must see fits on the machine of the search, {self.host}, alone, and one has "
                f"come to {here}. Search without callbacks, by set_callbacks() on what has them, or on workers of "
                f"{self.host}."
            )
