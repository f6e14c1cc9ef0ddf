"""Colours, ticks and legends of displays."""

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

# Palette of Okabe and Ito, which colour-blind readers can distinguish, without yellow, which is too faint for lines.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
ACCENT = PALETTE[1]
MUTED = "#5d6b7a"
CHARACTERS_PER_INCH = 11  # of the text of a legend
LEGEND = "recsketch-legend"  # gid of the legend that the next display in the same panels replaces


def import_pyplot(caller: str) -> ModuleType:
    """Import matplotlib.pyplot, which is an optional dependency."""
    return import_extra("matplotlib.pyplot", "plot", f"{caller} requires matplotlib")


def tidy(panel: Axes) -> None:
    """Apply the style of displays to a panel of a new figure. Panels passed by the user keep their own style."""
    panel.set_prop_cycle(color=PALETTE)
    panel.spines[["top", "right"]].set_visible(False)


def scatter_style(default: dict[str, Any], scatter_kw: Mapping[str, Any]) -> dict[str, Any]:
    """Update the default keyword arguments of `scatter`, where `color` is an alias of `c`."""
    return {key: value for key, value in default.items() if key != "c" or "color" not in scatter_kw} | dict(scatter_kw)


def whole_ticks(panel: Axes) -> None:
    """Use ticks at integers only, unless the user has chosen a scale with its own ticks."""
    from matplotlib.ticker import MaxNLocator

    if panel.get_xscale() == "linear":
        panel.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 2.5, 5, 10]))


def place_legend(panel: Axes, among: Iterable[Axes], *, columns: int = 1, reverse: bool = False) -> Legend:
    """Add a legend below the panels if the figure contains no other panels, else inside the panel.

    A legend below the panels can use the width of the figure, which candidates with many parameters need, and leaves
    space for a title above. `columns` is the number of columns of a legend below the panels.
    """
    figure = panel.figure
    # Only the constrained layout reserves space for a legend outside of the panels.
    below = figure.get_constrained_layout() and set(figure.axes) == set(among)
    inches = (figure.bbox.width if below else panel.bbox.width) / figure.dpi
    width = max(20, int(inches * (CHARACTERS_PER_INCH if below else 1.2 * CHARACTERS_PER_INCH)) - 8)
    handles, labels = panel.get_legend_handles_labels()
    labels = ["\n".join(textwrap.wrap(label, width)) for label in labels]
    if not below:
        legend = panel.legend(handles, labels, loc="upper left", frameon=False, fontsize="small", reverse=reverse)
        if panel.get_autoscaley_on() and panel.get_yscale() == "linear":
            # Extend the panel upwards, so that the legend does not cover points. Limits stay automatic, so that the
            # next display starts from the limits of the data.
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
    """Mark candidates without a score by crosses at the bottom of the panel."""
    if len(x):
        # Leave space between the crosses and the lowest scores.
        panel.margins(y=0.08)
        panel.plot(
            x, np.full(len(x), 0.025), "x", color="black", markersize=5, alpha=0.7, label=label,
            transform=panel.get_xaxis_transform(), clip_on=False,
        )  # fmt: skip
