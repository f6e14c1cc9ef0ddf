"""Order of the examples in the gallery: from the first steps to special uses."""

from __future__ import annotations

from pathlib import Path

from sphinx_gallery.sorting import FileNameSortKey

FIRST = ("quick_start", "first_post_als", "second_post_warp", "play_counts", "side_features", "cold_start", "tuning")


class ReadingOrder(FileNameSortKey):
    """Sort the examples in FIRST before all others, which are sorted by file name."""

    def __call__(self, filename: str) -> str:
        name = Path(filename).stem.removeprefix("plot_")
        place = FIRST.index(name) if name in FIRST else len(FIRST)
        return f"{place:02d} {name}"
