"""A reader of delimited text, one character at a time, as an independent check of `load_likes`."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["Invalid", "read_records"]


class Invalid(Exception):
    """A record that is not valid. `line` is the number of its first line."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def read_records(text: str, sep: str, quote: str | None) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line number and the fields of each record that is not blank.

    Raises
    ------
    Invalid
        If a quoted field does not end.
    """
    # A carriage return inside a line is data, unless the file has no other line breaks.
    breaks = {m.start() for m in re.finditer(r"[\r\n]" if "\n" not in text else r"\n|\r(?=\r*\n)", text)}
    fields, field, quoted, closed, fresh = [], "", False, False, True
    line, first, start = 1, 1, 0
    at, end = 0, len(text)
    while at <= end:
        one = text[at : at + 1]
        is_break = at in breaks or at == end
        if quoted and at < end:
            if one == quote:
                quoted, closed = False, True
            else:
                field += one
        elif quoted:
            raise Invalid(first)
        elif closed and one == quote and at < end:
            field, quoted, closed = field + one, True, False
        elif is_break or one == sep:
            fields.append(field)
            field, closed, fresh = "", False, True
            if is_break:
                raw = text[start:at]
                if raw.strip(" \t") or sep in raw:
                    yield first, fields
                fields = []
        elif fresh and one == quote:
            quoted, fresh = True, False
        else:
            field, fresh, closed = field + one, False, False
        if at in breaks and text[at : at + 2] != "\r\n":
            line += 1
        if not quoted and is_break:
            start = at + 1
            first = line if text[at : at + 2] != "\r\n" else line + 1
        at += 1
