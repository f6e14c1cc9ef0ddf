"""Digests that tell whether two searches are the same, in any process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import CodeType, FunctionType
from typing import Any

import joblib
import numpy as np
import pandas as pd

from sklearn_recsketch.metrics._question import Options
from sklearn_recsketch.metrics._scorer import MultiRankingScorer
from sklearn_recsketch.model_selection._bayes_space import SearchSpace
from sklearn_recsketch.model_selection._fold_fits import FoldFits
from sklearn_recsketch.preprocessing._side_features import SideFeatures
from sklearn_recsketch.utils._compat import _BaseScorer, _MultimetricScorer
from sklearn_recsketch.utils._frames import columns_of, frame_library

__all__ = ["content_digest", "search_fingerprint"]

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


def content_digest(value: Any) -> str:
    """A digest of the content, whatever holds it, that is the same in every process."""
    if isinstance(value, SideFeatures):
        matrix = value.matrix
        value = (value.ids, value.keys, value.values, matrix.data, matrix.indices, matrix.indptr)
    elif isinstance(value, pd.Series):
        value = _column_digests([value])
    elif frame_library(value) is not None or (isinstance(value, np.ndarray) and value.ndim == 2):
        value = _column_digests(columns_of(value)[0])
    elif isinstance(value, FunctionType):
        # Its name says too little: the same one may stand for another body tomorrow.
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        value = [value.__qualname__, _code(value.__code__), *map(content_digest, (value.__defaults__, cells))]
    elif isinstance(value, partial):
        value = [content_digest(part) for part in (value.func, value.args, value.keywords)]
    elif isinstance(value, Mapping):
        value = [(repr(key), content_digest(value[key])) for key in value]
    elif isinstance(value, list | tuple):
        value = [content_digest(one) for one in value]
    elif isinstance(value, _BaseScorer | _MultimetricScorer | MultiRankingScorer | Options):
        value = [type(value).__qualname__, content_digest(vars(value))]
    return str(joblib.hash(value))


def _code(code: CodeType) -> list[Any]:
    """What a function does, whatever file and line it is in."""
    # The order of a set of texts is another in each process.
    constants = [
        _code(one) if isinstance(one, CodeType) else sorted(map(repr, one)) if isinstance(one, frozenset) else repr(one)
        for one in code.co_consts
    ]
    return [code.co_code, constants, code.co_names]


def _column_digests(columns: list[Any]) -> list[np.ndarray]:
    """One number per value: pickles of equal columns differ with the memory they are in."""
    return [pd.util.hash_pandas_object(pd.Series(column), index=False).to_numpy() for column in columns]


def _described(value: Any) -> Any:
    """Estimators as their class: their parameters are parts by themselves, and callbacks are none."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, list | tuple):
        return [_described(one) for one in value]
    return value
