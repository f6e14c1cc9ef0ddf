"""Show recommended or similar items as pictures in notebooks and HTML pages."""

from __future__ import annotations

import html
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from sklearn_recsketch.inspection._gallery_table import ColumnOrValues, GalleryEntry, GalleryTable
from sklearn_recsketch.inspection._pictures import data_uri, image_source, link_target, placeholder_picture
from sklearn_recsketch.inspection._values_by_id import IdValueReader, as_text
from sklearn_recsketch.utils._http import is_web_address

__all__ = ["ItemGallery"]

# All selectors start with the class name, so that the style of the rest of the notebook does not change. Colours are
# inherited and greys are half transparent, so that the gallery is readable in light and dark notebooks. If an image
# does not load, browsers draw an icon and the alt text. ::before pushes them out of view, so that only the background
# remains.
STYLE = """
.recsketch-gallery { color: inherit; line-height: 1.35; }
.recsketch-gallery p { margin: 0 0 8px; padding: 0; font-weight: 600; }
.recsketch-gallery > p { font-size: 1.25em; }
.recsketch-gallery section { margin: 0 0 20px; }
.recsketch-gallery section > div {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(132px, 40%), 1fr)); gap: 14px;
}
.recsketch-gallery a { display: block; min-width: 0; color: inherit; text-decoration: none; }
.recsketch-gallery a:hover b { text-decoration: underline; }
.recsketch-gallery figure { display: block; min-width: 0; margin: 0; padding: 0; }
.recsketch-gallery img {
  display: block; overflow: hidden; width: 100%; max-width: none; height: auto; margin: 0;
  aspect-ratio: 1; object-fit: cover; border-radius: 8px; background: rgba(128, 128, 128, .15) center / cover;
  color: transparent;
}
.recsketch-gallery img::before { content: ""; display: block; padding-top: 100%; }
.recsketch-gallery figcaption { margin: 5px 0 0; padding: 0; font-size: .85em; text-align: left; }
.recsketch-gallery b {
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden;
  font-weight: 500; overflow-wrap: anywhere;
}
.recsketch-gallery small { display: block; font-size: .92em; opacity: .7; font-variant-numeric: tabular-nums; }
.recsketch-gallery .recsketch-query img { outline: 3px solid #d55e00; outline-offset: -3px; }
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0 auto; max-width: 1200px; padding: 20px; font: 16px/1.4 system-ui, sans-serif; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


class ItemGallery:
    """Gallery of recommended or similar items, shown as pictures with titles, scores and links.

    Notebooks display the gallery as HTML. Use :meth:`to_html` to save it as an HTML page.

    Parameters
    ----------
    table : frame
        Table returned by `recommend`, `similar_items` or :func:`rank_by_feature`, or any other table with a column of
        item ids. The gallery shows one strip of pictures for each query. A query is a user, an item or a feature. If
        the table has a column `rank`, the queries are read from the first column before `rank` that does not contain
        the items to show. Otherwise, the queries are read from the column `user`, if it exists.
    item : str, default=None
        Name of the column that contains the items to show. If None, the column "similar_item" is used if it exists, and
        the column "item" otherwise.
    images : str, mapping, callable or None, default=None
        Pictures of the items. Pass the name of a table column, a dict or Series with item ids as keys, or a function
        that takes an item id. A function is called once per id. Each picture must be a URL (http, https or
        data:image/), the bytes of an image (PNG, JPEG, GIF, WebP or SVG) or a pathlib.Path to an image file. Bytes and
        files are embedded in the page. Items without a picture are shown with a :func:`placeholder_picture`.
    titles : str, mapping, callable or None, default=None
        Titles of the items, in one of the formats that `images` accepts. Items without a title are shown with their id.
    links : str, mapping, callable or None, default=None
        Links of the items, in one of the formats that `images` accepts. Each link must be an http or https URL.
        Clicking on a picture opens its link.
    heading : str, default=None
        Heading of the gallery, shown above all strips.

    Raises
    ------
    TypeError, ValueError
        If a column is not in the table, or if the type of a picture or link is not supported.

    Warns
    -----
    UserWarning
        If a function raises an exception or if a file cannot be read. The affected items are shown without a picture,
        title or link.

    Notes
    -----
    In a gallery of similar items, each strip starts with the query item. The query item is marked by a frame. If it has
    a title, the title is also the heading of the strip.

    A placeholder is drawn behind each picture that is loaded from the web. It is visible if the picture does not load,
    or if the picture is transparent. The page contains no JavaScript, and all text is escaped.

    Examples
    --------
    >>> from sklearn_recsketch import WRMFRecommender
    >>> from sklearn_recsketch.datasets import make_interactions
    >>> from sklearn_recsketch.inspection import ItemGallery
    >>> X, y = make_interactions(n_users=100, n_items=50, random_state=0)
    >>> rec = WRMFRecommender(8, random_state=0).fit(X, y)
    >>> gallery = ItemGallery(rec.similar_items([3, 5], k=4), titles=lambda item: f"Model {item}")
    >>> gallery
    ItemGallery of 10 pictures in 2 strips
    >>> "Model 3" in gallery.to_html()
    True
    """

    def __init__(
        self,
        table: Any,
        *,
        item: str | None = None,
        images: ColumnOrValues = None,
        titles: ColumnOrValues = None,
        links: ColumnOrValues = None,
        heading: str | None = None,
    ) -> None:
        self._heading = heading
        gallery_table = GalleryTable.read(table, item)
        sources = [("images", image_source, images), ("titles", as_text, titles), ("links", link_target, links)]
        values = []
        for name, convert, source in sources:
            reader = IdValueReader(name, f"{name}={{id: ...}}, or the name of a column", convert)
            values.append(gallery_table.values(source, reader))
            reader.warn_failures()
        self._strips: dict[str | None, list[_Card]] = {}
        for entry, image, title, link in zip(gallery_table.entries, *values, strict=True):
            self._strips.setdefault(entry.strip, []).append(_Card(entry, image, title, link))

    def __repr__(self) -> str:
        n_pictures = sum(map(len, self._strips.values()))
        return f"ItemGallery of {n_pictures} pictures in {len(self._strips)} strips"

    def _repr_html_(self) -> str:
        """Return the HTML fragment that notebooks display."""
        parts = [] if self._heading is None else [f"<p>{_escape(self._heading)}</p>"]
        for name, cards in self._strips.items():
            heading = "" if name is None else f"<p>{_escape(_heading(name, cards))}</p>\n"
            pictures = "\n".join(card.html() for card in cards)
            parts.append(f"<section>\n{heading}<div>\n{pictures}\n</div>\n</section>")
        if not self._strips:
            parts.append("<div>Nothing to show: the table is empty.</div>")
        return "\n".join([f'<div class="recsketch-gallery">\n<style>{STYLE}</style>', *parts, "</div>"])

    def to_html(self, path: str | PathLike[str] | None = None) -> str | Path:
        """Return the gallery as a self-contained HTML page, or write the page to a file.

        Parameters
        ----------
        path : path, default=None
            File to write. If None, the page is returned and no file is written.

        Returns
        -------
        str or Path
            The page as HTML, or the path of the file that was written.
        """
        title = "Item gallery" if self._heading is None else self._heading
        page = PAGE.format(title=_escape(title), body=self._repr_html_())
        if path is None:
            return page
        Path(path).write_text(page, encoding="utf-8")
        return Path(path)


@dataclass(frozen=True)
class _Card:
    """Picture of an item, with its title, note and link."""

    entry: GalleryEntry
    image: str | None
    title: str | None
    link: str | None

    def html(self) -> str:
        """Return an HTML figure. If the item has a link, the figure is wrapped in an HTML link."""
        id = self.entry.id
        title, full = (str(id), str(id)) if self.title is None else (self.title, f"{self.title} ({id})")
        placeholder = data_uri(placeholder_picture(id, title), "svg+xml")
        image = placeholder if self.image is None else self.image
        # Embedded pictures are always available. They have no placeholder, which would show through transparent areas.
        remote = f' loading="lazy" style="background-image: url({placeholder})"' if is_web_address(image) else ""
        kind = ' class="recsketch-query"' if self.entry.row is None else ""
        note = f"<small>{_escape(self.entry.note)}</small>" if self.entry.note else ""
        figure = (
            f'<figure{kind} title="{_escape(full)}"><img src="{_escape(image)}" alt="{_escape(title)}" width="160" '
            f'height="160"{remote}><figcaption><b>{_escape(title)}</b>{note}</figcaption></figure>'
        )
        if self.link is None:
            return figure
        return f'<a href="{_escape(self.link)}" rel="noopener" target="_blank">{figure}</a>'


def _heading(name: str, cards: list[_Card]) -> str:
    """Heading of a strip: the title of the query item if the strip starts with one, and `name` otherwise."""
    query = cards[0]
    return name if query.entry.row is not None or query.title is None else query.title


def _escape(value: object) -> str:
    """Escape text for use in HTML and in quoted attributes.

    Characters that UTF-8 cannot encode are replaced by question marks.
    """
    return html.escape(str(value).encode("utf-8", "replace").decode("utf-8"), quote=True)
