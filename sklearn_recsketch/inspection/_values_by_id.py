"""Look up titles, labels, colours, pictures and links by id."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from sklearn_recsketch._data.ids import show_id
from sklearn_recsketch.utils._stacklevel import levels_inside

__all__ = ["IdValueReader", "ValuesById", "as_text", "is_missing", "shorten"]

ValuesById = Mapping[Any, Any] | pd.Series | Callable[[Any], Any] | None


def as_text(value: Any, id: Any) -> str:
    """Convert a value to text. This is the default converter of `IdValueReader`."""
    return str(value)


@dataclass
class IdValueReader:
    """Read and convert values that are looked up by id. They are given as a mapping, a Series or a function.

    Attributes
    ----------
    name : str
        Name of the parameter, which is shown in messages.
    hint : str
        Example of a valid argument, which is shown in error messages.
    convert : callable
        Function that is called with a value and its id, and returns the converted value. If it raises an OSError, the
        error is recorded in `failures`, and the other ids are still read.
    failures : dict
        Exceptions that were raised while reading values, keyed by id.
    """

    name: str
    hint: str
    convert: Callable[[Any, Any], Any] = as_text
    failures: dict[Any, Exception] = field(default_factory=dict)

    def read(self, source: ValuesById, ids: list[Any]) -> dict[Any, Any]:
        """Return the converted value of each id, or None for ids without a value."""
        ids = list(dict.fromkeys(ids))
        if source is None:
            return dict.fromkeys(ids)
        if isinstance(source, Mapping | pd.Series):
            values = dict(source.items())
            self._check_keys(values, ids)
            return {id: self.convert_value(values.get(id), id) for id in ids}
        if callable(source):
            return {id: self._call(source, id) for id in ids}
        raise TypeError(
            f"{self.name} must be a mapping, a pandas Series or a function of the id, got {shorten(show_id(source))} "
            f"of type {type(source).__name__}. Write {self.hint}."
        )

    def convert_value(self, value: Any, id: Any) -> Any:
        """Return the converted value, or None if the value is missing or cannot be read."""
        if is_missing(value):
            return None
        try:
            return self.convert(value, id)
        except OSError as error:
            self.failures[id] = error
            return None

    def warn_failures(self) -> None:
        """Issue a single warning if the values of some ids could not be loaded."""
        if self.failures:
            id, error = next(iter(self.failures.items()))
            n_ids = f"{len(self.failures)} id{'s' * (len(self.failures) > 1)}"
            warnings.warn(
                f"{self.name} could not be loaded for {n_ids} (first: {show_id(id)}, {type(error).__name__}: {error}). "
                f"Affected ids are shown without {self.name}.",
                UserWarning,
                stacklevel=levels_inside(),
            )

    def _check_keys(self, values: dict[Any, Any], ids: list[Any]) -> None:
        """Raise a ValueError if the keys are text and the ids are not, or vice versa.

        For example, 7 and "7" are different ids.
        """
        if values and ids and all(isinstance(key, str) != isinstance(ids[0], str) for key in values):
            raise ValueError(
                f"{self.name} has keys such as {show_id(next(iter(values)))}, but ids such as {show_id(ids[0])} are "
                f"shown. Convert them to one type."
            )

    def _call(self, source: Callable[[Any], Any], id: Any) -> Any:
        try:
            value = source(id)
        except Exception as error:
            self.failures[id] = error
            return None
        return self.convert_value(value, id)


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, NA, NaT or blank text.

    Blank text counts as missing, because files often store missing values as blanks.
    """
    if isinstance(value, str):
        return not value.strip()
    return value is None or bool(pd.api.types.is_scalar(value) and pd.isna(value))


def shorten(text: str, max_length: int = 80) -> str:
    """Convert text to a single line, and truncate it to at most `max_length` characters."""
    text = " ".join(text.split())
    return text if len(text) <= max_length else f"{text[: max_length - 1].rstrip()}…"
