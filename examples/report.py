"""Report that prints tables, and writes tables and plots to a self-contained HTML page."""

from __future__ import annotations

import html
import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from wording import MISSING, duration, number

from sklearn_recsketch.inspection import ItemGallery

STYLE = """
:root { color-scheme: light; --ink: #1c2530; --soft: #5d6b7a; --line: #dfe5ec; --accent: #1f6f8b; }
* { box-sizing: border-box; }
body { margin: 0; background: #f6f8fa; color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; }
h2 { margin: 0 0 .3rem; font-size: 1.25rem; }
h3 { margin: 1.2rem 0 0; font-size: 1rem; }
main > p, main > section > p { margin: .2rem 0 1rem; color: var(--soft); overflow-wrap: anywhere; }
main > section { background: #fff; border: 1px solid var(--line); border-radius: .6rem; padding: 1.2rem; }
main > section { margin-top: 1.2rem; }
.scroll { overflow-x: auto; margin: .8rem 0; padding-right: 2.5rem; display: inline-block; vertical-align: top; }
.scroll { max-width: 100%; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; max-width: 26rem; }
th, td { padding: .3rem .8rem .3rem 0; text-align: right; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
th:first-child, td:first-child, .text { text-align: left; }
.plot svg { display: block; width: 100%; height: auto; }
td.number { white-space: nowrap; }
main > section.summary { border-top: 4px solid var(--accent); }
main > section.summary > p, main > section li { color: var(--ink); }
.figures, .people { display: grid; gap: 1rem; margin: .8rem 0 1rem; }
.figures { grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); }
.people { grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); }
.figures > div, .people > article { border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem; }
.figures b { display: block; font-size: 1.7rem; line-height: 1.2; color: var(--accent); }
.figures span, .people small { color: var(--soft); font-size: .9rem; }
.people h4 { margin: 0; font-size: 1.05rem; }
.people dt { margin-top: .6rem; color: var(--soft); font-size: .85rem; font-weight: 600; }
.people dd { margin: 0; font-size: .92rem; overflow-wrap: anywhere; }
.people ol, main > section > ul { margin: 0; padding-left: 1.2rem; }
main > section > ul { margin-top: .4rem; }
"""
NUMBER = re.compile(rf"{MISSING}|[+-]?[\d,.]+(e-\d+)?(%| s| min)?( ± [\d.]+)?")


