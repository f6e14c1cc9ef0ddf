"""The text of a file, whatever it is stored in."""

from __future__ import annotations

from typing import Any

from pandas.io.common import get_handle  # type: ignore[import-not-found]

__all__ = ["read_text", "shown"]

LONGEST_SHOWN = 80


def read_text(path: Any, encoding: str, name: str) -> str:
    """The text of a path, a URL or a file, which errors call by its name."""
    text = _decoded(_content(path), encoding, name)
    if "\0" in text:
        number = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(
            f"Line {number} of {name} has a NUL character, which no text has. If the file is UTF-16, set "
            f"encoding='utf-16'; else repair it."
        )
    return text


def shown(text: str) -> str:
    """A line in an error."""
    text = text.rstrip("\r\n")
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}...")


def _content(path: Any) -> bytes | str:
    if hasattr(path, "read"):
        return path.read()
    # pandas' own way to a path, a URL or an archive.
    with get_handle(path, "rb", compression="infer", is_text=False) as handles:
        return handles.handle.read()


def _decoded(content: bytes | str, encoding: str, name: str) -> str:
    if isinstance(content, str):
        return content.removeprefix("\ufeff")
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except (LookupError, TypeError):
        raise ValueError(f"encoding must be one that Python knows, such as 'utf-8', got {encoding!r}.") from None
    except UnicodeDecodeError as error:
        begin, end = content.rfind(b"\n", 0, error.start) + 1, content.find(b"\n", error.start)
        line = content[begin : len(content) if end < 0 else end].decode("latin-1")
        number = content.count(b"\n", 0, begin) + 1
        remedy = f"If {shown(line)} is right, set encoding='latin-1'; else name what the file was written with."
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            remedy = "It begins as UTF-16 does: set encoding='utf-16'."
        raise ValueError(
            f"Line {number} of {name} is not {encoding}: byte 0x{content[error.start]:02x} "
            f"at place {error.start} of the file. {remedy}"
        ) from None
