"""A table for galleries, and a parser of their HTML."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

import pandas as pd

from sklearn_recsketch.inspection import ItemGallery

PICTURES = {
    "png": b"\x89PNG\r\n\x1a\n....",
    "jpeg": b"\xff\xd8\xff\xe0....",
    "gif": b"GIF89a....",
    "webp": b"RIFF\n\x00\x00\x00WEBPVP8 ",
    "svg+xml": b'<?xml version="1.0"?>\n<!-- made <by> hand -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
}
TABLE = pd.DataFrame(
    {"user": [9, 9, 2], "rank": [1, 2, 1], "item": [5, 3, 5], "score": [0.91234, 0.5, 1234.5], "name": ["a", "b", "c"]}
)


class Page(HTMLParser):
    """Parser for the strips of a gallery: a heading, then the attributes of each picture."""

    def __init__(self, html):
        super().__init__()
        self.strips, self.tags, self.attributes, self.link, self.text = [], set(), set(), None, []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        self.attributes |= set(attributes)
        self.text = []
        if tag == "section":
            self.strips.append([None])
        elif tag == "a":
            self.link = attributes["href"]
        elif tag == "figure":
            self.strips[-1].append({"link": self.link, "queried": attributes.get("class") == "recsketch-query"})
        elif tag == "img":
            self.strips[-1][-1] |= attributes

    def handle_data(self, data):
        self.text.append(data)

    def handle_endtag(self, tag):
        text = "".join(self.text)
        if tag == "p" and self.strips:
            self.strips[-1][0] = text
        elif tag in ("b", "small"):
            self.strips[-1][-1][tag] = text
        elif tag == "a":
            self.link = None

    def all(self, name):
        """Return an attribute of all pictures."""
        return [picture.get(name) for strip in self.strips for picture in strip[1:]]


def page(*args, **kwargs):
    """Parse the HTML of a gallery made with these arguments."""
    return Page(ItemGallery(*args, **kwargs)._repr_html_())


def is_placeholder(source):
    """Return whether the source of an image is the SVG shown in place of a missing picture."""
    return source.startswith("data:image/svg+xml;base64,") and b"<text" in base64.b64decode(source.partition(",")[2])
