"""What the displays look like: colours, ticks, legends."""

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

# Okabe and Ito's colours, told apart by colour-blind readers too; yellow is left out, too faint for a line.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
ACCENT = PALETTE[1]
MUTED = "#5d6b7a"
CHARACTERS_PER_INCH = 11  # of a legend's text
LEGEND = "recsketch-legend"  # marks the legend that the next display on the same panels replaces


def import_pyplot(caller: str) -> ModuleType:
    """matplotlib.pyplot, imported no sooner than something is drawn."""
    return import_extra("matplotlib.pyplot", "plot", f"{caller} draws with matplotlib")


def tidy(panel: Axes) -> None:
    """The style of figures that displays make themselves; panels passed by the user keep theirs."""
    panel.set_prop_cycle(color=PALETTE)
    panel.spines[["top", "right"]].set_visible(False)


def scatter_style(default: dict[str, Any], scatter_kw: Mapping[str, Any]) -> dict[str, Any]:
    """What to pass to `scatter`: the user's over the defaults; `color` is another name of its `c`."""
    return {key: value for key, value in default.items() if key != "c" or "color" not in scatter_kw} | dict(scatter_kw)


def whole_ticks(panel: Axes) -> None:
    """No ticks at half an epoch, unless the user has chosen a scale with ticks of its own."""
    from matplotlib.ticker import MaxNLocator

    if panel.get_xscale() == "linear":
        panel.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 2.5, 5, 10]))


def place_legend(panel: Axes, among: Iterable[Axes], *, columns: int = 1, reverse: bool = False) -> Legend:
    """The legend of a panel: below the panels of a figure that has no others, else inside the panel.

    Below, it has the width of the figure, which candidates with many parameters need, and leaves the
    place above to a title. `columns` are those of a legend below.
    """
    figure = panel.figure
    # Only the constrained layout makes room for a legend outside.
    below = figure.get_constrained_layout() and set(figure.axes) == set(among)
    inches = (figure.bbox.width if below else panel.bbox.width) / figure.dpi
    width = max(20, int(inches * (CHARACTERS_PER_INCH if below else 1.2 * CHARACTERS_PER_INCH)) - 8)
    handles, labels = panel.get_legend_handles_labels()
    labels = ["\n".join(textwrap.wrap(label, width)) for label in labels]
    if not below:
        legend = panel.legend(handles, labels, loc="upper left", frameon=False, fontsize="small", reverse=reverse)
        if panel.get_autoscaley_on() and panel.get_yscale() == "linear":
            # Among many points no place is free: make one above them. Limits stay automatic, so that
            # the next display begins from those of the data.
            share = min(0.6, legend.get_window_extent().height / panel.bbox.height)
            bottom, top = panel.get_ylim()
            panel.set_ylim(bottom, top + (top - bottom) * share / (1 - share), auto=True)
        return legend
    for old in [legend for legend in figure.legends if legend.get_gid() == LEGEND]:
        old.remove()
    legend = figure.legend(handles, labels, loc="outside lower left", frameon=False, ncols=columns, reverse=reverse)
    legend.set_gid(LEGEND)
    return legend


def draw_failures(panel: Axes, x: np.ndarray, label: str = "no score") -> None:
    """Crosses at the bottom for what has no score, so that failures are seen."""
    if len(x):
        # Away from the lowest scores.
        panel.margins(y=0.08)
        panel.plot(
            x, np.full(len(x), 0.025), "x", color="black", markersize=5, alpha=0.7, label=label,
            transform=panel.get_xaxis_transform(), clip_on=False,
        )  # fmt: skip
