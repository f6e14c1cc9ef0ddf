"""Read tables of strings from delimited text files, without losing or shifting fields."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from sklearn_recsketch.datasets._decoding import read_text, shown
from sklearn_recsketch.datasets._quoting import QUOTES, find_quotechar

__all__ = ["TextTable", "read_text_table"]

SEPARATORS = ("|", "\t", ",", ";")
# pandas does not quote a carriage return within a line, but CSV readers treat it as the end of the line.
INSIDE = re.compile("\r(?!\r*\n)")
ALONE = re.compile("\r(?!\n)")  # the end of a line without a line feed
# One of these characters replaces such carriage returns while a file is read. The first of them are invalid in text.
MARKS = range(0xFDD0, 0x110000)
WIDE = 1000  # columns; pandas takes 0.1 ms for each
LONGEST_FIELD = 2**31 - 1  # the default limit of the csv module is 128 KiB


@dataclass(frozen=True)
class TextTable:
    """Text and format of a delimited text file.

    Attributes
    ----------
    name : str
        Name of the file in error messages.
    text : str
        Content of the file.
    sep : str
        Character that separates fields.
    quotechar : str or None
        Character that quotes fields.
    mark : str
        Character that replaces carriage returns within lines in `text`, or "" if there are none.
    """

    name: str
    text: str
    sep: str
    quotechar: str | None
    mark: str = ""

    @property
    def header(self) -> list[str]:
        """Names of the columns."""
        first = next(self.records(), None)
        if first is None:
            raise ValueError(f"{self.name} is empty, but its first line must name the columns.")
        return first[1]

    @property
    def dialect(self) -> dict[str, Any]:
        """Arguments that set the separator and the quote character in the csv module and in pandas."""
        if self.quotechar is None:
            return {"delimiter": self.sep, "quoting": csv.QUOTE_NONE}
        return {"delimiter": self.sep, "quoting": csv.QUOTE_MINIMAL, "quotechar": self.quotechar}

    def records(self) -> Iterator[tuple[int, list[str], str]]:
        """Yield the first line number, the fields and the text of each record that is not blank."""
        # str.splitlines is not used, because it splits at characters that are not line breaks for CSV readers.
        read: list[str] = []

        def lines() -> Iterator[str]:
            for line in io.StringIO(self.text, newline=""):
                read.append(line)
                yield line

        number = 1
        with _long_fields():
            for fields in csv.reader(lines(), **self.dialect):
                text = "".join(read).rstrip("\r\n")
                if text.strip(" \t") or self.sep in text:
                    yield number, [self._unmarked(field) for field in fields], self._unmarked(text)
                number += len(read)
                read.clear()

    def rows(self, header: list[str], columns: list[str], ids: list[str]) -> pd.DataFrame:
        """Return at least the given columns of all rows, numbered from 0, or raise a ValueError for an invalid line.

        pandas reads the rows. If it finds a problem, the csv module, which is slower, checks the rows one by one.
        """
        frame = self._by_pandas(len(header))
        if frame is not None:
            blank = any(frame[header.index(name)].str.strip().eq("").any() for name in ids)
            if not blank and self._separators_in(frame, header) == (len(header) - 1) * (len(frame) + 1):
                return frame
        self._check_records(header, ids)
        # All records are valid, but pandas does not read them correctly.
        rows = [fields for _, fields, _ in self.records()][1:]
        places = [header.index(name) for name in columns]
        return pd.DataFrame({place: [fields[place] for fields in rows] for place in places}, dtype=str)

    def is_whole(self) -> bool:
        """Return True if all records have the same number of fields."""
        n_fields = len(self.header)
        return all(len(fields) == n_fields for _, fields, _ in self.records())

    def _by_pandas(self, n_columns: int) -> pd.DataFrame | None:
        if n_columns > WIDE or ALONE.search(self.text):
            return None  # after two such line ends, pandas 3.1 drops an empty first field and shifts the others
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                frame = pd.read_csv(
                    io.BytesIO(self.text.encode()),
                    header=0,
                    names=range(n_columns),  # the time to make repeated names unique is quadratic in their number
                    dtype=str,
                    keep_default_na=False,
                    index_col=False,
                    **self.dialect,
                )
        except (pd.errors.ParserError, pd.errors.ParserWarning):
            return None
        return frame.apply(lambda column: column.str.replace(self.mark, "\r", regex=False)) if self.mark else frame

    def _unmarked(self, text: str) -> str:
        return text.replace(self.mark, "\r") if self.mark else text

    def _separators_in(self, frame: pd.DataFrame, header: list[str]) -> int:
        """Count the separators between fields in the whole file.

        The number is too low if a row has too few fields.
        """
        n = self.text.count(self.sep)
        if self.quotechar is None or self.quotechar not in self.text:
            return n
        columns = [pd.Series(header), *(column for _, column in frame.items())]
        return n - sum("".join(one[one.str.contains(self.sep, regex=False)]).count(self.sep) for one in columns)

    def _check_records(self, header: list[str], ids: list[str]) -> None:
        number, fields, text = 0, header, ""
        for number, fields, text in self.records():
            where = f"Line {number} of {self.name}"
            if len(fields) != len(header):
                raise ValueError(
                    f"{where} has {len(fields)} field{'s' * (len(fields) != 1)}, but the header has {len(header)}: "
                    f"{shown(text)}. {self._remedy(len(fields) > len(header), text)}"
                )
            for name in ids:
                if not fields[header.index(name)].strip():
                    raise ValueError(f"{where} has a blank {name}: {shown(text)}. Fill it in or remove the line.")
        if self._is_open():
            raise ValueError(f"Line {number} of {self.name} is incomplete: {shown(text)}. {self._remedy(False, text)}")

    def _is_open(self) -> bool:
        """Return True if the last field begins with the quote character but does not end with it.

        Such a field contains all lines that follow, so another separator at the end does not begin a new field.
        """
        longer = replace(self, text=self.text.rstrip("\r\n") + self.sep)
        n_fields = [sum(len(fields) for _, fields, _ in table.records()) for table in (self, longer)]
        return n_fields[0] == n_fields[1]

    def _remedy(self, too_many: bool, text: str) -> str:
        quote = self.quotechar
        if quote is not None and (text.count(quote) % 2 or "\n" in text):
            return (
                f"A field begins with the quote character {quote!r} but does not end with it. If it is not quoted, set "
                f"quotechar to None or to the character that quotes fields."
            )
        if too_many:
            return f"Quote fields that contain {self.sep!r}, as df.to_csv does, or remove a field."
        return "Add the missing fields or remove the line."

    def line_of(self, row: int) -> str:
        """Return the line number and text of a row of the frame for an error message."""
        number, _, text = next(record for place, record in enumerate(self.records()) if place == row + 1)
        return f"line {number} of {self.name}, {shown(text)}"


def read_text_table(path: Any, *, encoding: str, sep: str, quotechar: str | None) -> TextTable:
    """Read a delimited text file, and detect its quote character if `quotechar="auto"`.

    Parameters
    ----------
    path : path, URL or file
        Delimited text file. Compressed files are recognized by their extension, as in pandas.
    encoding, sep, quotechar : str
        Format of the file, as in `load_likes`.
    """
    named = {"sep": sep, "quotechar": QUOTES[0] if quotechar in (None, "auto") else quotechar}
    for parameter, value in named.items():
        if not isinstance(value, str) or len(value) != 1 or value in "\r\n":
            raise ValueError(f"{parameter} must be one character, got {value!r}.")
    if named["sep"] == named["quotechar"]:
        raise ValueError(f"sep and quotechar must differ, got {sep!r} for both.")
    name = str(getattr(path, "name", "the file")) if hasattr(path, "read") else str(path)
    text = read_text(path, encoding, name)
    mark = ""
    if "\n" in text and INSIDE.search(text):
        mark = next(one for one in map(chr, MARKS) if one not in text and one not in named.values())
    marked = INSIDE.sub(mark, text) if mark else text
    if quotechar != "auto":
        return TextTable(name, marked, sep, quotechar, mark)
    quote = find_quotechar(text, sep)
    table = TextTable(name, marked, sep, quote, mark)
    if quote == QUOTES[1] and 2 * quote not in text and not text.lstrip("\r\n").startswith(quote):
        # Two fields that are single backslashes look like the quotes around one field that contains line breaks.
        standard = TextTable(name, marked, sep, find_quotechar(text, sep, QUOTES[:1]), mark)
        return standard if standard.is_whole() else table
    return table


@contextmanager
def _long_fields() -> Iterator[None]:
    limit = csv.field_size_limit(LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(limit)
