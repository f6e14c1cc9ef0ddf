"""Detect the quote character of a text file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

__all__ = ["QUOTES", "find_quotechar"]

# pandas, R and spreadsheets use the double quote, and the Sketchfab files use the backslash.
QUOTES = ('"', "\\")


def find_quotechar(text: str, sep: str, quotes: Sequence[str] = QUOTES) -> str | None:
    """Return the quote character of a file, or None if its fields are not quoted.

    An unquoted field may begin with a character that is the quote character of other files. Examples are
    ``"Weird Al" Yankovic`` in a file like the Sketchfab files, and ``\\o/`` in a file written by pandas. The detection
    is therefore based on fields that contain the separator, a line break or the quote character, because these fields
    have to be quoted.
    """
    first = text.lstrip("\r\n")[:1]
    if first and first in quotes:  # a column name begins with a quote character only if all fields are quoted
        return first
    needed = [quote for quote in quotes if any(_is_needed(field, sep, quote) for field in _fields(text, sep, quote))]
    if len(needed) > 1:
        needed = [quote for quote in needed if None not in _fields(text, sep, quote)] or needed
    if needed:
        return needed[-1]
    # Some programs quote all values of a column but not its name.
    n_rows = text.strip().count("\n")
    standard = list(_fields(text, sep, QUOTES[0]))
    return QUOTES[0] if len(standard) >= n_rows > 1 and None not in standard else None


def _fields(text: str, sep: str, quote: str) -> Iterator[str | None]:
    """Iterate over the contents of all fields that begin with a quote character.

    For a field that does not end with the quote character, the function yields None.
    """
    q, s = re.escape(quote), re.escape(sep)
    # Searching for the quote character first is fast, because the lookbehind is only evaluated for the matches.
    begin = re.compile(f"{q}(?<=[{s}\r\n]{q})")
    # Possessive quantifiers avoid backtracking over the rest of the file if the closing quote is missing.
    whole = re.compile(f"{q}([^{q}]*+(?:{q}{q}[^{q}]*+)*+){q}(?=[{s}\r\n]|\\Z)")
    place = begin.search(text)
    while place is not None:
        field = whole.match(text, place.start())
        yield None if field is None else field[1]
        place = begin.search(text, place.end() if field is None else field.end())


def _is_needed(field: str | None, sep: str, quote: str) -> bool:
    return field is not None and any(one in field for one in (sep, quote, "\r", "\n"))
