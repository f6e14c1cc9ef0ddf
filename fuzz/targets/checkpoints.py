"""Checkpoint files of searches."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from fuzz.oracle import check
from fuzz.target import Target
from sklearn_recsketch.model_selection._bayes.checkpoint import Checkpoint
from sklearn_recsketch.model_selection._bayes.content_digest import StoredValue, value_key

__all__ = ["Checkpoints"]

FINGERPRINT = {"X": "ab", "cv": "12"}
FOLD = {"fit_error": None, "fit_time": 0.1, "n_test_samples": 5, "score_time": 0.2, "test_scores": 0.5}
TRIALS: list[dict[str, Any]] = [
    {"params": {"alpha": 1.5, "engine": None, "n": 3}, "folds": [FOLD, FOLD | {"test_scores": None}]},
    {
        "params": {"alpha": {"digest": "f00", "text": "array([1])"}, "on": True, "kind": "a"},
        "folds": [FOLD | {"test_scores": {"ndcg@5": 0.1, "auc": "inf"}, "train_scores": {"ndcg@5": 1, "auc": None}}],
    },
    {"params": {}, "folds": [FOLD | {"fit_error": "Traceback: \u00fc", "test_scores": "-inf"}]},
]


class Checkpoints(Target):
    """`Checkpoint.read`: each trial in the file is returned, with all its folds, or the file is refused."""

    name = "checkpoint"
    tokens = (
        *[
            one.encode()
            for one in ('"folds"', '"params"', "{}", "[]", "null", "NaN", "Infinity", "1e999", '""', '"x": ')
        ],
        *[one.encode() for one in ('{"digest": 1, "text": 2}', '"test_scores": ', '"fit_error": ', "true", "-0", ", ")],
        *[b"[" * 100_000, b'{"a":' * 2000, b"\xff", b"\xef\xbb\xbf", b"9" * 5000, b'"\\ud800"', b'"version": 1'],
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._path = folder / "search.json"

    def seeds(self) -> list[bytes]:
        trials = [TRIALS, TRIALS[:1], []]
        header = {"format": "sklearn_recsketch BayesSearchCV", "version": 1, "search": FINGERPRINT}
        return [json.dumps(header | {"trials": part}).encode() for part in trials]

    def run(self, data: bytes) -> None:
        self._path.write_bytes(data)
        trials = Checkpoint(self._path, FINGERPRINT).read()
        stored = json.loads(data)["trials"]
        check(len(trials) == len(stored), f"trials are lost: {len(trials)} of {len(stored)}")
        for trial, one in zip(trials, stored, strict=True):
            check(trial.params.keys() == one["params"].keys(), f"parameters differ: {trial.params}")
            for name, value in trial.params.items():
                hash(value_key(value))
                kept = vars(value) if isinstance(value, StoredValue) else value
                check(kept == one["params"][name], f"a parameter differs: {value!r}")
            check(len(trial.folds) == len(one["folds"]) > 0, f"folds are lost: {trial.folds}")
            for fold in trial.folds:
                self._check_fold(fold)
        Checkpoint(self._path, FINGERPRINT).write(trials)
        again = Checkpoint(self._path, FINGERPRINT).read()
        check(repr(again) == repr(trials), f"rewriting changes a trial: {trials} to {again}")

    def check_error(self, data: bytes, error: Exception) -> None:
        check(str(self._path) in str(error), f"the error does not name the file: {error}")

    @staticmethod
    def _check_fold(fold: dict[str, Any]) -> None:
        """Check that `fit` can compute means of the numbers of a fold."""
        check(fold["fit_error"] is None or isinstance(fold["fit_error"], str), f"no error: {fold}")
        for name in ("fit_time", "score_time", "n_test_samples"):
            check(isinstance(fold[name], int | float) and math.isfinite(fold[name]), f"no number: {fold}")
        scores = fold["test_scores"]
        for score in scores.values() if isinstance(scores, dict) else [scores]:
            check(isinstance(score, float), f"no score: {fold}")
