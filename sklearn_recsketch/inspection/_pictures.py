"""Pictures as an <img> can show them: addresses, embedded files, and placeholders drawn from an id."""

from __future__ import annotations

import base64
import colorsys
import hashlib
import html
import re
from pathlib import Path
from typing import Any

from sklearn_recsketch._data.ids import show_id
from sklearn_recsketch.inspection._captions import shorten
from sklearn_recsketch.utils._http import is_web_address

__all__ = ["data_uri", "image_source", "image_type", "link_target", "placeholder_picture"]

MAGIC = {
    "png": rb"\x89PNG\r\n\x1a\n",
    "jpeg": rb"\xff\xd8\xff",
    "gif": rb"GIF8[79]a",
    "webp": rb"RIFF.{4}WEBP",
    # Before the root element: a byte order mark, comments, the XML declaration and its like, the document
    # type. A possessive repetition, as files with many comments would take forever otherwise.
    "svg+xml": rb"(\xef\xbb\xbf)?\s*(?:(?:<!--.*?-->|<\?[^>]*>|<!DOCTYPE\s+svg[^>[]*(\[.*?\]\s*)?>)\s*)*+<svg[\s>]",
}
BEGINNING = 4096  # bytes of a file that tell what it is
SIZE = 120  # of a placeholder's drawing, in its own units


def image_type(data: bytes) -> str | None:
    """The subtype of image/ that the first bytes are of, None where they are no picture."""
    beginning = data[:BEGINNING]
    return next((name for name, magic in MAGIC.items() if re.match(magic, beginning, re.DOTALL)), None)


def data_uri(data: bytes, subtype: str) -> str:
    """A picture as an address that contains it."""
    return f"data:image/{subtype};base64,{base64.b64encode(data).decode('ascii')}"


def image_source(value: Any, id: Any) -> str:
    """The address of a picture given as a URL, as bytes or as a Path; the last two are embedded.

    Raises
    ------
    OSError
        For a file that cannot be read.
    TypeError, ValueError
        For anything else, naming the id.
    """
    if isinstance(value, str):
        address = value.strip()
        if is_web_address(address) or re.match(r"data:image/[\w.+-]+[;,]", address, re.IGNORECASE):
            return address
        raise ValueError(
            f"The image of {show_id(id)} must be an http, https or data:image/ URL, got {shorten(show_id(value))}. "
            f"Pass the path of a file as pathlib.Path."
        )
    if not isinstance(value, bytes | bytearray | memoryview | Path):
        raise TypeError(
            f"The image of {show_id(id)} must be a URL, the bytes of a picture or a pathlib.Path, "
            f"got {shorten(show_id(value))} of type {type(value).__name__}."
        )
    data = value.read_bytes() if isinstance(value, Path) else bytes(value)
    subtype = image_type(data)
    if subtype is None:
        where = f"the file {value}" if isinstance(value, Path) else "bytes"
        raise ValueError(
            f"The image of {show_id(id)} must be PNG, JPEG, GIF, WebP or SVG, got {where} beginning {data[:12]!r}."
        )
    return data_uri(data, subtype)


def link_target(value: Any, id: Any) -> str:
    """The address a picture leads to; a script in its place would run on a click."""
    address = value.strip() if isinstance(value, str) else value
    if not is_web_address(address):
        raise ValueError(f"The link of {show_id(id)} must be an http or https URL, got {shorten(show_id(value))}.")
    return str(address)


def placeholder_picture(id: Any, text: Any = None) -> bytes:
    """A picture for an item that has none: the same one for the same id.

    Parameters
    ----------
    id : int or str
        Decides upon colours and shapes.
    text : str, default=None
        Whose initials are written on it, or all of a short number; None is the id.

    Returns
    -------
    bytes
        An SVG.

    Examples
    --------
    >>> from sklearn_recsketch.inspection import placeholder_picture
    >>> placeholder_picture(7, "A ship").startswith(b"<svg")
    True
    >>> placeholder_picture(7) == placeholder_picture(8)
    False
    """
    digest = hashlib.sha256(str(id).encode("utf-8", "replace")).digest()
    hue = digest[0] / 256
    shapes = "".join(_circle(digest[5 * n + 1 : 5 * n + 6], hue) for n in range(4))
    initials = _initials(str(id if text is None else text))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * SIZE}" height="{2 * SIZE}" viewBox="0 0 {SIZE} {SIZE}">'
        f'<rect width="{SIZE}" height="{SIZE}" fill="{_color(hue, 0.84)}"/>{shapes}'
        f'<text x="50%" y="50%" dy=".36em" text-anchor="middle" font-family="system-ui,sans-serif" font-size="42" '
        f'font-weight="600" fill="{_color(hue, 0.27)}">{html.escape(initials)}</text></svg>'
    ).encode()


def _circle(drawn: bytes, hue: float) -> str:
    """A circle from five bytes; its hue is a neighbour of the picture's."""
    x, y, radius, turn, light = drawn
    color = _color(hue + (turn / 256 - 0.5) / 4, 0.7 + light / 256 / 5)
    cx, cy, r = (round(byte / 256 * SIZE) for byte in (x, y, radius))
    return f'<circle cx="{cx}" cy="{cy}" r="{SIZE // 8 + r // 3}" fill="{color}" fill-opacity=".75"/>'


def _color(hue: float, lightness: float) -> str:
    channels = colorsys.hls_to_rgb(hue % 1, lightness, 0.5)
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in channels)


def _initials(text: str) -> str:
    """Of the first two words, or the first two characters, or a short number; what XML cannot hold is left out."""
    words = "".join(character if character.isprintable() else " " for character in text).split()
    if len(words) == 1 and words[0].isdecimal() and len(words[0]) <= 4:
        return words[0]
    letters = "".join(word[0] for word in words[:2]) if len(words) > 1 else "".join(words)[:2]
    return letters.upper()
