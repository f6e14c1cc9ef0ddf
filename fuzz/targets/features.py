"""Side features in all forms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from fuzz.oracle import Finding, NotBuilt, check
from fuzz.target import Choices, Target
from fuzz.targets.python_values import (
    IDS,
    NUMBERS,
    STRINGS,
    Category,
    built,
    byte_seeds,
    column_of,
    plain_id,
    rows_of,
    table_of,
)
from sklearn_recsketch import SideFeatures

__all__ = ["SideFeatureForms"]

VALUES = [*STRINGS, *NUMBERS, ["a", "b"], {"a"}, ("c",), [], np.array(["d"], dtype=object), [None, "e"], ""]
KEYS = ["tag", "size", "=", "", "tag=a", "ü", "vr"]


class SideFeatureForms(Target):
    """`SideFeatures.from_...`: each value is in the matrix, under its id and its key."""

    name = "side_features"

    def seeds(self) -> list[bytes]:
        return byte_seeds()

    def run(self, data: bytes) -> None:
        choices = Choices(data)
        lowercase = bool(choices.below(2))
        form = choices.pick([self._from_dicts, self._from_long, self._from_frame])
        features, cells = form(choices, lowercase)
        expected: dict[tuple[Any, Any, Any], float] = {}
        for id_, key, cell in cells:
            for value, number in values_of(cell, lowercase):
                expected[plain_id(id_), key, value] = number
        coo = features.matrix.tocoo()
        places = zip(features.ids[coo.row].tolist(), features.keys[coo.col], features.values[coo.col], strict=True)
        got = dict(zip(places, coo.data.tolist(), strict=True))
        check(got.keys() == expected.keys(), f"values differ: {got}, not {expected}")
        check(all(math.isclose(got[one], expected[one]) for one in got), f"numbers differ: {got}, not {expected}")
        ids = sorted({plain_id(id_) for id_, _, _ in cells}, key=lambda one: (str(type(one)), one))
        check(features.ids.tolist() == ids, f"ids differ: {features.ids}, not {ids}")

    @staticmethod
    def _from_dicts(choices: Choices, lowercase: bool) -> tuple[SideFeatures, list[Any]]:
        n = choices.below(4)
        ids = column_of(choices, IDS[choices.pick(["integers", "strings"])], n)
        rows = {}
        for id_ in ids:
            keys = column_of(choices, KEYS, choices.below(4))
            values = column_of(choices, VALUES, len(keys))
            try:
                rows[id_] = dict(zip(keys, values, strict=True))
            except TypeError as error:  # one of the values cannot be hashed
                raise NotBuilt from error
        features: Any = (
            rows
            if choices.below(10)
            else choices.pick([[*rows.items()], None, built(lambda: pd.Series(rows, dtype=object)), "a", {1: 2}])
        )
        cells = [
            (id_, str.__str__(key), cell)
            for id_, row in rows.items()
            for key, cell in row.items()
            if isinstance(key, str)
        ]
        cells += [(id_, "", "") for id_ in rows]  # an id without features is an id
        return SideFeatures.from_dicts(features, lowercase=lowercase), cells

    @staticmethod
    def _from_long(choices: Choices, lowercase: bool) -> tuple[SideFeatures, list[Any]]:
        n = choices.below(5)
        columns = [
            column_of(choices, pool, n) for pool in (IDS[choices.pick(["integers", "strings"])], KEYS[:3], VALUES)
        ]
        table = table_of(choices, columns)
        names = [*map(str, getattr(table, "columns", "abc"))] if isinstance(table, pd.DataFrame | pl.DataFrame) else []
        names = names or ([*table.column_names] if isinstance(table, pa.Table) else ["a", "b", "c"])
        id_, key, value = [*names, "x", "y"][:3]
        features = SideFeatures.from_long(table, id=id_, key=key, value=value, lowercase=lowercase)
        return features, [(row[0], str(plain_id(row[1])), row[2]) for row in rows_of(table, 2) or []]

    @staticmethod
    def _from_frame(choices: Choices, lowercase: bool) -> tuple[SideFeatures, list[Any]]:
        n = choices.below(4)
        columns = [column_of(choices, IDS[choices.pick(["integers", "strings"])], n)]
        columns += [column_of(choices, VALUES, n) for _ in range(1 + choices.below(2))]
        table = table_of(choices, columns)
        features = SideFeatures.from_frame(table, lowercase=lowercase)
        names = table.column_names if isinstance(table, pa.Table) else table.columns
        rows = rows_of(table, 1) or []
        cells = [(row[0], str(key), cell) for row in rows for key, cell in zip(names[1:], row[1:], strict=True)]
        return features, cells + [(row[0], "", "") for row in rows]


def values_of(cell: Any, lowercase: bool) -> Iterator[tuple[str | None, float]]:
    """Yield the category or None, and the number, of each value in a cell."""
    if isinstance(cell, Category):
        cell = str.__str__(cell) if isinstance(cell, str) else str(cell)
    if hasattr(cell, "as_py"):
        cell = cell.as_py()
    if isinstance(cell, np.ndarray) and cell.ndim == 0:
        cell = cell.item()
    if isinstance(cell, str):
        text = str.__str__(cell)
        if text:
            yield text.lower() if lowercase else text, 1.0
    elif isinstance(cell, list | tuple | set | np.ndarray | pd.Series | pl.Series | range):
        for one in cell:
            if not isinstance(one, str) and one is not None and one == one:
                raise Finding(f"accepted in a list: {one!r}")
            yield from values_of(one, lowercase)
    elif cell is None or cell is pd.NA or cell is pd.NaT or cell != cell:
        return
    elif isinstance(cell, Real | Decimal | np.bool_) and math.isfinite(float(cell)):
        yield None, float(cell)
    else:
        raise Finding(f"accepted: {cell!r}")
