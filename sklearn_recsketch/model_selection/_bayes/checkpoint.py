"""The file that a Bayesian search can be resumed from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_recsketch.model_selection._bayes.trial_evaluation import Trial
from sklearn_recsketch.model_selection._fits.parameter_values import StoredValue, is_plain, native, value_key
from sklearn_recsketch.utils._atomic_files import atomic_write

__all__ = ["Checkpoint"]

FORMAT, VERSION = "sklearn_recsketch BayesSearchCV", 1
SCORES = ("test_scores", "train_scores")


class Checkpoint:
    """Trials in a JSON file, for the search with this fingerprint alone.

    Parameters
    ----------
    path : str or path
    fingerprint : dict of str to str
        A digest of every part of the search that its trials depend on.
    """

    def __init__(self, path: Any, fingerprint: dict[str, str]) -> None:
        self._path, self._fingerprint = Path(path), fingerprint

    def read(self) -> list[Trial]:
        """Trials of the file, none where there is no file yet."""
        if not self._path.exists():
            return []
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(f"its format is {content['format']!r}, not {FORMAT!r}")
            if content["version"] != VERSION:
                raise ValueError(f"its version is {content['version']!r}, and this release reads {VERSION}")
            search = dict(content["search"])
            trials = [_from_json(trial) for trial in content["trials"]]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(
                f"checkpoint must be a file that BayesSearchCV has written, and {self._path} cannot be read as one: "
                f"{type(error).__name__}: {error}. Remove it, or name another one."
            ) from error
        parts = sorted(search.keys() | self._fingerprint.keys())
        other = [part for part in parts if search.get(part) != self._fingerprint.get(part)]
        if other:
            raise ValueError(
                f"checkpoint must be of the same search, and {self._path} is of one with other {', '.join(other)}. "
                f"Remove it to begin anew, or name another one."
            )
        return trials

    def write(self, trials: list[Trial]) -> None:
        """Replace the file as a whole: one that is killed meanwhile leaves the old one."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "search": self._fingerprint,
            "trials": [_to_json(trial) for trial in trials],
        }
        with atomic_write(self._path) as file:
            file.write(json.dumps(content, indent=1, allow_nan=False).encode())


def _to_json(trial: Trial) -> dict[str, Any]:
    folds = [{key: _plain(value) if key in SCORES else native(value) for key, value in f.items()} for f in trial.folds]
    return {"params": {name: _stored(value) for name, value in trial.params.items()}, "folds": folds}


def _stored(value: Any) -> Any:
    """A value as JSON has it, or its digest and its text."""
    if is_plain(value):
        return value
    text = value.text if isinstance(value, StoredValue) else repr(value)
    return {"digest": value_key(value)[1], "text": text}


def _plain(score: Any) -> Any:
    """NaN as null, infinity as text: JSON has neither."""
    if isinstance(score, dict):
        return {name: _plain(value) for name, value in score.items()}
    score = float(score)
    return score if np.isfinite(score) else None if np.isnan(score) else str(score)


def _from_json(trial: Any) -> Trial:
    folds = [{key: _score(value) if key in SCORES else value for key, value in fold.items()} for fold in trial["folds"]]
    return Trial({name: _restored(value) for name, value in trial["params"].items()}, folds)


def _restored(value: Any) -> Any:
    return StoredValue(value["digest"], value["text"]) if isinstance(value, dict) else value


def _score(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _score(one) for name, one in value.items()}
    return np.nan if value is None else float(value)
