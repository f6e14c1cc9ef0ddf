"""Files of interactions and of features."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any

from fuzz.oracle import Finding, check
from fuzz.target import Target
from fuzz.targets.plain_reader import Invalid, read_records
from sklearn_recsketch.datasets import load_features, load_likes

__all__ = ["Features", "Likes"]

ENCODINGS = ("utf-8", "latin-1", "utf-16", "utf-8-sig", "cp1252", "str")
FORMATS = [*product(("|", ",", "\t"), (None, '"', "\\", "auto"), ENCODINGS)]
TOKENS = (
    [end.encode() for end in ("\n", "\r\n", "\r", "\n\n", "\r\r\n", "\u2028", "\x85", "\x0b", "\x0c", "\x1c", "\0")]
    + [
        text.encode()
        for text in ('"', '""', '"|"', "\\", "\\\\", "|", "||", ",", "\t", " ", "'", "#", "\ufdd0", "\ufeff")
    ]
    + [
        b"nan",
        b"NULL",
        b"1e999",
        b"-1",
        b"0x10",
        b"1_0",
        b"inf",
        b"uid",
        b"mid",
        b"|weight",
        b"modelname",
        b"type|value",
    ]
    + [b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc3", b"9" * 400, b'"a\nb"', b'"a""b"', b"\\a\\\\b\\"]
)


class _TextTable(Target):
    tokens = TOKENS
    columns: list[str]
    ids: list[str]
    texts: list[str]

    def seeds(self) -> list[bytes]:
        formats = [FORMATS.index(one) for one in product("|,", (None, '"', "\\", "auto"), ("utf-8", "str"))]
        formats.append(FORMATS.index(("|", "auto", "utf-16")))
        return [
            bytes([number]) + text.replace("|", FORMATS[number][0]).encode(FORMATS[number][2].replace("str", "utf-8"))
            for number, text in product(formats, self.texts)
        ]

    def run(self, data: bytes) -> None:
        sep, quote, encoding, content = self._parts(data)
        name = "utf-8" if encoding == "str" else encoding
        source = io.StringIO(content, newline="") if isinstance(content, str) else io.BytesIO(content)
        result = self.load(source, sep=sep, quotechar=quote, encoding=name)
        seen = self.rows_of(result)
        expected = []
        for one in (None, '"', "\\") if quote == "auto" else (quote,):
            try:
                expected.append(self.expected([*self._valid(self._text(content, name), sep, one)]))
            except (Invalid, KeyError):
                continue
        check(seen in expected, f"rows differ: got {seen!r}, expected one of {expected!r}")

    def check_error(self, data: bytes, error: Exception) -> None:
        sep, quote, encoding, content = self._parts(data)
        check("the file" in str(error), f"the error does not name the file: {error}")
        if quote == "auto":
            return
        try:
            text = self._text(content, "utf-8" if encoding == "str" else encoding)
            if "\0" in text or any("\ud800" <= one <= "\udfff" for one in text):
                return
            rows = [*self._valid(text, sep, quote)]
        except (UnicodeDecodeError, KeyError):
            return
        except Invalid as invalid:
            named = re.match(r"Line (\d+) of the file (has|begins)", str(error))
            if named is not None and int(named[1]) != invalid.line:
                raise Finding(f"line {invalid.line} is the first invalid line, but: {error}") from error
            return
        if rows and not self.may_refuse(rows):
            raise Finding(f"a valid file is refused: {error}") from error

    def _parts(self, data: bytes) -> tuple[str, str | None, str, bytes | str]:
        sep, quote, encoding = FORMATS[data[0] % len(FORMATS)] if data else FORMATS[0]
        content = data[1:]
        return sep, quote, encoding, content.decode("utf-8", "surrogateescape") if encoding == "str" else content

    @staticmethod
    def _text(content: bytes | str, encoding: str) -> str:
        text = content if isinstance(content, str) else content.decode(encoding)
        return text.removeprefix("\ufeff")

    def _valid(self, text: str, sep: str, quote: str | None) -> Iterator[dict[str, str]]:
        """Yield the columns of each row. Raise Invalid for a row with a wrong number of fields or a blank id."""
        records = read_records(text, sep, quote)
        _, header = next(records, (0, []))
        for name in self.columns:
            if header.count(name) != 1:
                raise KeyError(name)
        for line, fields in records:
            row = dict(zip(header, fields, strict=False))
            if len(fields) != len(header) or not all(row[name].strip() for name in self.ids):
                raise Invalid(line)
            yield row

    def load(self, source: Any, **options: Any) -> Any:
        raise NotImplementedError

    def rows_of(self, result: Any) -> Any:
        raise NotImplementedError

    def expected(self, rows: list[dict[str, str]]) -> Any:
        raise NotImplementedError

    def may_refuse(self, rows: list[dict[str, str]]) -> bool:
        return False


class Likes(_TextTable):
    """`load_likes`: each line is in the result, as a row or as a duplicate of one."""

    name = "load_likes"
    columns, ids = ["uid", "mid", "weight"], ["uid", "mid"]
    texts = [
        "modelname|mid|uid|weight\nA|m1|ann|1\nB|m2|bob|2.5\nB|m2|bob|2.5\n",
        'modelname|mid|weight|uid\n"A | b"|m1|1|ann\r\n"say ""hi"""|m2|2|"bob"\r\n"a\nb"|m3|3|"ann"\r\n',
        "uid|mid|weight\n\\a|b\\|m1|1\n\\o/|m2|2\n\n   \nann|m3|1e3\n",
        "\ufeffweight|uid|mid\r1|a|1\r2|b|2\r",
    ]

    def load(self, source: Any, **options: Any) -> Any:
        return load_likes(source, weight="weight", **options)

    def rows_of(self, result: Any) -> Any:
        frame = result.data
        n = len(frame) + result.n_duplicates
        pairs = Counter(zip(frame["user"], frame["item"], frame["weight"].map(float), strict=True))
        return n, pairs.keys(), None if result.names is None else dict(result.names)

    def expected(self, rows: list[dict[str, str]]) -> Any:
        triples = {(row["uid"], row["mid"], float(row["weight"])) for row in rows}
        named = rows and "modelname" in rows[0]
        names = {row["mid"]: row["modelname"] for row in reversed(rows)} if named else None
        return len(rows), triples, names

    def may_refuse(self, rows: list[dict[str, str]]) -> bool:
        return not all(re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", row["weight"]) for row in rows)


class Features(_TextTable):
    """`load_features`: each line is a value of its id."""

    name = "load_features"
    columns = ids = ["mid", "type"]
    texts = [
        "mid|type|value\nm1|tag|VR\nm1|category|art\nm2|tag|vr\n",
        'value|mid|type\r\n"a | b"|m1|tag\r\n"say ""hi"""|m2|tag\r\n"a\nb"|m3|"cat"\r\n',
        "mid|x|value|type\n1|2|\\a|b\\|tag\n1|2|\\o/|tag\n\n  \n3|3||tag\n",
        "\ufefftype|mid|value\rtag|1|a\rtag|2|\u0130\r",
    ]

    def load(self, source: Any, **options: Any) -> Any:
        return load_features(source, **options)

    def rows_of(self, result: Any) -> Any:
        coo = result.matrix.tocoo()
        values = zip(result.ids[coo.row], result.keys[coo.col], result.values[coo.col], coo.data, strict=True)
        return result.ids.tolist(), sorted(values)

    def expected(self, rows: list[dict[str, str]]) -> Any:
        values = {(row["mid"], row["type"], row["value"].lower(), 1.0) for row in rows if row["value"]}
        return sorted({row["mid"] for row in rows}), sorted(values)


Features.columns = ["mid", "type", "value"]
