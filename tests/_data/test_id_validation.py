"""The rules for ids, for all types of values and columns."""

import datetime
import decimal
import enum
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from parquet_writing import NUL_ENDS_TEXTS

from sklearn_recsketch import PopularityRecommender, SideFeatures, WRMFRecommender
from sklearn_recsketch._data.id_lists import check_id_list
from sklearn_recsketch._data.id_validation import id_kind
from sklearn_recsketch._data.ids import encode_ids

# The smallest integer that each float type cannot distinguish from a neighbor, and the largest that it can.
LIMITS = {np.float16: 2**11, np.float32: 2**24, np.float64: 2**53, np.longdouble: 2**53}
ARROW_FLOATS = {np.float16: pa.float16(), np.float32: pa.float32(), np.float64: pa.float64()}


def dictionary_of(column):
    """Make a pandas column of the dictionary type of Arrow, which hides the type of its values."""
    coded = pa.array(column).dictionary_encode()
    return pd.Series(coded, dtype=pd.ArrowDtype(coded.type))


def objects(values):
    cells = np.empty(len(values), dtype=object)
    cells[:] = list(values)
    return cells


CONTAINERS = {
    "numpy": lambda a: a,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "scalars": objects,
    "scalars after an equal int": lambda a: objects([int(a[-1]), *a]),
    "series": pd.Series,
    "series of big-endian": lambda a: pd.Series(a.astype(a.dtype.newbyteorder(">"))),
    "index": pd.Index,
    "sparse": lambda a: pd.Series(pd.arrays.SparseArray(a)),
    "masked": lambda a: np.ma.array(a, mask=False),
}
WITHOUT_FLOAT16 = {"index", "sparse"}  # containers of pandas that do not support float16
ARROW_CONTAINERS = {
    "pyarrow array": pa.array,
    "pyarrow chunks": lambda a: pa.chunked_array([a]),
    "pyarrow dictionary": lambda a: pa.array(a).dictionary_encode(),
    "arrow in pandas": lambda a: pd.Series(a, dtype=pd.ArrowDtype(ARROW_FLOATS[a.dtype.type])),
    "polars": pl.Series,
}
WIDE_CONTAINERS = {
    "category": lambda a: pd.Series(a).astype("category"),
    "nullable": lambda a: pd.Series(a, dtype=f"Float{8 * a.dtype.itemsize}"),
    "category of nullable": lambda a: pd.Series(a, dtype=f"Float{8 * a.dtype.itemsize}").astype("category"),
    "arrow dictionary in pandas": dictionary_of,
}
FLOATS = [
    *((dtype, make) for dtype in LIMITS for make in CONTAINERS.items()),
    *((dtype, make) for dtype in ARROW_FLOATS for make in ARROW_CONTAINERS.items()),
    *((dtype, make) for dtype in (np.float32, np.float64) for make in WIDE_CONTAINERS.items()),
]
FLOATS = [pair for pair in FLOATS if pair[0] is not np.float16 or pair[1][0] not in WITHOUT_FLOAT16]
EVERY_FLOAT = pytest.mark.parametrize(
    ("dtype", "make"),
    [(dtype, make) for dtype, (_, make) in FLOATS],
    ids=[f"{dtype.__name__} {name}" for dtype, (name, _) in FLOATS],
)


@EVERY_FLOAT
def test_floats_beyond_the_precision_of_their_type_raise(dtype, make):
    column = make(np.array([5, LIMITS[dtype]], dtype=dtype))
    bits = LIMITS[dtype].bit_length() - 1
    rule = rf"The item ids are floats, and .* not an integer below 2\*\*{bits}\. Beyond that, {np.dtype(dtype)} cannot"
    with pytest.raises(ValueError, match=rule):
        encode_ids(column, "item")


@EVERY_FLOAT
def test_floats_within_the_precision_of_their_type_are_ids(dtype, make):
    largest = LIMITS[dtype] - 1
    column = encode_ids(make(np.array([5, largest], dtype=dtype)), "item")
    assert column.ids.tolist() == [5, largest]
    assert column.ids.dtype == np.int64


