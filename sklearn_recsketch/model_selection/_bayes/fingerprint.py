"""Digests that tell whether two searches are the same, in any process."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch.model_selection._bayes.content_digest import class_name, content_digest
from sklearn_recsketch.model_selection._bayes.search_space import SearchSpace
from sklearn_recsketch.model_selection._fits.fold_fits import FoldFits

__all__ = ["search_fingerprint"]

# Parameters that decide which trials there are; and those that decide what is kept of each.
CHOICES = ("surrogate", "optimizer_kwargs", "n_points", "initial_params", "random_state")
KEPT = ("error_score", "return_train_score")


def search_fingerprint(spaces: list[SearchSpace], fits: FoldFits) -> dict[str, str]:
    """A digest of every part of a search that its trials depend on."""
    search = fits.search
    parts: dict[str, Any] = {
        "search_spaces": [space.description() for space in spaces],
        "cv": fits.splits,
        "scoring": fits.scorer,
        "metric": fits.metric,
        "X": fits.X,
        "y": None if fits.y is None else np.asarray(fits.y),
        "estimator": _described(search.estimator),
    }
    parts |= {name: getattr(search, name) for name in (*CHOICES, *KEPT)}
    parts |= {f"{name} of fit": value for name, value in fits.fit_params.items()}
    parts |= {
        f"{name} of the estimator": _described(value)
        for name, value in search.estimator.get_params().items()
        if name.split("__")[-1] not in ("n_jobs", "verbose")
    }
    digests = {}
    for name, value in parts.items():
        try:
            digests[name] = content_digest(value)
        except Exception as error:
            raise ValueError(
                f"A search with a checkpoint must be able to tell whether {name} has changed, and {value!r} cannot be "
                f"compared between two runs: {error}. Define it in a module, or set checkpoint=None."
            ) from error
    return digests


def _described(value: Any) -> Any:
    """Estimators as their class: their parameters are parts by themselves, and callbacks are none."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return class_name(value)
    if isinstance(value, list | tuple):
        return [_described(one) for one in value]
    return value
