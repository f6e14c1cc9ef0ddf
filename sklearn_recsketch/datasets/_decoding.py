"""Read and decode text from a local file, a compressed file or a URL."""

from __future__ import annotations

from typing import Any

from pandas.io.common import get_handle  # type: ignore[import-not-found]

__all__ = ["read_text", "shown"]

LONGEST_SHOWN = 80


def read_text(path: Any, encoding: str, name: str) -> str:
    """Read text from a path, a URL or a file object. Error messages refer to it as `name`."""
    text = _decoded(_content(path), encoding, name)
    if "\0" in text:
        number = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(
            f"Line {number} of {name} contains a NUL character, so the file is not text. If it is UTF-16, set "
            f"encoding='utf-16'. Otherwise, repair the file."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        number = text.count("\n", 0, error.start)
        raise ValueError(
            f"Line {number + 1} of {name} is not valid text: {shown(text.split(chr(10))[number])} contains a lone "
            f"surrogate, as wrongly decoded bytes do. Pass the path of the file, and set encoding."
        ) from None
    return text


def shown(text: str) -> str:
    """Shorten and quote a line for an error message."""
    text = text.rstrip("\r\n")
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}...")


def _content(path: Any) -> bytes | str:
    if hasattr(path, "read"):
        return path.read()
    # pandas uses the same function to open paths, URLs and compressed files.
    with get_handle(path, "rb", compression="infer", is_text=False) as handles:
        return handles.handle.read()


def _decoded(content: bytes | str, encoding: str, name: str) -> str:
    if isinstance(content, str):
        return content.removeprefix("\ufeff")
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except (LookupError, TypeError):
        raise ValueError(f"encoding must be known to Python, such as 'utf-8', got {encoding!r}.") from None
    except UnicodeDecodeError as error:
        begin, end = content.rfind(b"\n", 0, error.start) + 1, content.find(b"\n", error.start)
        line = content[begin : len(content) if end < 0 else end].decode("latin-1")
        number = content.count(b"\n", 0, begin) + 1
        remedy = f"If {shown(line)} is correct, set encoding='latin-1'. Otherwise, set the encoding of the file."
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            remedy = "The file starts like UTF-16: set encoding='utf-16'."
        raise ValueError(
            f"Line {number} of {name} is not {encoding}: it contains byte 0x{content[error.start]:02x} at position "
            f"{error.start} of the file. {remedy}"
        ) from None
