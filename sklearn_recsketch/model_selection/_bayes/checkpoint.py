"""Checkpoint file that allows a Bayesian search to be resumed."""

from __future__ import annotations

import json
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_recsketch.model_selection._bayes.content_digest import StoredValue, is_json_value, value_key
from sklearn_recsketch.model_selection._bayes.trial_evaluation import Trial
from sklearn_recsketch.utils._atomic_files import atomic_write
from sklearn_recsketch.utils._scalars import to_python_scalar

__all__ = ["Checkpoint"]

FORMAT, VERSION = "sklearn_recsketch BayesSearchCV", 1
NUMBERS = ("fit_time", "score_time", "n_test_samples")
SCORES = ("test_scores", "train_scores")


class Checkpoint:
    """JSON file that stores the trials of a search. A fingerprint in the file identifies the search.

    Parameters
    ----------
    path : str or path
    fingerprint : dict of str to str
        Digests of all settings and data that affect the trials of the search.
    """

    def __init__(self, path: Any, fingerprint: dict[str, str]) -> None:
        self._path, self._fingerprint = Path(path), fingerprint

    def read(self) -> list[Trial]:
        """Return the trials in the file. Return an empty list if the file does not exist."""
        if not self._path.exists():
            return []
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(f"its format is {content['format']!r}, not {FORMAT!r}")
            if content["version"] != VERSION:
                raise ValueError(f"its version is {content['version']!r}, but this release reads version {VERSION}")
            search = dict(content["search"])
            trials = [_from_json(trial) for trial in content["trials"]]
            if len({len(trial.folds) for trial in trials} | {0}) > 2 or not all(trial.folds for trial in trials):
                raise ValueError("its trials do not have the same number of folds")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(
                f"checkpoint must be a file written by BayesSearchCV, but {self._path} cannot be read as one: "
                f"{type(error).__name__}: {error}. Remove it, or use another file."
            ) from error
        parts = sorted(search.keys() | self._fingerprint.keys())
        different = [part for part in parts if search.get(part) != self._fingerprint.get(part)]
        if different:
            raise ValueError(
                f"checkpoint must belong to the same search, but {self._path} is from a search with different "
                f"{', '.join(different)}. Remove it to start again, or use another file."
            )
        return trials

    def write(self, trials: list[Trial]) -> None:
        """Replace the file atomically. If the process is interrupted, the previous file remains intact."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "search": self._fingerprint,
            "trials": [_to_json(trial) for trial in trials],
        }
        with atomic_write(self._path) as file:
            file.write(json.dumps(content, indent=1, allow_nan=False).encode())


def _to_json(trial: Trial) -> dict[str, Any]:
    folds = [
        {key: _score_to_json(value) if key in SCORES else to_python_scalar(value) for key, value in f.items()}
        for f in trial.folds
    ]
    return {"params": {name: _value_to_json(value) for name, value in trial.params.items()}, "folds": folds}


def _value_to_json(value: Any) -> Any:
    """Return the value if JSON can store it. Otherwise, return a dict with its digest and its repr."""
    if is_json_value(value):
        return value
    text = value.text if isinstance(value, StoredValue) else repr(value)
    return {"digest": value_key(value)[1], "text": text}


def _score_to_json(score: Any) -> Any:
    """Convert NaN to None and infinity to a string, because JSON supports neither NaN nor infinity."""
    if isinstance(score, dict):
        return {name: _score_to_json(value) for name, value in score.items()}
    score = float(score)
    return score if np.isfinite(score) else None if np.isnan(score) else str(score)


def _from_json(trial: Any) -> Trial:
    folds = [
        {key: _score_from_json(value) if key in SCORES else value for key, value in _checked_fold(fold).items()}
        for fold in trial["folds"]
    ]
    return Trial({name: _value_from_json(value) for name, value in trial["params"].items()}, folds)


def _checked_fold(fold: dict[str, Any]) -> dict[str, Any]:
    """Return the results on a fold. Raise an error if a key is missing or a value has the wrong type."""
    for key in NUMBERS:
        if not isinstance(fold[key], Real) or not np.isfinite(fold[key]):
            raise ValueError(f"{key} of a fold is {fold[key]!r}, not a number")
    if not isinstance(fold["fit_error"], str | None):
        raise ValueError(f"fit_error of a fold is {fold['fit_error']!r}, not a text")
    if fold["test_scores"] == {}:
        raise ValueError("test_scores of a fold is empty")
    return fold


def _value_from_json(value: Any) -> Any:
    if is_json_value(value):
        return value
    if not isinstance(value, dict) or not all(isinstance(value[key], str) for key in ("digest", "text")):
        raise ValueError(f"a parameter is {value!r}, not a value or its digest")
    return StoredValue(value["digest"], value["text"])


def _score_from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _score_from_json(score) for name, score in value.items()}
    return np.nan if value is None else float(value)
