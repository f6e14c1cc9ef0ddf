"""Read the entries of an `ItemGallery` from a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn_recsketch._data.frames import columns_of, frame_library
from sklearn_recsketch._data.ids import encode_ids
from sklearn_recsketch.inspection._values_by_id import IdValueReader, ValuesById, is_missing

__all__ = ["ColumnOrValues", "GalleryEntry", "GalleryTable"]

ColumnOrValues = str | ValuesById


@dataclass(frozen=True)
class GalleryEntry:
    """Gallery entry, which is shown as one picture.

    Attributes
    ----------
    strip : str or None
        Heading of the strip that contains the entry, such as "user 7". It is None if the table has no query column.
    id : int or str
        Id of the item.
    row : int or None
        Index of the entry's table row. It is None if the entry shows the query item of a strip of similar items.
    note : str
        Text shown below the title, such as the score.
    """

    strip: str | None
    id: Any
    row: int | None
    note: str


@dataclass(frozen=True)
class GalleryTable:
    """Content of the table that a gallery shows.

    Attributes
    ----------
    columns : dict of list
        Values of each column as Python objects.
    ids : list
        Id of the item in each row.
    entries : list of GalleryEntry
        Entries in the order in which they are displayed.
    """

    columns: dict[str, list[Any]]
    ids: list[Any]
    entries: list[GalleryEntry]

    @classmethod
    def read(cls, table: Any, item: str | None) -> GalleryTable:
        """Read a table, and group its rows into strips. The columns are identified by name."""
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
        item_column = _item_column(list(columns), item)
        query_column = _query_column(list(columns), item_column)
        ids = _ids(columns[item_column], item_column)
        queries = [None] * len(ids) if query_column is None else _ids(columns[query_column], query_column)
        notes = [_show_score(score) for score in cells.get("score", [None] * len(ids))]
        strips: dict[Any, list[GalleryEntry]] = {}
        for row, (query, id, note) in enumerate(zip(queries, ids, notes, strict=True)):
            heading = None
            if query_column is not None:
                heading = str(query) if query_column == "feature" else f"{query_column} {query}"
            first = []
            if item_column == f"similar_{query_column}":
                first = [GalleryEntry(heading, query, None, f"query {query_column}")]
            strips.setdefault(query, first).append(GalleryEntry(heading, id, row, note))
        return cls(cells, ids, [entry for entries in strips.values() for entry in entries])

    def values(self, source: ColumnOrValues, reader: IdValueReader) -> list[Any]:
        """Return the value of each entry, read from a column or by item id. Missing values are None."""
        if isinstance(source, str):
            return self._column_values(source, reader)
        by_id = reader.read(source, [entry.id for entry in self.entries])
        return [by_id[entry.id] for entry in self.entries]

    def _column_values(self, name: str, reader: IdValueReader) -> list[Any]:
        """Return the value of each entry in a column.

        A query item has no row of its own. Its value is taken from the first row that contains the same item.
        """
        if name not in self.columns and self.columns:
            raise ValueError(f"{reader.name}={name!r} is not a column of the table, which has {list(self.columns)}.")
        cells = self.columns.get(name, [])
        values = [reader.convert_value(cell, id) for cell, id in zip(cells, self.ids, strict=True)]
        by_id: dict[Any, Any] = {}
        for id, value in zip(self.ids, values, strict=True):
            by_id.setdefault(id, value)
        return [by_id.get(entry.id) if entry.row is None else values[entry.row] for entry in self.entries]


def _item_column(names: list[str], item: str | None) -> str:
    """Return the name of the column that contains the items to show."""
    if item is None:
        for name in ("similar_item", "item"):
            if name in names:
                return name
        raise ValueError(
            f"The table has no column 'item' or 'similar_item'; it has {names}. "
            f"Name the column of the items to show, for example item={names[0]!r}."
        )
    if item not in names:
        raise ValueError(f"item={item!r} is not a column of the table, which has {names}.")
    return item


def _query_column(names: list[str], item_column: str) -> str | None:
    """Return the name of the column that contains the queries, or None if there is no such column.

    A query is the user, item or feature for which a strip of items is shown.
    """
    candidates = names[: names.index("rank")] if "rank" in names else [name for name in names if name == "user"]
    return next((name for name in candidates if name != item_column), None)


def _ids(column: Any, name: str) -> list[Any]:
    """Return the id in each row of a column as a Python int or str."""
    if not len(column):
        return []
    encoded = encode_ids(column, name)
    return encoded.ids[encoded.codes].tolist()


def _show_score(score: Any) -> str:
    """Format a score with three significant digits. Scores of 1000 or more are rounded to integers."""
    if is_missing(score):
        return ""
    if not isinstance(score, float):
        return str(score)
    return f"{score:.0f}" if 999.5 <= abs(score) < 1e15 else f"{score:#.3g}".rstrip(".")