def test_two_ids_that_share_a_float32_raise():
    X = np.array([[16777217, 1], [16777219, 2]], dtype=np.float32)
    with pytest.raises(ValueError, match=r"The user ids are floats, and 16777216\.0 in row 0"):
        PopularityRecommender().fit(X)


def test_a_missing_integer_is_reported_as_missing_not_inexact():
    with pytest.raises(ValueError, match="The user id in row 1 is missing"):
        encode_ids(pa.array([2**60 + 1, None, 2**60 + 2]), "user")


INEXACT = np.array([3, 2**24], dtype=np.float32)


@pytest.mark.parametrize(
    "query",
    [
        lambda rec: rec.recommend(INEXACT),
        lambda rec: rec.recommend(INEXACT[1]),
        lambda rec: rec.recommend(list(INEXACT)),
        lambda rec: rec.recommend(pa.scalar(2.0**24, pa.float32())),
        lambda rec: rec.recommend(candidates=INEXACT),
        lambda rec: rec.recommend(exclude=INEXACT),
        lambda rec: rec.recommend(history=INEXACT.reshape(1, 2)),
        lambda rec: rec.predict(INEXACT.reshape(1, 2)),
        lambda rec: rec.similar_items(INEXACT),
        lambda rec: rec.similar_users(pd.Series(INEXACT)),
        lambda rec: SideFeatures.from_frame(pd.DataFrame({"id": INEXACT, "tag": ["a", "b"]}), id="id"),
    ],
)
def test_queries_have_the_same_limit(query):
    rec = WRMFRecommender(2, max_iter=1, random_state=0).fit([[1, 1], [2, 2], [3, 3]])
    with pytest.raises(ValueError, match=r"ids are floats, and 16777216\.0 in row \d is not an integer below 2\*\*24"):
        query(rec)


@pytest.mark.parametrize(
    ("kind", "types"),
    [
        ("integers", [np.dtype(np.int8), np.dtype(np.uint64), pa.int32(), pa.uint8(), "tinyint", "int", "bigint"]),
        ("floats", [np.dtype(np.float16), np.dtype(np.longdouble), pa.float16(), pa.float64(), "float", "double"]),
        ("strings", [pa.string(), pa.large_string(), pa.string_view(), "string"]),
        (
            None,
            [np.dtype(bool), np.dtype("M8[s]"), np.dtype(complex), pa.bool_(), pa.binary(), pa.decimal128(5), "date"],
        ),
    ],
    ids=str,
)
def test_types_of_all_libraries_follow_one_rule(kind, types):
    for type_ in types:
        assert id_kind(type_.name if isinstance(type_, np.dtype) else str(type_)) == kind


# Values that are not ids.

EXPLODE = r"Write one row for each id in a cell, for example with X\.explode\('item'\)"
DECODE = r"Decode the ids, for example with .*\.decode\(.* or X\.astype\(str\) of an array"
CONVERT = r"Convert the column, for example with \.astype\(str\)"
OTHER_VALUES = [
    ([["x", "y"], ["z"]], EXPLODE),
    ([["x"], ["y"]], EXPLODE),
    ([("x", "y")], EXPLODE),
    ([{"x"}], EXPLODE),
    ([frozenset("x")], EXPLODE),
    ([np.array([1, 2])], EXPLODE),
    ([b"x"], DECODE),
    ([bytearray(b"x")], DECODE),
    ([uuid.UUID(int=1)], CONVERT),
    ([decimal.Decimal(1)], CONVERT),
    ([datetime.date(2020, 1, 1)], CONVERT),
    ([datetime.datetime(2020, 1, 1)], CONVERT),
    ([pd.Timestamp(0)], CONVERT),
    ([pd.Timestamp(0, tz="UTC")], CONVERT),
    ([pd.Timedelta(1)], CONVERT),
    ([pd.Interval(0, 1)], CONVERT),
    ([pd.Period("2020")], CONVERT),
    ([1j], CONVERT),
    ([{"id": 1}], CONVERT),
    ([True], CONVERT),
    ([np.True_], CONVERT),
]
EVERY_OTHER = pytest.mark.parametrize(("values", "advice"), OTHER_VALUES, ids=lambda value: str(value)[:30])


