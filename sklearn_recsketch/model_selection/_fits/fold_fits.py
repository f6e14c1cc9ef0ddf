"""Data and settings that all fits of a search share."""

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

# These callbacks send data from other processes to the search process through a local socket.
REPORTING = (EpochCurveMonitor, ProgressBar, ScoringMonitor)


@dataclass(frozen=True)
class FoldFits:
    """Data and settings that all fits of a search share. They are sent to each worker only once.

    Attributes
    ----------
    search : estimator
        The search itself. Fits read its parameters and pass it to callbacks.
    estimator : estimator
        Estimator that is cloned for each fit.
    X : table
        Interactions. The ids are categorical if all steps and scorers accept categorical ids.
    y : array or None
        Strengths of the interactions.
    splits : list of (train, test)
        Training and test rows of each fold. They are the same for all candidates.
    scorer : callable
        Scorer that returns a number, or a dict with one number per metric.
    metric : str
        Name of the metric that selects the best candidate. It is "score" if there is only one
        metric.
    fit_params, score_params : dict
        Parameters that are routed to the estimator's `fit` method and to the scorer.
    progress : CallbackContext
        Callback context of the task that comprises all fits.
    host : str
        Name of the machine that runs the search.
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
        """Return the training and test rows of a fit. Fits are ordered by candidate, then by fold."""
        return self.splits[number % len(self.splits)]

    def context(self, number: int) -> Any:
        """Create the callback context of a fit."""
        self._check_host()
        # Copy the parent without its children. Otherwise, it would keep the contexts of all fits until the search ends.
        parent = copy.copy(self.progress)
        parent._children_map = {}
        return parent.subcontext(task_name="candidate-split-evaluation", task_id=number)

    def _check_host(self) -> None:
        host = platform.node()
        callbacks = [*self.progress._callbacks, *getattr(final_step(self.estimator), "_skl_callbacks", [])]
        reporting = [type(callback).__name__ for callback in callbacks if isinstance(callback, REPORTING)]
        if reporting and host != self.host:
            raise RuntimeError(
                f"With {', '.join(reporting)}, all fits must run on {self.host}, the machine of the search, but one "
                f"ran on {host}. Remove the callbacks with set_callbacks(), or use workers on {self.host} only."
            )
