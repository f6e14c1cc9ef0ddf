"""What a Bayesian search has tried: nothing is evaluated twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sklearn_recsketch.model_selection._bayes.checkpoint import Checkpoint
from sklearn_recsketch.model_selection._bayes.content_digest import value_key
from sklearn_recsketch.model_selection._bayes.trial_evaluation import Trial

__all__ = ["TrialHistory"]


class TrialHistory:
    """TrialHistory of this run, in the order they were asked for, and those a checkpoint has from an earlier run.

    Parameters
    ----------
    checkpoint : Checkpoint or None
        Where trials are kept.

    Attributes
    ----------
    n_asked : int
        How often a trial was asked for; some are more than once.
    """

    def __init__(self, checkpoint: Checkpoint | None) -> None:
        self._checkpoint = checkpoint
        self._known: dict[Any, Trial] = {}
        self._asked: dict[Any, Trial] = {}
        self.n_asked = 0
        if checkpoint is not None:
            self._known = {_key(trial.params): trial for trial in checkpoint.read()}
            # At once, so that a path that cannot be written to costs no trial.
            checkpoint.write(list(self._known.values()))

    def __len__(self) -> int:
        return len(self._asked)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._asked.values())

    def unknown(self, candidates: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those that have to be evaluated, each once."""
        distinct = {_key(params): params for params in candidates}
        return [params for key, params in distinct.items() if key not in self._known]

    def add(self, trials: list[Trial]) -> None:
        """Keep trials that were evaluated."""
        self._known |= {_key(trial.params): trial for trial in trials}
        if trials and self._checkpoint is not None:
            self._checkpoint.write(list(self._known.values()))

    def ask_for(self, params: dict[str, Any]) -> Trial:
        """The trial of parameters that are known; it is one of this run from now on."""
        self.n_asked += 1
        # With the values of the search: a file has digests in place of some.
        return self._asked.setdefault(_key(params), replace(self._known[_key(params)], params=params))


def _key(params: dict[str, Any]) -> Any:
    return tuple((name, value_key(params[name])) for name in sorted(params))
