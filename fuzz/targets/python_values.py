"""Odd ids, numbers and columns, and the containers that hold them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import scipy.sparse as sp

from fuzz.oracle import NotBuilt
from fuzz.target import Choices

__all__ = ["IDS", "NUMBERS", "ODD", "Category", "byte_seeds", "column_of", "plain_id", "rows_of", "table_of"]


class Text(str):
    """A subclass of str, as numpy and string enumerations have them."""


class Category(str):
    """A value of a categorical column, which is a category even if it is a number."""


Tag = Enum("Tag", {"VR": "vr"}, type=str)
INTEGERS = [0, 1, 2, 7, -1, 2**31, 2**53, -(2**63), 2**63 - 1, np.int8(3), np.uint64(9)]
STRINGS = ["a", "b", "7", "nan", " a", "ü", "null\0", "\U0001f600", "x" * 300, Text("t"), np.str_("n"), Tag.VR]
IDS = {"integers": INTEGERS, "strings": STRINGS}
NUMBERS = [1, 0, 2.5, 1e-30, 3e38, np.float32(0.1), np.int64(4), True, -0.0]
ODD = [
    *[None, np.nan, pd.NA, pd.NaT, float("inf"), -1.0, 0.5, 1e300, 1e-300, 2.0**53, 2.0**60, np.float16(2049), -5],
    *[
        "",
        " ",
        "\t",
        "\ud800",
        "\0",
        b"a",
        bytearray(b"b"),
        memoryview(b"c"),
        True,
        np.bool_(False),
        1j,
        10**400,
        2**64,
    ],
    *[Decimal("1.5"), Decimal("NaN"), Fraction(1, 3), [], ["a"], ("a", 1), {"a"}, {"a": 1}, range(3), slice(1)],
    *[
        datetime.date(2020, 1, 1),
        pd.Timestamp("2020"),
        np.datetime64("2020"),
        np.timedelta64(1, "D"),
        pd.Period("2020"),
    ],
    *[np.array([1, 2]), np.array("z"), pd.Series(["a"]), pa.scalar("s"), pa.scalar(5), pl.Series(["p"]), object, Tag],
    *[np.longdouble(3), np.uint64(2**64 - 1), np.float64(7), Ellipsis, NotImplemented, pd.Interval(0, 1), lambda: 1],
]
DTYPES = ["object", "int64", "float32", "float64", "uint64", "bool", "U", "S", "datetime64[s]", "complex", "int8"]
DTYPES += ["category", "string", "string[pyarrow]", "Int64", "Float64", "boolean", "int64[pyarrow]"]
NAMES = [("user", "item", "weight"), ("u", "i", "w"), ("item", "user", "y"), ("user_id", "item_id", "timestamp")]
NAMES += [("", " ", "\0"), ("user", "user", "user"), ("uid", "mid", "name_id"), (0, 1, 2)]


def byte_seeds(n: int = 40, length: int = 60) -> list[bytes]:
    """Return inputs for targets that make choices."""
    return [np.random.default_rng(seed).integers(0, 256, length, dtype=np.uint8).tobytes() for seed in range(n)]


def column_of(choices: Choices, usual: Sequence[Any], n: int) -> list[Any]:
    """Return n values, of which a few are odd."""
    odd = choices.below(4) == 0
    return [choices.pick(ODD) if odd and choices.below(3) == 0 else choices.pick(usual) for _ in range(n)]


def built(make: Callable[[], Any]) -> Any:
    """Call a function of another library, and raise NotBuilt if it fails."""
    try:
        return make()
    except Exception as error:
        raise NotBuilt from error


def plain(columns: list[list[Any]]) -> list[list[Any]]:
    """Return the columns if pyarrow and polars can read them. Both crash for some objects."""
    kinds = (int, str, float, bool, bytes, datetime.date, type(None))
    if not all(type(value) in kinds for column in columns for value in column):
        raise NotBuilt
    return columns


def table_of(choices: Choices, columns: list[list[Any]]) -> Any:
    """Return a container of equally long columns."""
    rows = [*zip(*columns, strict=True)]
    names = choices.pick(NAMES)[: len(columns)]
    frame = built(lambda: pd.DataFrame(dict(enumerate(columns)), dtype=object).set_axis([*names], axis=1))
    dtypes = [choices.pick(DTYPES) if choices.below(2) else None for _ in columns]
    unlike: list[Callable[[], Any]] = [
        lambda: dict(zip(names, columns, strict=True)),
        lambda: pd.Series(rows),
        lambda: sp.csr_array(np.ones((2, 2))),
        lambda: np.array(rows, dtype=object)[:, :1],
        lambda: np.array(columns[0], dtype=object),
        lambda: np.zeros(len(rows), dtype=[("user", int), ("item", int)]),
        lambda: np.array(rows, dtype=object).reshape(len(rows), len(columns), 1),
        lambda: np.ma.masked_array(np.arange(len(rows) * 2).reshape(-1, 2), [[1, 0]] * len(rows)),
        lambda: pl.LazyFrame({"user": [1], "item": [2]}),
        lambda: iter(rows),
        lambda: "user,item",
        lambda: 5,
        lambda: None,
        lambda: frame.iloc[:0],
        lambda: pd.concat([frame, frame], axis=1),
    ]
    if choices.below(12) == 0:
        return built(choices.pick(unlike))
    forms: list[Callable[[], Any]] = [
        lambda: frame,
        lambda: pd.DataFrame({j: pd.Series(c, dtype=d) for j, (c, d) in enumerate(zip(columns, dtypes, strict=True))})
        .set_axis([*names], axis=1),
        lambda: frame.infer_objects().set_axis([5] * len(frame)),
        lambda: np.array(rows, dtype=object).reshape(len(rows), len(columns)),
        lambda: np.array(rows),
        lambda: np.array(rows, dtype=choices.pick(DTYPES[:11])),
        lambda: rows,
        lambda: [list(row) for row in rows],
        lambda: pl.DataFrame(dict(zip(map(str, names), plain(columns), strict=True)), strict=False),
        lambda: pa.table([pa.array(column) for column in plain(columns)], names=[*map(str, names)]),
        lambda: pa.table([pa.array(column).dictionary_encode() for column in plain(columns)], names=[*map(str, names)]),
        lambda: np.asfortranarray(np.array(rows, dtype=object))[::-1],
    ]  # fmt: skip
    return built(choices.pick(forms))


def rows_of(table: Any, first_value: int = 9) -> list[list[Any]] | None:
    """Return the cells of a container as Python values, or None if it is not a table.

    From the column `first_value` on, the values of a categorical column are of the class Category.
    """
    if isinstance(table, pd.DataFrame):
        for name, dtype in enumerate(table.dtypes):
            if isinstance(dtype, pd.CategoricalDtype) and name >= first_value:
                table = table.set_axis(range(table.shape[1]), axis=1).astype({name: object})
                table[name] = [one if pd.isna(one) else Category(str(one)) for one in table[name]]
        return [list(row) for row in table.itertuples(index=False, name=None)]
    if isinstance(table, pl.DataFrame):
        return [list(row) for row in table.rows()]
    if isinstance(table, pa.Table):
        columns = [column.to_pylist() for column in table.columns]
        for j in range(first_value, len(columns)):
            if pa.types.is_dictionary(table.schema.types[j]):
                columns[j] = [None if one is None else Category(str(one)) for one in columns[j]]
        return [list(row) for row in zip(*columns, strict=True)]
    if isinstance(table, np.ndarray) and table.ndim == 2:
        return [[*row] for row in table]
    return [list(row) for row in table] if isinstance(table, list) else None


def plain_id(value: Any) -> int | str | None:
    """Return the id that a value stands for, or None if it cannot be an id."""
    if isinstance(value, str):
        text = str.__str__(value)
        return text if text.strip() and text.encode("utf-8", "replace").decode() == text else None
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    if isinstance(value, float | np.floating) and not float(value).is_integer():
        return None
    return int(value)
