"""Place labels beside points so that they do not overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sklearn_recsketch.inspection._values_by_id import shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

__all__ = ["place_labels"]

MAX_LENGTH = 32  # maximum number of characters in a label
GAP = 2.0  # points (1/72 inch) of free space around a label
# Each possible position of a label consists of the direction from its point and the horizontal and vertical alignment.
POSITIONS = [
    ((1, 0), "left", "center"),
    ((-1, 0), "right", "center"),
    ((0, 1), "center", "bottom"),
    ((0, -1), "center", "top"),
]


def place_labels(
    panel: Axes, points: np.ndarray, labels: Sequence[str], n_labels: int, radii: np.ndarray
) -> dict[int, Annotation]:
    """Draw up to `n_labels` labels, and return the annotations by point index.

    Labels are placed in the order of the points. Each label is drawn beside its point and inside the panel. It must not
    overlap earlier labels or points that already have a label. If several positions are possible, the position that
    covers the fewest points is chosen. If no position is possible, the label is skipped. A label is also skipped if its
    point is covered by another label. Empty labels are not drawn. `radii` contains the radius of each plotted point in
    typographic points (1/72 inch).
    """
    from matplotlib.patheffects import withStroke

    # Boxes are (x0, y0, x1, y1) in pixels. Pixel positions are only known after the layout has been computed.
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
            shorten(label, MAX_LENGTH), points[row], (0, 0), textcoords="offset points", fontsize="small",
            parse_math=False, path_effects=halo, in_layout=False,
        )  # fmt: skip
        # matplotlib does not draw annotations of points outside the panel. It places their boxes at the corner of the
        # figure, so that these boxes are not inside the panel.
        boxes = np.array([_move(text, position, radii[row]) for position in range(len(POSITIONS))])
        occupied = np.vstack([written, dots[list(texts)]])
        free = _inside(boxes, frame) & ~_overlap(boxes, occupied).any(axis=1)
        if not free.any():
            text.remove()
            continue
        n_covered = _overlap(boxes, dots).sum(axis=1)
        position = int(np.argmin(np.where(free, n_covered, np.inf)))
        _move(text, position, radii[row])
        texts[row] = text
        written = np.vstack([written, boxes[position]])
    return texts


def _move(text: Annotation, position: int, radius: float) -> np.ndarray:
    """Move a label to one of the possible positions, and return its bounding box."""
    direction, horizontal, vertical = POSITIONS[position]
    text.set(position=np.multiply(radius + GAP, direction), ha=horizontal, va=vertical)
    return np.asarray(text.get_window_extent().padded(GAP * text.figure.dpi / 72).extents)


def _inside(boxes: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Return whether each box is inside the frame."""
    return np.asarray(np.all((boxes[:, :2] >= frame[:2]) & (boxes[:, 2:] <= frame[2:]), axis=1))


def _overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return a boolean matrix of shape (n_boxes, n_others) that indicates which boxes overlap."""
    boxes = boxes[:, None]
    return np.asarray(np.all((boxes[..., :2] < others[:, 2:]) & (others[:, :2] < boxes[..., 2:]), axis=-1))