@EVERY_OTHER
@pytest.mark.parametrize("dtype", [None, object])
def test_other_values_raise_with_advice(values, advice, dtype):
    column = pd.Series(objects(values) if dtype is object else values, dtype=dtype)
    with pytest.raises(ValueError, match=rf"Ids must be ints or strings; the item id in row 0 is .*{advice}"):
        encode_ids(column, "item")


@EVERY_OTHER
def test_other_values_raise_in_queries(values, advice):
    with pytest.raises(ValueError, match=r"ids? (must be a one-dimensional list|in row 0 is)"):
        check_id_list(objects(values) if len(values) == 1 else values, "item")


@pytest.mark.parametrize(
    ("column", "advice"),
    [
        (pl.Series([["x", "y"], ["z"]]), EXPLODE),
        (pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int64, 2)), EXPLODE),
        (pa.array([["x", "y"], ["z"]]), EXPLODE),
        (pd.Series([["x"], ["y", "z"]], dtype=pd.ArrowDtype(pa.list_(pa.string()))), EXPLODE),
        (np.array(["x"], dtype="S1"), DECODE),
        (pl.Series([b"x"]), DECODE),
        (pa.array([b"x"]), DECODE),
        (pl.Series([datetime.date(2020, 1, 1)]), CONVERT),
        (pa.array([decimal.Decimal(1)]), CONVERT),
        (pl.Series([uuid.UUID(int=1)], dtype=pl.Object), CONVERT),
    ],
    ids=str,
)
def test_other_values_raise_in_columns_of_other_libraries(column, advice):
    with pytest.raises(ValueError, match=rf"the item id in row 0 is .*{advice}"):
        encode_ids(column, "item")


def test_errors_name_the_first_invalid_row():
    with pytest.raises(ValueError, match=r"the item id in row 2 is \['x'\]"):
        encode_ids(objects(["a", "b", ["x"], b"y"]), "item")


BLANKS = ["", " ", "\t\n", "\u3000", "\u00a0"]


@pytest.mark.parametrize("blank", BLANKS, ids=repr)
@pytest.mark.parametrize("make", [objects, pd.Series, pd.Categorical, pl.Series, pa.array, np.array])
def test_blank_ids_raise(blank, make):
    with pytest.raises(ValueError, match=r"The user id in row 1 is blank: .* at least one visible character"):
        encode_ids(make(["a", blank]), "user")


def test_an_unused_blank_category_is_ignored():
    assert encode_ids(pd.Categorical(["a"], categories=["", "a"]), "user").ids.tolist() == ["a"]


def test_a_lone_surrogate_raises():
    with pytest.raises(ValueError, match=r"The user id in row 1 is not valid text: .* contains a lone surrogate"):
        PopularityRecommender().fit([["a", 1], ["\ud800", 2]])


COLUMNS = {
    "object": objects,
    "pandas": pd.Series,
    "polars": pl.Series,
    "polars category": lambda ids: pl.Series(ids, dtype=pl.Categorical),
    "pyarrow": pa.array,
    "pyarrow dictionary": lambda ids: pa.array(ids).dictionary_encode(),
}


@pytest.mark.skipif(NUL_ENDS_TEXTS, reason="pandas before 3.1 reads strings up to the first NUL character")
@pytest.mark.parametrize("make", COLUMNS.values(), ids=COLUMNS)
def test_nul_characters_at_the_end_distinguish_ids(make):
    column = encode_ids(make(["a", "a\0"]), "user")
    assert column.ids[column.codes].tolist() == ["a", "a\0"]


def test_a_member_of_a_string_enumeration_is_its_value():
    ids = encode_ids(objects([enum.Enum("Colour", {"RED": "red"}, type=str).RED]), "user").ids
    assert ids.tolist() == ["red"]
    assert type(ids[0]) is str


