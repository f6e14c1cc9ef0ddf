"""What a table says about a gallery: which items stand where, and what is known of each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn_recsketch._data.frames import columns_of, frame_library
from sklearn_recsketch._data.ids import encode_ids
from sklearn_recsketch.inspection._captions import ById, Captions, is_missing

__all__ = ["Place", "Shown", "Source", "said_at"]

Source = str | ById


@dataclass(frozen=True)
class Place:
    """Where a picture stands.

    Attributes
    ----------
    strip : str or None
        For whom; None where the table does not say.
    id : int or str
        The item.
    row : int or None
        The row of the table; None for the item that others are similar to.
    note : str
        What to write below: the score.
    """

    strip: str | None
    id: Any
    row: int | None
    note: str


@dataclass(frozen=True)
class Shown:
    """A table as a gallery sees it.

    Attributes
    ----------
    columns : dict of list
        The cells of all columns, as Python's own objects.
    ids : list
        The item of each row.
    places : list of Place
        In the order they are shown.
    """

    columns: dict[str, list[Any]]
    ids: list[Any]
    places: list[Place]

    @classmethod
    def read(cls, table: Any, item: str | None) -> Shown:
        """Find the columns by name and deal the rows to strips."""
        if frame_library(table) is None:
            hint = " Pass table.collect()." if hasattr(table, "collect") else ""
            raise TypeError(
                f"table must be a pandas, polars or pyarrow table, such as recommend() returns, "
                f"got {type(table).__name__}.{hint}"
            )
        values, names = columns_of(table)
        columns = dict(zip(names or [], values, strict=True))
        if not columns:
            return cls({}, [], [])
        cells = {name: column.tolist() for name, column in columns.items()}
        shown = _item_column(list(columns), item)
        whom = _whom_column(list(columns), shown)
        ids = _ids(columns[shown], shown)
        groups = [None] * len(ids) if whom is None else _ids(columns[whom], whom)
        notes = [_show_score(score) for score in cells.get("score", [None] * len(ids))]
        strips: dict[Any, list[Place]] = {}
        for row, (group, id, note) in enumerate(zip(groups, ids, notes, strict=True)):
            name = None if whom is None else str(group) if whom == "feature" else f"{whom} {group}"
            queried = [Place(name, group, None, f"queried {whom}")] if shown == f"similar_{whom}" else []
            strips.setdefault(group, queried).append(Place(name, id, row, note))
        return cls(cells, ids, [place for places in strips.values() for place in places])


def said_at(shown: Shown, source: Source, said: Captions) -> list[Any]:
    """What a column of the table, or what is given by id, says at each place; None where nothing."""
    if isinstance(source, str):
        return _of_column(shown, source, said)
    by_id = said.of(source, [place.id for place in shown.places])
    return [by_id[place.id] for place in shown.places]


def _of_column(shown: Shown, name: str, said: Captions) -> list[Any]:
    """What the rows say; a queried item has what the first row that shows it says."""
    if name not in shown.columns and shown.columns:
        raise ValueError(f"{said.name}={name!r} is no column of the table, which has {list(shown.columns)}.")
    cells = shown.columns.get(name, [])
    values = [said.read(cell, id) for cell, id in zip(cells, shown.ids, strict=True)]
    first: dict[Any, Any] = {}
    for id, value in zip(shown.ids, values, strict=True):
        first.setdefault(id, value)
    return [first.get(place.id) if place.row is None else values[place.row] for place in shown.places]


def _item_column(names: list[str], item: str | None) -> str:
    if item is None:
        for name in ("similar_item", "item"):
            if name in names:
                return name
        raise ValueError(
            f"The table has no column 'item' or 'similar_item'; it has {names}. "
            f"Name the column of the items to show, for example item={names[0]!r}."
        )
    if item not in names:
        raise ValueError(f"item={item!r} is no column of the table, which has {names}.")
    return item


def _whom_column(names: list[str], shown: str) -> str | None:
    """The column that says for whom the rows are."""
    before = names[: names.index("rank")] if "rank" in names else [name for name in names if name == "user"]
    return next((name for name in before if name != shown), None)


def _ids(column: Any, name: str) -> list[Any]:
    """The id of each row, as Python's own int or str."""
    if not len(column):
        return []
    encoded = encode_ids(column, name)
    return encoded.ids[encoded.codes].tolist()


def _show_score(score: Any) -> str:
    """Three digits, or all of those before the point."""
    if is_missing(score):
        return ""
    if not isinstance(score, float):
        return str(score)
    return f"{score:.0f}" if 999.5 <= abs(score) < 1e15 else f"{score:#.3g}".rstrip(".")
