"""Check the built site: nothing is loaded from other hosts, internal links lead somewhere, formulas are rendered.

python docs/check_site.py docs/_build/html [--external]
"""

from __future__ import annotations

import argparse
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

# Elements whose addresses the browser loads by itself, unlike those of links.
LOADED = {
    "audio": ["src"],
    "embed": ["src"],
    "iframe": ["src"],
    "img": ["src", "srcset"],
    "input": ["src"],
    "object": ["data"],
    "script": ["src"],
    "source": ["src", "srcset"],
    "track": ["src"],
    "video": ["src", "poster"],
}
LOADED_LINKS = {"stylesheet", "preload", "icon", "modulepreload", "prefetch", "preconnect", "dns-prefetch", "manifest"}
EXTERNAL = re.compile(r"^(?:[a-z]+:)?//", re.IGNORECASE)
IN_STYLES = re.compile(r"""(?:url\(\s*['"]?|@import\s+['"])((?:https?:)?//[^'")\s]+)""")
RAW_FORMULA = re.compile(r"\\[(\[]|\\(?:frac|sqrt|lambda|alpha|sum)\b")
NOT_PAGES = ("search.html", "genindex.html", "py-modindex.html")


class Page(HTMLParser):
    """Addresses, ids and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.words: list[str] = []
        self.described = False
        self._code: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids.update(values[name] for name in ("id", "name") if name in values)
        self.loaded += [values[name] for name in LOADED.get(tag, []) if name in values]
        if tag == "link" and LOADED_LINKS & set(values.get("rel", "").lower().split()):
            self.loaded.append(values.get("href", ""))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "meta" and values.get("name") == "description":
            self.described = True
        self.loaded += IN_STYLES.findall(values.get("style", ""))
        if tag in ("pre", "code", "script", "style", "math"):
            self._code.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._code and self._code[-1] == tag:
            self._code.pop()

    def handle_data(self, data: str) -> None:
        if self._code and self._code[-1] == "style":
            self.loaded += IN_STYLES.findall(data)
        if not self._code:
            self.words.append(data)


def faults_of(site: Path) -> list[str]:
    """What is wrong with the pages and styles of a site."""
    pages = {path.relative_to(site).as_posix(): Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    faults = []
    for name, page in pages.items():
        faults += [f"{name} loads {address}" for address in page.loaded if EXTERNAL.match(address)]
        faults += [f"{name} has a mail link: {link}" for link in page.links if link.startswith("mailto:")]
        faults += [f"{name} has an unfinished link: {link}" for link in page.links if "$" in link]
        if found := RAW_FORMULA.search(" ".join(page.words)):
            faults.append(f"{name} shows TeX as text: {found[0]}")
        if name.count("/") == 0 and name not in NOT_PAGES and not page.described:
            faults.append(f"{name} has no description")
        faults += [f"{name} links to {link}" for link in page.links if not _leads_somewhere(site, pages, name, link)]
    for path in site.rglob("*.css"):
        addresses = IN_STYLES.findall(path.read_text(encoding="utf-8"))
        faults += [f"{path.relative_to(site)} loads {address}" for address in addresses]
    return faults


def _leads_somewhere(site: Path, pages: dict[str, Page], name: str, link: str) -> bool:
    if re.match(r"^[a-z]+:", link) or link in ("", "#"):
        return True
    target, fragment = urldefrag(link)
    path = (site / name).parent / unquote(target) if target else site / name
    if not path.exists():
        return False
    other = pages.get(path.resolve().relative_to(site.resolve()).as_posix())
    return not fragment or other is None or unquote(fragment) in other.ids


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path)
    parser.add_argument("--external", action="store_true", help="list the links to other hosts instead")
    arguments = parser.parse_args()
    if arguments.external:
        texts = (path.read_text(encoding="utf-8") for path in arguments.site.rglob("*.html"))
        print("\n".join(sorted({link for text in texts for link in Page(text).links if EXTERNAL.match(link)})))
        return
    faults = faults_of(arguments.site)
    print("\n".join(faults) or "The site loads nothing from other hosts, and all of its own links lead somewhere.")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