MISSING = {
    "null in a dictionary": lambda: pa.DictionaryArray.from_arrays([0, 1], pa.array(["a", None])),
    "nullable integers": lambda: pd.array([1, None], dtype="Int64"),
    "nullable strings": lambda: pd.array(["a", None], dtype="string"),
    "strings": lambda: pd.Series(["a", None]).array,
    "time among integers": lambda: objects([1, pd.NaT]),
    "arrow integers": lambda: pd.array([1, None], dtype="int64[pyarrow]"),
    "polars enum": lambda: pl.Series(["a", None], dtype=pl.Enum(["a"])),
    "polars category": lambda: pl.Series(["a", None], dtype=pl.Categorical),
    "pyarrow dictionary": lambda: pa.array(["a", None, "b"]).dictionary_encode(),
    "pyarrow dictionary of integers": lambda: pa.array([1, None, 2]).dictionary_encode(),
    "pyarrow": lambda: pa.array(["a", None]),
    "masked": lambda: np.ma.array([1, 2], mask=[False, True]),
    "masked text": lambda: np.ma.array(["a", "b"], mask=[False, True]),
}


@pytest.mark.parametrize("make", MISSING.values(), ids=MISSING)
def test_missing_ids_raise_in_every_container(make):
    with pytest.raises(ValueError, match="The user id in row 1 is missing"):
        encode_ids(make(), "user")


@pytest.mark.parametrize("make", MISSING.values(), ids=MISSING)
def test_missing_ids_raise_in_queries(make):
    with pytest.raises(ValueError, match="The user id in row 1 is missing"):
        check_id_list(make(), "user")


@pytest.mark.parametrize(
    "ids",
    [
        pa.array(["b", "a"]),
        pa.chunked_array([["b"], ["a"]]),
        pa.array(["b", "a"]).dictionary_encode(),
        pd.Series(["b", "a"]),
        pd.Index(["b", "a"]),
        pl.Series(["b", "a"]),
        pl.Series(["b", "a"], dtype=pl.Categorical),
        np.array(["b", "a"], dtype=">U3"),
        ("b", "a"),
        iter(["b", "a"]),
    ],
    ids=lambda ids: type(ids).__name__,
)
def test_ids_in_a_query_may_be_in_any_container(ids):
    column = check_id_list(ids, "user")
    assert column.ids[column.codes].tolist() == ["b", "a"]


@pytest.mark.parametrize("id_", ["ann", np.str_("ann"), np.array("ann"), pa.scalar("ann")])
def test_a_single_id_equals_a_list_of_one(id_):
    assert check_id_list(id_, "user").ids.tolist() == ["ann"]


@pytest.mark.parametrize("id_", [b"7", bytearray(b"7"), np.bytes_(b"7"), memoryview(b"7")])
def test_bytes_raise_instead_of_being_read_as_integers(id_):
    with pytest.raises((TypeError, ValueError), match="Decode"):
        check_id_list(id_, "user")


@pytest.mark.parametrize(
    "value", [list(range(1000)), pd.Series(range(50)), 10**5000, "x" * 1000 + "\ud800"], ids=range(4)
)
def test_errors_show_values_on_one_line_of_limited_length(value):
    column = np.empty(1, dtype=object)
    column[0] = value
    with pytest.raises(ValueError) as raised:
        encode_ids(column, "item")
    assert len(str(raised.value)) < 500 and "\n" not in str(raised.value)


@pytest.mark.parametrize("dtype", [pl.Int128, pl.UInt128] if hasattr(pl, "UInt128") else [pl.Int128])
def test_128_bit_integers_of_polars_are_read(dtype):
    assert encode_ids(pl.Series([7, 3], dtype=dtype), "item").ids.tolist() == [3, 7]
    with pytest.raises(ValueError, match="does not fit 64 bits: 18446744073709551616"):
        encode_ids(pl.Series([7, 2**64], dtype=dtype), "item")
