"""Report that prints tables, and writes tables and plots to a self-contained HTML page."""

from __future__ import annotations

import html
import io
from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_recsketch.inspection import ItemGallery

STYLE = """
:root { color-scheme: light; --ink: #1c2530; --soft: #5d6b7a; --line: #dfe5ec; --accent: #1f6f8b; }
* { box-sizing: border-box; }
body { margin: 0; background: #f6f8fa; color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; }
h2 { margin: 0 0 .3rem; font-size: 1.25rem; }
h3 { margin: .6rem 0 0; font-size: 1rem; }
main > p, main > section > p { margin: .2rem 0 1rem; color: var(--soft); }
main > section { background: #fff; border: 1px solid var(--line); border-radius: .6rem; padding: 1.2rem; }
main > section { margin-top: 1.2rem; }
.scroll { overflow-x: auto; margin: .8rem 0; padding-right: 2.5rem; display: inline-block; vertical-align: top; }
.scroll { max-width: 100%; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; max-width: 26rem; }
th, td { padding: .3rem .8rem .3rem 0; text-align: right; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
th:first-child, td:first-child, .text { text-align: left; }
svg { width: 100%; height: auto; }
"""


class Report:
    """Report with sections of tables, plots and galleries. Tables are printed; `save` writes the page.

    Parameters
    ----------
    title, subtitle : str
        Title and subtitle of the page.
    """

    def __init__(self, title: str, subtitle: str) -> None:
        self._title, self._subtitle = title, subtitle
        self._sections: list[list[str]] = []
        print(f"{title}\n{subtitle}")

    def section(self, title: str, text: str) -> None:
        """Start a section."""
        print(f"\n== {title} ==\n{text}")
        self._sections.append([f"<h2>{html.escape(title)}</h2><p>{html.escape(text)}</p>"])

    def table(
        self,
        table: pd.DataFrame,
        *,
        caption: str | None = None,
        index: bool = False,
        formats: Mapping[str, str] | None = None,
    ) -> None:
        """Add a table, with four decimals for numbers that are not integers."""
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
        self._sections[-1].append(f'<div class="scroll"><table>{title}{body}</table></div>')

    def bars(self, table: pd.DataFrame, label: str, value: str) -> None:
        """Add a horizontal bar chart, in the order of the table."""
        figure, axes = plt.subplots(figsize=(8, 0.5 * len(table) + 0.8))
        bars = axes.barh(table[label], table[value], color="#1f6f8b")
        axes.bar_label(bars, fmt="%.4f", padding=4)
        axes.invert_yaxis()
        axes.set_xlabel(value)
        axes.margins(x=0.12)
        axes.spines[["top", "right"]].set_visible(False)
        figure.tight_layout()
        self.figure(figure)

    def gallery(self, gallery: ItemGallery) -> None:
        """Add a gallery; only its summary is printed."""
        print(gallery)
        self._sections[-1].append(gallery._repr_html_())

    def save(self, folder: Path, seconds: float) -> Path:
        """Write report.html, and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        sections = "".join(f"<section>{''.join(parts)}</section>" for parts in self._sections)
        page = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(self._title)}</title><style>{STYLE}</style></head><body><main>"
            f"<h1>{html.escape(self._title)}</h1><p>{html.escape(self._subtitle)} · total time {seconds:.0f} s</p>"
            f"{sections}</main></body></html>"
        )
        path = folder / "report.html"
        path.write_text(page, encoding="utf-8")
        return path

    def figure(self, figure: plt.Figure, caption: str = "") -> None:
        """Add a figure with an optional caption."""
        if caption:
            self._sections[-1].append(f"<h3>{html.escape(caption)}</h3>")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        plt.close(figure)
        self._sections[-1].append(buffer.getvalue()[buffer.getvalue().index("<svg") :])


def _cell(value: object, form: str | None) -> str:
    if form is not None:
        return form.format(value)
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{value:.0f}" if float(value).is_integer() and abs(value) >= 1 else f"{value:.4f}"
    return str(value)


def _kind(numeric: bool) -> str:
    return "" if numeric else ' class="text"'


def _is_number(text: str) -> bool:
    try:
        float(text.rstrip("%"))
    except ValueError:
        return False
    return True
