"""What callers say of ids: titles and labels, and likewise pictures, links and colours."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from sklearn_recsketch._data.ids import show_id
from sklearn_recsketch.utils._warnings import levels_inside

__all__ = ["ById", "Captions", "as_text", "is_missing", "shorten"]

ById = Mapping[Any, Any] | pd.Series | Callable[[Any], Any] | None


def as_text(value: Any, id: Any) -> str:
    """The text of a value that is not missing."""
    return str(value)


@dataclass
class Captions:
    """Values by id, as given by the user and made fit to be shown by `convert`.

    Attributes
    ----------
    name : str
        The parameter's name.
    instead : str
        What to write where it is of a wrong kind.
    convert : callable
        From a value and its id to what is shown. An OSError is a failure of this value only.
    failures : dict
        By id, the errors of those that could not be had.
    """

    name: str
    instead: str
    convert: Callable[[Any, Any], Any] = as_text
    failures: dict[Any, Exception] = field(default_factory=dict)

    def of(self, source: ById, ids: list[Any]) -> dict[Any, Any]:
        """By id what a mapping, a Series or a function says of it, None where nothing."""
        ids = list(dict.fromkeys(ids))
        if source is None:
            return dict.fromkeys(ids)
        if isinstance(source, Mapping | pd.Series):
            known = dict(source.items())
            self._check_keys(known, ids)
            return {id: self.read(known.get(id), id) for id in ids}
        if callable(source):
            return {id: self._call(source, id) for id in ids}
        raise TypeError(
            f"{self.name} must be a mapping, a pandas Series or a function of the id, got {shorten(show_id(source))} "
            f"of type {type(source).__name__}. Write {self.instead}."
        )

    def read(self, value: Any, id: Any) -> Any:
        """A value as it is shown, None if it is missing."""
        if is_missing(value):
            return None
        try:
            return self.convert(value, id)
        except OSError as error:
            self.failures[id] = error
            return None

    def warn(self) -> None:
        """Tell of failures, all at once."""
        if self.failures:
            id, error = next(iter(self.failures.items()))
            warnings.warn(
                f"{self.name}: {len(self.failures)} could not be had, the first that of {show_id(id)}: "
                f"{type(error).__name__}: {error}. These are shown without.",
                UserWarning,
                stacklevel=levels_inside(),
            )

    def _check_keys(self, known: dict[Any, Any], ids: list[Any]) -> None:
        """7 and "7" are two ids: where they meet, nothing would be found."""
        if known and ids and all(isinstance(key, str) != isinstance(ids[0], str) for key in known):
            raise ValueError(
                f"{self.name} are for ids such as {show_id(next(iter(known)))}, but those shown are such as "
                f"{show_id(ids[0])}. Convert them to one type."
            )

    def _call(self, source: Callable[[Any], Any], id: Any) -> Any:
        try:
            value = source(id)
        except Exception as error:
            self.failures[id] = error
            return None
        return self.read(value, id)


def is_missing(value: Any) -> bool:
    """None, NaN and their like; blank text, which they become in files."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or bool(pd.api.types.is_scalar(value) and pd.isna(value))


def shorten(text: str, longest: int = 80) -> str:
    """A text on one line, of so many characters at most."""
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
