"""Digests of contents, the same in every process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import CodeType, FunctionType
from typing import Any

import joblib
import numpy as np
import pandas as pd

from sklearn_recsketch._data.frames import columns_of, frame_library
from sklearn_recsketch.metrics._evaluation_task import Options
from sklearn_recsketch.metrics._scorer import MultiRankingScorer
from sklearn_recsketch.preprocessing._side_features import SideFeatures
from sklearn_recsketch.utils._compat import _BaseScorer, _MultimetricScorer

__all__ = ["StoredValue", "class_name", "content_digest", "is_plain", "value_key"]

PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class StoredValue:
    """A value that a file has by its digest, and by its text for whoever reads the file."""

    digest: str
    text: str


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
    elif hasattr(value, "get_params") and not isinstance(value, type):
        value = [class_name(value), content_digest(value.get_params(deep=False))]
    return str(joblib.hash(value))


def class_name(value: Any) -> str:
    """The class of a value, with its module."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


def is_plain(value: Any) -> bool:
    """Whether JSON gives the value back as it was."""
    return type(value) in PLAIN and (not isinstance(value, float) or bool(np.isfinite(value)))


def value_key(value: Any) -> tuple[str, Any]:
    """Hashable, and equal for values of equal type and content: 1, 1.0 and True are three values."""
    if is_plain(value):
        return type(value).__name__, value
    if isinstance(value, StoredValue):
        return "digest", value.digest
    try:
        return "digest", f"{class_name(value)} {content_digest(value)}"
    except Exception:  # of whatever the value is made of; the search that has it keeps it alive
        return "object", id(value)


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
