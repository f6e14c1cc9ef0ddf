"""Helpers for the colours, ticks and legends of displays."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_recsketch.utils._extras import import_extra

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import ModuleType

    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

__all__ = [
    "ACCENT",
    "CHARACTERS_PER_INCH",
    "MUTED",
    "PALETTE",
    "draw_failures",
    "import_pyplot",
    "place_legend",
    "scatter_style",
    "tidy",
    "whole_ticks",
]

# Palette of Okabe and Ito, which colour-blind readers can distinguish. Yellow is omitted, because it is too faint for
# lines.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
ACCENT = PALETTE[1]
MUTED = "#5d6b7a"
CHARACTERS_PER_INCH = 11  # average number of characters per inch of legend text
LEGEND = "recsketch-legend"  # gid of a legend, which the next display in the same panels replaces


def import_pyplot(caller: str) -> ModuleType:
    """Import matplotlib.pyplot, which is an optional dependency."""
    return import_extra("matplotlib.pyplot", "plot", f"{caller} requires matplotlib")


def tidy(panel: Axes) -> None:
    """Apply the common style of all displays to a panel of a new figure.

    Do not call this function for panels that were passed by the user. These panels keep their own style.
    """
    panel.set_prop_cycle(color=PALETTE)
    panel.spines[["top", "right"]].set_visible(False)


def scatter_style(default: dict[str, Any], scatter_kw: Mapping[str, Any]) -> dict[str, Any]:
    """Update the default keyword arguments of `scatter`. If `color` is passed, it replaces the default `c`."""
    return {key: value for key, value in default.items() if key != "c" or "color" not in scatter_kw} | dict(scatter_kw)


def whole_ticks(panel: Axes) -> None:
    """Place ticks only at integers, unless the user has chosen a nonlinear scale."""
    from matplotlib.ticker import MaxNLocator

    if panel.get_xscale() == "linear":
        panel.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 2.5, 5, 10]))


def place_legend(panel: Axes, among: Iterable[Axes], *, columns: int = 1, reverse: bool = False) -> Legend:
    """Add a legend below the panels `among`, or inside `panel` if the figure contains other panels.

    A legend below the panels can be as wide as the figure, so that it has room for candidates with many parameters. It
    also leaves space for a title above the panels. `columns` is the number of columns of such a legend.
    """
    figure = panel.figure
    # Only the constrained layout reserves space for a legend outside the panels.
    below = figure.get_constrained_layout() and set(figure.axes) == set(among)
    inches = (figure.bbox.width if below else panel.bbox.width) / figure.dpi
    width = max(20, int(inches * (CHARACTERS_PER_INCH if below else 1.2 * CHARACTERS_PER_INCH)) - 8)
    handles, labels = panel.get_legend_handles_labels()
    labels = ["\n".join(textwrap.wrap(label, width)) for label in labels]
    if not below:
        legend = panel.legend(handles, labels, loc="upper left", frameon=False, fontsize="small", reverse=reverse)
        if panel.get_autoscaley_on() and panel.get_yscale() == "linear":
            # Extend the panel upwards, so that the legend does not cover any points. The limits remain automatic, so
            # that the next display in this panel starts from the data limits.
            height = min(0.6, legend.get_window_extent().height / panel.bbox.height)
            bottom, top = panel.get_ylim()
            panel.set_ylim(bottom, top + (top - bottom) * height / (1 - height), auto=True)
        return legend
    for old in [legend for legend in figure.legends if legend.get_gid() == LEGEND]:
        old.remove()
    legend = figure.legend(handles, labels, loc="outside lower left", frameon=False, ncols=columns, reverse=reverse)
    legend.set_gid(LEGEND)
    return legend


def draw_failures(panel: Axes, x: np.ndarray, label: str = "no score") -> None:
    """Mark candidates without a score with crosses at the bottom of the panel."""
    if len(x):
        # Leave space between the crosses and the lowest scores.
        panel.margins(y=0.08)
        panel.plot(
            x, np.full(len(x), 0.025), "x", color="black", markersize=5, alpha=0.7, label=label,
            transform=panel.get_xaxis_transform(), clip_on=False,
        )  # fmt: skip
