"""What a table says about a gallery: which items stand where, and what is known of each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from sklearn_recsketch.utils._frames import columns_of, frame_library
from sklearn_recsketch.utils._ids import encode_ids, show_id

__all__ = ["Place", "Shown", "Source", "Values"]

Source = str | Mapping[Any, Any] | pd.Series | Callable[[Any], Any] | None


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


@dataclass
class Values:
    """The values of `name`, as given by the user and made fit to be shown by `convert`.

    Attributes
    ----------
    name : str
        The parameter's name.
    convert : callable
        From a value and its id to text. An OSError is a failure of this value only.
    failures : dict
        By id, the errors of those that could not be had.
    """

    name: str
    convert: Callable[[Any, Any], str]
    failures: dict[Any, Exception] = field(default_factory=dict)

    def of(self, shown: Shown, source: Source) -> list[str | None]:
        """One for each place, None where it is missing."""
        if isinstance(source, str):
            return self._of_column(shown, source)
        ids = list(dict.fromkeys(place.id for place in shown.places))
        if source is None:
            by_id: dict[Any, str | None] = dict.fromkeys(ids)
        elif isinstance(source, pd.Series | Mapping):
            given = dict(source.items())
            self._check_keys(given, ids)
            by_id = {id: self._read(given.get(id), id) for id in ids}
        elif callable(source):
            by_id = {id: self._call(source, id) for id in ids}
        else:
            raise TypeError(
                f"{self.name} must be the name of a column, a dict or pandas Series by id, a function of the id, "
                f"or None, got {type(source).__name__}."
            )
        return [by_id[place.id] for place in shown.places]

    def _of_column(self, shown: Shown, name: str) -> list[str | None]:
        """Those of the rows; a queried item has that of the first row that shows it."""
        if name not in shown.columns and shown.columns:
            raise ValueError(f"{self.name}={name!r} is no column of the table, which has {list(shown.columns)}.")
        cells = shown.columns.get(name, [])
        values = [self._read(cell, id) for cell, id in zip(cells, shown.ids, strict=True)]
        first: dict[Any, str | None] = {}
        for id, value in zip(shown.ids, values, strict=True):
            first.setdefault(id, value)
        return [first.get(place.id) if place.row is None else values[place.row] for place in shown.places]

    def _check_keys(self, given: Mapping[Any, Any], ids: list[Any]) -> None:
        """7 and "7" are two ids: where they meet, nothing would be found."""
        if given and ids and isinstance(key := next(iter(given)), str) != isinstance(ids[0], str):
            raise ValueError(
                f"{self.name} are for ids such as {show_id(key)}, but those of the table are such as "
                f"{show_id(ids[0])}. Convert them to one type."
            )

    def _call(self, source: Callable[[Any], Any], id: Any) -> str | None:
        try:
            value = source(id)
        except Exception as error:
            self.failures[id] = error
            return None
        return self._read(value, id)

    def _read(self, value: Any, id: Any) -> str | None:
        if _is_missing(value):
            return None
        try:
            return self.convert(value, id)
        except OSError as error:
            self.failures[id] = error
            return None


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


def _is_missing(value: Any) -> bool:
    """None, NaN and their like; blank text, which they become in files."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _show_score(score: Any) -> str:
    """Three digits, or all of those before the point."""
    if _is_missing(score):
        return ""
    if not isinstance(score, float):
        return str(score)
    return f"{score:.0f}" if 999.5 <= abs(score) < 1e15 else f"{score:#.3g}".rstrip(".")
