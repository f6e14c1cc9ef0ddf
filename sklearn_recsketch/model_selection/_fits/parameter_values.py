"""Values of searched parameters: lists of them, and what tells two apart."""

from __future__ import annotations

from collections.abc import KeysView, Sequence, ValuesView
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_recsketch.model_selection._fits.content_digest import class_name, content_digest

__all__ = ["StoredValue", "is_plain", "native", "read_values", "value_key"]

PLAIN = (str, int, float, bool, type(None))
CONVERSIONS = ("to_pylist", "tolist", "to_list")  # of pyarrow, of numpy and pandas, of polars


@dataclass(frozen=True)
class StoredValue:
    """A value that a file has by its digest, and by its text for whoever reads the file."""

    digest: str
    text: str


def native(value: Any) -> Any:
    """A Python number or text in place of numpy's."""
    return value.item() if isinstance(value, np.generic) else value


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


def read_values(given: Any, rule: str) -> list[Any]:
    """The values of a list, an array, a column or a range, with Python's numbers.

    Parameters
    ----------
    given : list-like
    rule : str
        The beginning of an error, such as "search_spaces['alpha'] must be a list".
    """
    convert = next((getattr(given, name) for name in CONVERSIONS if hasattr(given, name)), None)
    values = given if convert is None or isinstance(given, type) else convert()
    if isinstance(values, set | frozenset):
        raise ValueError(f"{rule}, got the set {given!r}, which has no order. Write a list, such as sorted(...).")
    if isinstance(values, str | bytes) or not isinstance(values, Sequence | KeysView | ValuesView):
        raise ValueError(f"{rule}, got {given!r} of type {type(given).__name__}. For one value, write [{given!r}].")
    if not len(values):
        raise ValueError(f"{rule} with at least one value, got an empty {type(given).__name__}.")
    values = [native(value) for value in values]
    for value in values:
        try:
            bool(value == value)
        except Exception:  # arrays, tables and pandas.NA, each with an error of its own
            raise ValueError(
                f"{rule} whose values compare equal or not, got {value!r} of type {type(value).__name__} among them. "
                f"Write an array as a list, and a missing value as None."
            ) from None
    return values
