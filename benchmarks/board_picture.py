"""Figure of the board: nDCG@20 relative to the best model of another library, per data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patheffects import withStroke
from matplotlib.transforms import blended_transform_factory
from sklearn.isotonic import isotonic_regression

PICTURE = Path(__file__).parents[1] / "docs/images/out-of-the-box.png"
COLORS = {"WRMF": "#c2410c", "WARP": "#0f62ae", "BPR": "#15803d"}
PEER, TEXT, QUIET, FAINT = "#9aa0a8", "#1f2328", "#6b7280", "#dfe2e7"
TITLE = "Without tuning"
SUBTITLE = (
    "nDCG@20 relative to the best other model, which is named below each of the {} data sets; means of three seeds."
)
ROW, TOP, BOTTOM = 0.8, 0.74, 0.34  # inches
ABOVE, BELOW, LEVEL = 0.31, 0.24, 0.19  # fractions of a row: from a line to its labels, and between levels of labels
GAP = 0.012  # between labels, on the scale of the x axis
HALO = withStroke(linewidth=2.5, foreground="white", alpha=0.9)


def draw(values: pd.DataFrame, path: Path = PICTURE) -> None:
    """Draw the figure and save it.

    Parameters
    ----------
    values : DataFrame
        nDCG@20 by model and data set. Our models have the names in `COLORS`; all other names are shown as they are.
    path : Path
        File to write.
    """
    peers = values.drop(index=list(COLORS))
    ratios = values / peers.max()
    height = TOP + BOTTOM + ROW * len(ratios.columns)
    figure, axes = plt.subplots(figsize=(8, height))
    figure.subplots_adjust(left=0.19, right=0.985, top=1 - TOP / height, bottom=BOTTOM / height)
    right = max(1.15, float(ratios.max().max()) + 0.1)
    axes.set(xlim=(-0.01, right), ylim=(len(ratios.columns) - 0.5, -0.5), yticks=[])
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "best other"])
    axes.tick_params(length=0, labelsize=8, labelcolor=QUIET)
    axes.spines[:].set_visible(False)
    for tick in (0.25, 0.5, 0.75):
        axes.axvline(tick, color=FAINT, linewidth=0.6, zorder=0)
    axes.axvspan(1, right, color="#eef6ec", zorder=-1, linewidth=0)
    axes.axvline(1, color=QUIET, linewidth=0.9, zorder=1)
    for place, name in enumerate(ratios):
        _row(axes, place, ratios[name].dropna())
        margin = {"x": 0.012, "transform": blended_transform_factory(figure.transFigure, axes.transData)}
        axes.text(y=place - 0.02, s=name, fontsize=9.5, fontweight="bold", color=TEXT, va="bottom", **margin)
        best = f"{peers[name].idxmax()}: {peers[name].max():.3f}"
        axes.text(y=place + 0.06, s=best, fontsize=7.5, color=QUIET, va="top", **margin)
    figure.text(0.012, 1 - 0.12 / height, TITLE, fontsize=13, fontweight="bold", color=TEXT, va="top")
    subtitle = SUBTITLE.format(len(ratios.columns))
    figure.text(0.012, 1 - 0.42 / height, subtitle, fontsize=8.5, color=QUIET, va="top")
    figure.savefig(path, dpi=200, facecolor="white")
    plt.close(figure)


def _row(axes: Any, place: int, ratios: pd.Series) -> None:
    """Draw one data set: our models in colour with labels above, other models in grey with labels below."""
    axes.axhline(place, color=FAINT, linewidth=1.2, zorder=1)
    is_ours = ratios.index.isin(list(COLORS))
    ours, peers = ratios[is_ours].sort_values(), ratios[~is_ours].sort_values()
    dots = {"edgecolor": "white", "zorder": 3}
    axes.scatter(peers, np.full(len(peers), place), s=26, color=PEER, linewidth=0.8, **dots)
    for name, x in ours.items():
        axes.scatter(x, place, s=60, color=COLORS[str(name)], linewidth=0.9, **dots)
    numbers = [f"{name} {x:.2f}" for name, x in ours.items()]
    colors = [COLORS[str(name)] for name in ours.index]
    _labels(axes, place, ours.to_numpy(), numbers, colors, [-ABOVE], fontsize=8.5, fontweight="bold")
    names, greys = list(map(str, peers.index)), [QUIET] * len(peers)
    _labels(axes, place, peers.to_numpy(), names, greys, [BELOW, BELOW + LEVEL], fontsize=7.5)


def _labels(
    axes: Any, place: int, at: np.ndarray, names: list[str], colors: list[str], levels: list[float], **font: Any
) -> None:
    """Place labels close to their points, at the first level without overlaps, or else shifted sideways."""
    texts = [
        axes.text(x, place, name, ha="center", va="center", color=color, path_effects=[HALO], **font)
        for x, name, color in zip(at, names, colors, strict=True)
    ]
    renderer = axes.figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer).transformed(axes.transData.inverted()) for text in texts]
    half = np.array([box.width / 2 for box in boxes])
    ends = np.full(len(levels), -np.inf)
    chosen = np.zeros(len(at), dtype=int)
    for i in range(len(at)):
        free = np.flatnonzero(ends + GAP <= at[i] - half[i])
        chosen[i] = free[0] if len(free) else ends.argmin()
        ends[chosen[i]] = max(at[i], ends[chosen[i]] + GAP + half[i]) + half[i]
    low, high = axes.get_xlim()
    for number, level in enumerate(levels):
        here = np.flatnonzero(chosen == number)
        if not len(here):
            continue
        widths = half[here]
        before = np.cumsum(np.append(0, widths[:-1] + widths[1:] + GAP))  # minimum distances from the first label
        bounds = {"y_min": low + widths[0], "y_max": high - widths[-1] - before[-1]}
        for i, x in zip(here, isotonic_regression(at[here] - before, **bounds) + before, strict=True):
            texts[i].set_position((x, place + level))
            ends_at = [place, place + level - np.sign(level) * 0.11]
            axes.plot([at[i], x], ends_at, color=colors[i], linewidth=0.5, alpha=0.5, zorder=2)
