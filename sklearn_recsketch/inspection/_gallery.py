"""Tables of recommendations and neighbours as pictures, in notebooks and as pages."""

from __future__ import annotations

import html
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from sklearn_recsketch.inspection._captions import Captions, as_text
from sklearn_recsketch.inspection._gallery_table import Place, Shown, Source, said_at
from sklearn_recsketch.inspection._pictures import data_uri, image_source, link_target, placeholder_picture
from sklearn_recsketch.utils._http import is_web_address

__all__ = ["ItemGallery"]

# Every selector begins with the class: the rest of a notebook keeps its looks. Colours are inherited, greys
# half transparent, so that both light and dark notebooks are served. What browsers draw in an img that did not
# load, an icon and the alt text, is pushed out below it: its background is left.
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
.recsketch-gallery .recsketch-query img { box-shadow: 0 0 0 3px #d55e00; }
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
    """Recommended or similar items as pictures with titles, scores and links.

    In a notebook it shows itself; :meth:`to_html` makes a page of it.

    Parameters
    ----------
    table : frame
        As `recommend`, `similar_items` or :func:`items_like_feature` return it, or any other with a
        column of ids. The first column before `rank` that is not shown says for whom the items
        are: there is one strip of pictures for each of its values. In a table without `rank`, this
        is the column `user`, if there is one.
    item : str, default=None
        The column of the items to show. None is "similar_item" if the table has it, else "item".
    images : str, mapping, callable or None, default=None
        Pictures: a column of the table, a dict or Series by id, or a function of the id, which is
        called once for each. A picture is a URL (http, https or data:image/), bytes (PNG, JPEG, GIF,
        WebP, SVG) or a pathlib.Path to such a file; bytes and files become part of the page. Items
        without one get a :func:`placeholder_picture`.
    titles : str, mapping, callable or None, default=None
        Captions, given likewise; the id where there is none.
    links : str, mapping, callable or None, default=None
        Pages to open on a click, http or https, given likewise.
    heading : str, default=None
        Text above all strips.

    Raises
    ------
    TypeError, ValueError
        For columns the table does not have, naming those it has, and for pictures and links of
        another kind, naming the id.

    Warns
    -----
    UserWarning
        Where a function raises or a file cannot be read. The other items are not lost.

    Notes
    -----
    Of similar items, the item that they are similar to comes first in its strip, with a frame.

    Behind a picture from the web lies the placeholder, which is seen if it does not load, or where
    it is transparent. There is no JavaScript, and all text is escaped.

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
        images: Source = None,
        titles: Source = None,
        links: Source = None,
        heading: str | None = None,
    ) -> None:
        self._heading = heading
        shown = Shown.read(table, item)
        columns = [("images", image_source, images), ("titles", as_text, titles), ("links", link_target, links)]
        given = []
        for name, convert, source in columns:
            said = Captions(name, f"{name}={{id: ...}}, or the name of a column", convert)
            given.append(said_at(shown, source, said))
            said.warn()
        self._strips: dict[str | None, list[_Card]] = {}
        for place, image, title, link in zip(shown.places, *given, strict=True):
            self._strips.setdefault(place.strip, []).append(_Card(place, image, title, link))

    def __repr__(self) -> str:
        n_pictures = sum(map(len, self._strips.values()))
        return f"ItemGallery of {n_pictures} pictures in {len(self._strips)} strips"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        parts = [] if self._heading is None else [f"<p>{_escape(self._heading)}</p>"]
        for name, cards in self._strips.items():
            above = "" if name is None else f"<p>{_escape(name)}</p>\n"
            pictures = "\n".join(card.html() for card in cards)
            parts.append(f"<section>\n{above}<div>\n{pictures}\n</div>\n</section>")
        if not self._strips:
            parts.append("<div>Nothing to show: the table is empty.</div>")
        return "\n".join([f'<div class="recsketch-gallery">\n<style>{STYLE}</style>', *parts, "</div>"])

    def to_html(self, path: str | PathLike[str] | None = None) -> str | Path:
        """A page that needs no other file.

        Parameters
        ----------
        path : path, default=None
            The file to write; None returns the page.

        Returns
        -------
        str or Path
            The page, or the path of the file written.
        """
        title = "Item gallery" if self._heading is None else self._heading
        page = PAGE.format(title=_escape(title), body=self._repr_html_())
        if path is None:
            return page
        Path(path).write_text(page, encoding="utf-8")
        return Path(path)


@dataclass(frozen=True)
class _Card:
    """A picture with what stands below it."""

    place: Place
    image: str | None
    title: str | None
    link: str | None

    def html(self) -> str:
        """A figure, in a link if there is one."""
        id = self.place.id
        title, full = (str(id), str(id)) if self.title is None else (self.title, f"{self.title} ({id})")
        placeholder = data_uri(placeholder_picture(id, title), "svg+xml")
        image = placeholder if self.image is None else self.image
        # An embedded picture is there at once, and where it is transparent nothing shall be seen behind it.
        remote = f' loading="lazy" style="background-image: url({placeholder})"' if is_web_address(image) else ""
        kind = ' class="recsketch-query"' if self.place.row is None else ""
        note = f"<small>{_escape(self.place.note)}</small>" if self.place.note else ""
        figure = (
            f'<figure{kind} title="{_escape(full)}"><img src="{_escape(image)}" alt="{_escape(title)}" width="160" '
            f'height="160"{remote}><figcaption><b>{_escape(title)}</b>{note}</figcaption></figure>'
        )
        if self.link is None:
            return figure
        return f'<a href="{_escape(self.link)}" rel="noopener" target="_blank">{figure}</a>'


def _escape(value: object) -> str:
    """As text in HTML, between quotes too; what UTF-8 cannot hold becomes a question mark."""
    return html.escape(str(value).encode("utf-8", "replace").decode("utf-8"), quote=True)
