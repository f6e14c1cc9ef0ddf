"""Look up the ids in requests among the users or items of a model."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)


class UnknownIdError(LookupError):
    """The model does not know a user, an item or a feature."""


class Ids:
    """The user ids or the item ids of a model.

    Parameters
    ----------
    name : {"user", "item"}
    ids : ndarray
        Sorted ids, which are integers or strings.
    """

    def __init__(self, name: str, ids: np.ndarray) -> None:
        self.name, self._ids = name, ids
        self._are_integers = ids.dtype.kind in "iu"

    def read(self, value: int | str) -> int | str:
        """Return an id in the type of the model's ids, or raise a ValueError.

        URLs only contain text, so "7" is converted to 7 if the ids are integers. The integer 7 is not converted to "7",
        because strings can contain the same number in several ways, such as "07".
        """
        if not self._are_integers:
            if isinstance(value, str):
                return value
            raise ValueError(
                f"The {self.name} ids of this model are strings, got the integer {value}. "
                f'Write it in quotes: "{value}".'
            )
        if isinstance(value, str) and not INTEGER.fullmatch(value):
            raise ValueError(f"The {self.name} ids of this model are integers, got {value!r}.")
        return int(value)

    def find(self, value: int | str) -> int | None:
        """Return the row of an id, or None if the id is unknown."""
        id = self.read(value)
        row = int(np.searchsorted(self._ids, id))
        return row if row < len(self._ids) and self._ids[row] == id else None

    def row(self, value: int | str) -> int:
        """Return the row of an id. Raise an UnknownIdError if the id is unknown."""
        row = self.find(value)
        if row is None:
            raise UnknownIdError(f"The {self.name} {value!r} is unknown.")
        return row

    def known(self, value: int | str) -> int | str:
        """Return the id itself. Raise an UnknownIdError if the id is unknown."""
        self.row(value)
        return self.read(value)

    def split(self, values: Iterable[int | str]) -> tuple[list[Any], list[Any]]:
        """Split ids into known and unknown ids."""
        known: list[Any] = []
        unknown: list[Any] = []
        for value in values:
            (unknown if self.find(value) is None else known).append(self.read(value))
        return known, unknown

    def unused(self) -> int | str:
        """Return an id that the model does not know. It stands for a visitor without an id."""
        if self._are_integers:
            lowest, highest = int(self._ids[0]), int(self._ids[-1])
            return highest + 1 if highest < np.iinfo(self._ids.dtype).max else lowest - 1
        visitor = "visitor"
        while self.find(visitor) is not None:
            visitor += "'"
        return visitor
