"""What a fuzz target may do with an input: return, or raise an error that the documentation promises."""

from __future__ import annotations

from pathlib import Path

import sklearn

import sklearn_recsketch

__all__ = ["Finding", "NotBuilt", "check", "outcome_of"]

# An error of pandas, numpy or json about a file of ours does not name the file, the row and the remedy.
OURS = tuple(str(Path(module.__file__).parent) for module in (sklearn_recsketch, sklearn))
PLAIN = ("ValueError", "TypeError", "InvalidParameterError", "ModelFileError")


class Finding(Exception):
    """A violated property: a wrong result, a lost row, or an error that is not documented."""


class NotBuilt(Exception):
    """Another library refuses to build the value that the input describes."""


def check(condition: bool, message: str) -> None:
    """Raise a Finding if a property does not hold."""
    if not condition:
        raise Finding(message)


def outcome_of(error: Exception) -> tuple[str, str]:
    """Return the kind of a documented error, and the line that raised it.

    Raises
    ------
    Finding
        If the error is neither an OSError nor a plain ValueError or TypeError, or if the package did not raise it
        itself.
    """
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    assert last is not None
    file = last.tb_frame.f_code.co_filename
    place = f"{Path(file).name}:{last.tb_lineno}"
    kind = type(error).__name__
    if isinstance(error, OSError):
        return kind, place
    if kind not in PLAIN:
        raise Finding(f"undocumented {kind} from {place}: {error}") from error
    if not file.startswith(OURS):
        raise Finding(f"{kind} from a library, at {place}: {error}") from error
    if len(str(error)) < 20:
        raise Finding(f"{kind} without an explanation from {place}: {error}") from error
    return kind, place
