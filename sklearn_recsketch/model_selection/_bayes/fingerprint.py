"""Digests that show whether two searches are the same, even if they run in different processes."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_recsketch.model_selection._bayes.content_digest import class_name, content_digest
from sklearn_recsketch.model_selection._bayes.search_space import SearchSpace
from sklearn_recsketch.model_selection._fits.fold_fits import FoldFits

__all__ = ["search_fingerprint"]

# Parameters that determine which trials are proposed, and parameters that determine the stored results.
PROPOSAL_PARAMS = ("surrogate", "optimizer_kwargs", "n_points", "initial_params", "random_state")
RESULT_PARAMS = ("error_score", "return_train_score")


def search_fingerprint(spaces: list[SearchSpace], fits: FoldFits) -> dict[str, str]:
    """Return digests of all settings and data that affect the trials of a search."""
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
    parts |= {name: getattr(search, name) for name in (*PROPOSAL_PARAMS, *RESULT_PARAMS)}
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
                f"A search with a checkpoint must detect whether {name} has changed, but {value!r} cannot be compared "
                f"between two runs: {error}. Define it in a module, or set checkpoint=None."
            ) from error
    return digests


def _described(value: Any) -> Any:
    """Replace each estimator with its class name. The fingerprint contains separate digests of estimator parameters."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return class_name(value)
    if isinstance(value, list | tuple):
        return [_described(element) for element in value]
    return value
