"""Create sources for HTML images. A source is a URL, an embedded file or a generated placeholder."""

from __future__ import annotations

import base64
import colorsys
import hashlib
import html
import re
from pathlib import Path
from typing import Any

from sklearn_recsketch._data.ids import show_id
from sklearn_recsketch.inspection._values_by_id import shorten
from sklearn_recsketch.utils._http import is_web_address

__all__ = ["data_uri", "image_source", "image_type", "link_target", "placeholder_picture"]

MAGIC = {
    "png": rb"\x89PNG\r\n\x1a\n",
    "jpeg": rb"\xff\xd8\xff",
    "gif": rb"GIF8[79]a",
    "webp": rb"RIFF.{4}WEBP",
    # The root element may follow a byte order mark, comments, processing instructions and the document type. The
    # repetition is possessive, because backtracking would take exponential time for files with many comments.
    "svg+xml": rb"(\xef\xbb\xbf)?\s*(?:(?:<!--.*?-->|<\?[^>]*>|<!DOCTYPE\s+svg[^>[]*(\[.*?\]\s*)?>)\s*)*+<svg[\s>]",
}
HEADER_SIZE = 4096  # number of bytes that are read to detect the file type
SIZE = 120  # width and height of the viewBox of placeholders


def image_type(data: bytes) -> str | None:
    """Return the media subtype of a picture, such as "png". Return None if the format is not supported."""
    header = data[:HEADER_SIZE]
    return next((name for name, magic in MAGIC.items() if re.match(magic, header, re.DOTALL)), None)


def data_uri(data: bytes, subtype: str) -> str:
    """Return a data URI that contains the picture."""
    return f"data:image/{subtype};base64,{base64.b64encode(data).decode('ascii')}"


def image_source(value: Any, id: Any) -> str:
    """Return a URL for a picture that is passed as a URL, bytes or a Path.

    Bytes and files are converted to data URIs.

    Raises
    ------
    OSError
        If the file cannot be read.
    TypeError, ValueError
        If the value is not a supported picture. The message contains the item id.
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
            f"The image of {show_id(id)} must be PNG, JPEG, GIF, WebP or SVG, got {where} starting with {data[:12]!r}."
        )
    return data_uri(data, subtype)


def link_target(value: Any, id: Any) -> str:
    """Return the URL of a link. Raise a ValueError if it is not an http or https URL.

    Other schemes are not safe: a click on a javascript: URL would run its code.
    """
    address = value.strip() if isinstance(value, str) else value
    if not is_web_address(address):
        raise ValueError(f"The link of {show_id(id)} must be an http or https URL, got {shorten(show_id(value))}.")
    return str(address)


def placeholder_picture(id: Any, text: Any = None) -> bytes:
    """Generate a placeholder picture for an item.

    The same arguments always produce the same picture.

    Parameters
    ----------
    id : int or str
        Id of the item. It determines the colours and shapes in the picture.
    text : str, default=None
        Text whose initials are drawn in the picture. If the text is a number of up to four digits, the whole number is
        drawn. If None, the id is used as the text.

    Returns
    -------
    bytes
        The picture as an SVG image.

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


def _circle(seed: bytes, hue: float) -> str:
    """Return an SVG circle whose properties are determined by five bytes. Its hue is close to `hue`."""
    x, y, radius, hue_shift, lightness = seed
    color = _color(hue + (hue_shift / 256 - 0.5) / 4, 0.7 + lightness / 256 / 5)
    cx, cy, r = (round(byte / 256 * SIZE) for byte in (x, y, radius))
    return f'<circle cx="{cx}" cy="{cy}" r="{SIZE // 8 + r // 3}" fill="{color}" fill-opacity=".75"/>'


def _color(hue: float, lightness: float) -> str:
    channels = colorsys.hls_to_rgb(hue % 1, lightness, 0.5)
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in channels)


def _initials(text: str) -> str:
    """Return the initials of a text, or the text itself if it is a short number.

    The initials are the first characters of the first two words. If there is only one word, they are its first two
    characters. Unprintable characters are removed, because XML cannot contain them.
    """
    words = "".join(character if character.isprintable() else " " for character in text).split()
    if len(words) == 1 and words[0].isdecimal() and len(words[0]) <= 4:
        return words[0]
    letters = "".join(word[0] for word in words[:2]) if len(words) > 1 else "".join(words)[:2]
    return letters.upper()
