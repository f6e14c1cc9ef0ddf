"""Content digests of objects, and hashable keys for parameter values. Digests are the same in every process."""

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

__all__ = ["StoredValue", "class_name", "content_digest", "is_json_value", "value_key"]

JSON_TYPES = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class StoredValue:
    """Value that was read from a file. The file contains only the value's digest and a readable text."""

    digest: str
    text: str


def content_digest(value: Any) -> str:
    """Return a digest of a value's content. Equal contents have the same digest in every process."""
    if isinstance(value, SideFeatures):
        matrix = value.matrix
        value = (value.ids, value.keys, value.values, matrix.data, matrix.indices, matrix.indptr)
    elif isinstance(value, pd.Series):
        value = _column_digests([value])
    elif frame_library(value) is not None or (isinstance(value, np.ndarray) and value.ndim == 2):
        value = _column_digests(columns_of(value)[0])
    elif isinstance(value, FunctionType):
        # The name is not enough, because the function body may change.
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        value = [value.__qualname__, _code(value.__code__), *map(content_digest, (value.__defaults__, cells))]
    elif isinstance(value, partial):
        value = [content_digest(part) for part in (value.func, value.args, value.keywords)]
    elif isinstance(value, Mapping):
        value = [(repr(key), content_digest(value[key])) for key in value]
    elif isinstance(value, list | tuple):
        value = [content_digest(element) for element in value]
    elif isinstance(value, _BaseScorer | _MultimetricScorer | MultiRankingScorer | Options):
        value = [type(value).__qualname__, content_digest(vars(value))]
    elif hasattr(value, "get_params") and not isinstance(value, type):
        value = [class_name(value), content_digest(value.get_params(deep=False))]
    return str(joblib.hash(value))


def class_name(value: Any) -> str:
    """Return the class name of a value, including the module."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


def is_json_value(value: Any) -> bool:
    """Return True if JSON can store the value without loss."""
    return type(value) in JSON_TYPES and (not isinstance(value, float) or bool(np.isfinite(value)))


def value_key(value: Any) -> tuple[str, Any]:
    """Return a hashable key for a value. Two values have equal keys if their types and contents are equal."""
    if is_json_value(value):
        return type(value).__name__, value
    if isinstance(value, StoredValue):
        return "digest", value.digest
    try:
        return "digest", f"{class_name(value)} {content_digest(value)}"
    except Exception:  # the value may raise any error; its id is unique while the search keeps it alive
        return "object", id(value)


def _code(code: CodeType) -> list[Any]:
    """Return a function's bytecode, constants and names, which do not depend on its file and line number."""
    return [code.co_code, [_constant(constant) for constant in code.co_consts], code.co_names]


def _constant(constant: Any) -> Any:
    if isinstance(constant, CodeType):
        return _code(constant)
    # The iteration order of a set of strings differs between processes.
    return sorted(map(repr, constant)) if isinstance(constant, frozenset) else repr(constant)


def _column_digests(columns: list[Any]) -> list[np.ndarray]:
    """Hash the values of each column. Pickles are not hashed, because equal columns may have different pickles."""
    return [pd.util.hash_pandas_object(pd.Series(column), index=False).to_numpy() for column in columns]
