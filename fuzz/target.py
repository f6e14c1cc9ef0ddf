"""The interface of fuzz targets, and values that a target draws from its input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["Choices", "Target"]

T = TypeVar("T")


class Target:
    """Code that reads an input, and the properties that hold for each input.

    Parameters
    ----------
    folder : Path
        Empty folder for the files that the target reads.

    Attributes
    ----------
    name : str
        Name on the command line.
    tokens : sequence of bytes
        Strings that have a meaning in the format.
    native : bool
        Whether compiled code reads the input. Inputs are then written to disk first, so that a crash leaves the input.
    """

    name: str
    tokens: Sequence[bytes] = (b"\0", b"\xff", b"\x01\x02\x03\x04")
    native = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def seeds(self) -> Sequence[bytes]:
        """Return inputs to start from."""
        raise NotImplementedError

    def run(self, data: bytes) -> None:
        """Read an input. Raise a documented error, or a Finding if a property does not hold."""
        raise NotImplementedError

    def check_error(self, data: bytes, error: Exception) -> None:
        """Raise a Finding if a documented error is not the right answer to an input."""


class Choices:
    """Choices that are read from an input, so that a mutated input makes other choices.

    When the input ends, all further choices are the first option.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def below(self, n: int) -> int:
        """Return an integer from 0 to n - 1, where n is at most 256."""
        byte = self._data[self._at] if self._at < len(self._data) else 0
        self._at += 1
        return byte % n

    def pick(self, options: Sequence[T]) -> T:
        """Return one of at most 256 options."""
        return options[self.below(len(options))]

    def some(self, options: Sequence[Any], most: int) -> list[Any]:
        """Return a list of up to `most` options."""
        return [self.pick(options) for _ in range(self.below(most + 1))]
