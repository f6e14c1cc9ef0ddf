"""Texts beside points, as many as fit without overlapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sklearn_recsketch.inspection._captions import shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

__all__ = ["place_labels"]

LONGEST = 32  # characters of a text
GAP = 2.0  # 1/72 inch left free around a text
# Where a text may be, seen from its point: direction and alignment.
PLACES = [
    ((1, 0), "left", "center"),
    ((-1, 0), "right", "center"),
    ((0, 1), "center", "bottom"),
    ((0, -1), "center", "top"),
]


def place_labels(
    panel: Axes, points: np.ndarray, labels: Sequence[str], n_labels: int, radii: np.ndarray
) -> dict[int, Annotation]:
    """Write up to `n_labels` of the labels, the first ones first; returns them by the number of their point.

    A text is beside its point, inside of the panel, where it overlaps no earlier text and no point that has one;
    of several such places, where it hides the fewest points. One that fits nowhere, or whose point is hidden, is left
    out for the next one. Empty labels have no text. `radii` are those of the points as drawn, in 1/72 inch.
    """
    from matplotlib.patheffects import withStroke

    # Boxes are (x0, y0, x1, y1) in pixels, known once the layout is made.
    panel.figure.canvas.figure.draw_without_rendering()
    corners = np.outer(radii, [-1, -1, 1, 1]) * panel.figure.dpi / 72
    dots = np.tile(panel.transData.transform(points), 2) + corners
    frame = np.array(panel.bbox.extents)
    legend = panel.get_legend()
    written = np.empty((0, 4)) if legend is None else np.array([legend.get_window_extent().extents])
    halo = [withStroke(linewidth=2, foreground=panel.get_facecolor())]
    texts: dict[int, Annotation] = {}
    for row, label in enumerate(labels):
        if len(texts) == n_labels:
            break
        if not label or _overlap(dots[[row]], written).any():
            continue
        text = panel.annotate(
            shorten(label, LONGEST), points[row], (0, 0), textcoords="offset points", fontsize="small",
            parse_math=False, path_effects=halo, in_layout=False,
        )  # fmt: skip
        # The box for a point outside of the panel, which matplotlib leaves out, is at the figure's corner: not inside.
        boxes = np.array([_move(text, place, radii[row]) for place in range(len(PLACES))])
        taken = np.vstack([written, dots[list(texts)]])
        free = _inside(boxes, frame) & ~_overlap(boxes, taken).any(axis=1)
        if not free.any():
            text.remove()
            continue
        hidden = _overlap(boxes, dots).sum(axis=1)
        place = int(np.argmin(np.where(free, hidden, np.inf)))
        _move(text, place, radii[row])
        texts[row] = text
        written = np.vstack([written, boxes[place]])
    return texts


def _move(text: Annotation, place: int, radius: float) -> np.ndarray:
    """Put a text at one of its places; returns the box it takes."""
    direction, horizontal, vertical = PLACES[place]
    text.set(position=np.multiply(radius + GAP, direction), ha=horizontal, va=vertical)
    return np.asarray(text.get_window_extent().padded(GAP * text.figure.dpi / 72).extents)


def _inside(boxes: np.ndarray, frame: np.ndarray) -> np.ndarray:
    return np.asarray(np.all((boxes[:, :2] >= frame[:2]) & (boxes[:, 2:] <= frame[2:]), axis=1))


def _overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of the boxes overlaps which of the others."""
    boxes = boxes[:, None]
    return np.asarray(np.all((boxes[..., :2] < others[:, 2:]) & (others[:, :2] < boxes[..., 2:]), axis=-1))
