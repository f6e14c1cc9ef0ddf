"""History of the trials of a Bayesian search. It ensures that no trial is evaluated twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sklearn_recsketch.model_selection._bayes.checkpoint import Checkpoint
from sklearn_recsketch.model_selection._bayes.content_digest import value_key
from sklearn_recsketch.model_selection._bayes.trial_evaluation import Trial

__all__ = ["TrialHistory"]


class TrialHistory:
    """Trials of this run, in the order in which they were proposed. Evaluated trials are read from a checkpoint.

    Parameters
    ----------
    checkpoint : Checkpoint or None
        File that stores the trials.

    Attributes
    ----------
    n_proposed : int
        Number of proposed trials, including repeated trials.
    """

    def __init__(self, checkpoint: Checkpoint | None) -> None:
        self._checkpoint = checkpoint
        self._evaluated: dict[Any, Trial] = {}
        self._proposed: dict[Any, Trial] = {}
        self.n_proposed = 0
        if checkpoint is not None:
            self._evaluated = {_key(trial.params): trial for trial in checkpoint.read()}
            # Write now, so that an invalid path raises an error before the first trial.
            checkpoint.write(list(self._evaluated.values()))

    def __len__(self) -> int:
        return len(self._proposed)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._proposed.values())

    def not_evaluated(self, candidates: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the distinct candidates that have not been evaluated yet."""
        distinct = {_key(params): params for params in candidates}
        return [params for key, params in distinct.items() if key not in self._evaluated]

    def add(self, trials: list[Trial]) -> None:
        """Store evaluated trials in the history and in the checkpoint."""
        self._evaluated |= {_key(trial.params): trial for trial in trials}
        if trials and self._checkpoint is not None:
            self._checkpoint.write(list(self._evaluated.values()))

    def record(self, params: dict[str, Any]) -> Trial:
        """Return the evaluated trial with the given parameters and record it as a trial of this run."""
        self.n_proposed += 1
        # Use the values of this search, because a checkpoint contains only digests of some values.
        return self._proposed.setdefault(_key(params), replace(self._evaluated[_key(params)], params=params))


def _key(params: dict[str, Any]) -> Any:
    return tuple((name, value_key(params[name])) for name in sorted(params))
