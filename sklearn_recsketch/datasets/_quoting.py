"""Which character quotes the fields of a text file that does not say so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

__all__ = ["QUOTES", "find_quotechar"]

# That of pandas, R and spreadsheets, and that of the Sketchfab files.
QUOTES = ('"', "\\")


def find_quotechar(text: str, sep: str, quotes: Sequence[str] = QUOTES) -> str | None:
    """The quote character of a file, None if its fields are not quoted.

    Fields may begin with such a character without being quoted: ``"Weird Al" Yankovic`` in a file of Sketchfab's kind,
    ``\\o/`` in one that pandas has written. Writers quote a field that has the separator, a line break or the quote
    character inside, so it is the character by which such fields are quoted.
    """
    first = text.lstrip("\r\n")[:1]
    if first and first in quotes:  # names of columns do not begin so unless all fields are quoted
        return first
    needed = [quote for quote in quotes if any(_is_needed(field, sep, quote) for field in _fields(text, sep, quote))]
    if len(needed) > 1:
        needed = [quote for quote in needed if None not in _fields(text, sep, quote)] or needed
    if needed:
        return needed[-1]
    # Some writers quote all values of a column, and not its name.
    n_rows = text.strip().count("\n")
    standard = list(_fields(text, sep, QUOTES[0]))
    return QUOTES[0] if len(standard) >= n_rows > 1 and None not in standard else None


def _fields(text: str, sep: str, quote: str) -> Iterator[str | None]:
    """What each field that begins with the quote has inside of its quotes; None where it does not end with it."""
    q, s = re.escape(quote), re.escape(sep)
    # The first character is searched for by itself, which is fast; looking back is done where it is found.
    begin = re.compile(f"{q}(?<=[{s}\r\n]{q})")
    # Possessive: a field that does not end is given up at once, however long the rest of the file is.
    whole = re.compile(f"{q}([^{q}]*+(?:{q}{q}[^{q}]*+)*+){q}(?=[{s}\r\n]|\\Z)")
    place = begin.search(text)
    while place is not None:
        field = whole.match(text, place.start())
        yield None if field is None else field[1]
        place = begin.search(text, place.end() if field is None else field.end())


def _is_needed(field: str | None, sep: str, quote: str) -> bool:
    return field is not None and any(one in field for one in (sep, quote, "\r", "\n"))