class Report:
    """Report with sections of tables, plots and galleries. Tables are printed; `save` writes the page.

    Parameters
    ----------
    title, subtitle : str
        Title and subtitle of the page.
    """

    def __init__(self, title: str, subtitle: str) -> None:
        self._title, self._subtitle = title, subtitle
        self._first: list[list[str]] = []
        self._sections: list[list[str]] = []
        self._parts: list[str] = []  # of the current section
        print(f"{title}\n{subtitle}")

    def section(self, title: str, text: str, *, first: bool = False) -> None:
        """Start a section, at the end of the page or at its beginning."""
        print(f"\n== {title} ==" + (f"\n{text}" if text else ""))
        self._parts = [f"<h2>{html.escape(title)}</h2>" + (f"<p>{html.escape(text)}</p>" if text else "")]
        if first:
            self._first.append(self._parts)
        else:
            self._sections.append(self._parts)

    def heading(self, text: str) -> None:
        """Add a heading within a section."""
        print(f"\n{text}")
        self._parts.append(f"<h3>{html.escape(text)}</h3>")

    def paragraph(self, text: str) -> None:
        """Add a paragraph."""
        print(textwrap.fill(text, 110))
        self._parts.append(f"<p>{html.escape(text)}</p>")

    def bullets(self, texts: Sequence[str]) -> None:
        """Add a list of sentences."""
        for text in texts:
            print(textwrap.fill(text, 110, initial_indent="- ", subsequent_indent="  "))
        self._parts.append(f"<ul>{''.join(f'<li>{html.escape(text)}</li>' for text in texts)}</ul>")

    def figures(self, figures: Sequence[tuple[str, str]]) -> None:
        """Add large numbers with their captions."""
        cells = []
        for value, caption in figures:
            print(f"{value} {caption}")
            cells.append(f"<div><b>{html.escape(value)}</b><span>{html.escape(caption)}</span></div>")
        self._parts.append(f'<div class="figures">{"".join(cells)}</div>')

    def people(self, people: Sequence[Mapping[str, Any]]) -> None:
        """Add a card per person: keys 'name' and 'label', then headings with a text or a list."""
        cards = []
        for person in people:
            name, label, *rest = person.items()
            print(f"\n{name[1]} ({label[1]})")
            cards.append(f"<article><h4>{html.escape(name[1])}</h4><small>{html.escape(label[1])}</small><dl>")
            for heading, content in rest:
                lines = [content] if isinstance(content, str) else content
                print(textwrap.fill(f"{heading}: {', '.join(lines)}", 110, subsequent_indent="  "))
                items = [html.escape(line) for line in lines]
                inner = items[0] if isinstance(content, str) else f"<ol>{''.join(f'<li>{i}</li>' for i in items)}</ol>"
                cards.append(f"<dt>{html.escape(heading)}</dt><dd>{inner}</dd>")
            cards.append("</dl></article>")
        self._parts.append(f'<div class="people">{"".join(cards)}</div>')

    def table(
        self,
        table: pd.DataFrame,
        *,
        caption: str | None = None,
        index: bool = False,
        formats: Mapping[str, str] | None = None,
    ) -> None:
        """Add a table, with three significant digits for numbers that are not integers."""
        text = pd.DataFrame(
            {column: [_cell(value, (formats or {}).get(column)) for value in table[column]] for column in table},
            index=table.index,
        )
        if caption:
            print(f"\n{caption}")
        print(text.to_string(index=index))
        rows = []
        numeric = {column: all(_is_number(value) for value in text[column]) for column in text}
        for label, row in zip(text.index, text.itertuples(index=False), strict=True):
            cells = ([f"<td>{html.escape(str(label))}</td>"] if index else []) + [
                f"<td{_kind(numeric[column])}>{html.escape(value)}</td>"
                for column, value in zip(text, row, strict=True)
            ]
            rows.append(f"<tr>{''.join(cells)}</tr>")
        head = ("<th></th>" if index else "") + "".join(
            f"<th{_kind(numeric[column])}>{html.escape(str(column))}</th>" for column in text
        )
        title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
        body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
        self._parts.append(f'<div class="scroll"><table>{title}{body}</table></div>')

    def bars(self, labels: Sequence[str], means: Sequence[float], errors: Sequence[float], axis: str) -> None:
        """Add a horizontal bar chart with standard errors, in the order of the labels."""
        figure, axes = plt.subplots(figsize=(6.4, 0.4 * len(labels) + 0.8))
        bars = axes.barh(labels, means, xerr=errors, color="#1f6f8b", ecolor="#1c2530", capsize=3)
        axes.bar_label(bars, labels=[f"{mean:.3f}" for mean in means], padding=6)
        axes.invert_yaxis()
        axes.set_xlabel(axis)
        axes.margins(x=0.12)
        axes.spines[["top", "right"]].set_visible(False)
        figure.tight_layout()
        self.figure(figure)

    def gallery(self, gallery: ItemGallery) -> None:
        """Add a gallery; only its summary is printed."""
        print(gallery)
        self._parts.append(gallery._repr_html_())

    def save(self, folder: Path, seconds: float) -> Path:
        """Write report.html, and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        first = "".join(f'<section class="summary">{"".join(parts)}</section>' for parts in self._first)
        sections = first + "".join(f"<section>{''.join(parts)}</section>" for parts in self._sections)
        page = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(self._title)}</title><style>{STYLE}</style></head><body><main>"
            f"<h1>{html.escape(self._title)}</h1><p>{html.escape(self._subtitle)} · total time {duration(seconds)}</p>"
            f"{sections}</main></body></html>"
        )
        path = folder / "report.html"
        path.write_text(page, encoding="utf-8")
        return path

    def figure(self, figure: plt.Figure, caption: str = "") -> None:
        """Add a figure with an optional caption."""
        if caption:
            self._parts.append(f"<h3>{html.escape(caption)}</h3>")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        plt.close(figure)
        svg = buffer.getvalue()
        self._parts.append(f'<div class="plot">{svg[svg.index("<svg") :]}</div>')


def _cell(value: object, form: str | None) -> str:
    return number(value) if form is None else form.format(value)


def _kind(numeric: bool) -> str:
    return f' class="{"number" if numeric else "text"}"'


def _is_number(text: str) -> bool:
    return NUMBER.fullmatch(text) is not None
