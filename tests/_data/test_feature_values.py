"""Reading the values of side features from columns of any type, and errors for invalid values."""

import collections
import datetime
import enum
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sparse_matrices import entries

from sklearn_recsketch import SideFeatureEncoder, SideFeatures

DAY = datetime.date(2020, 1, 1)
MISSING = [None, np.nan, pd.NA, pd.NaT, np.float32("nan"), Decimal("NaN"), np.datetime64("NaT")]
Colour = enum.Enum("Colour", {"RED": "red"}, type=str)


def arrow(values, type=None):
    array = pa.array(values, type)
    return pd.Series(array, dtype=pd.ArrowDtype(array.type))


def object_column(value):
    """Make an object column of a value and a missing value, without conversions."""
    column = np.empty(2, dtype=object)
    column[0] = value
    return pd.Series(column, dtype=object)


FRAMES = {
    "pandas": lambda cells: pd.DataFrame({"id": ["a", "b"], "k": cells}),
    "polars": lambda cells: pl.DataFrame({"id": ["a", "b"], "k": cells}),
    "arrow": lambda cells: pa.table({"id": ["a", "b"], "k": cells}),
}
# Columns of the number 1.5 and a missing value.
NUMBERS = {
    "pandas_float16": ("pandas", np.array([1.5, np.nan], np.float16)),
    "pandas_longdouble": ("pandas", np.array([1.5, np.nan], np.longdouble)),
    "pandas_Float32": ("pandas", pd.array([1.5, None], "Float32")),
    "pandas_arrow_float": ("pandas", arrow([1.5, None], pa.float32())),
    "pandas_arrow_decimal": ("pandas", arrow([Decimal("1.5"), None])),
    "pandas_object": ("pandas", [1.5, pd.NA]),
    "pandas_Decimal": ("pandas", [Decimal("1.5"), Decimal("NaN")]),
    "pandas_Fraction": ("pandas", [Fraction(3, 2), None]),
    "pandas_array_without_axes": ("pandas", object_column(np.array(1.5))),
    "pandas_arrow_scalar": ("pandas", object_column(pa.scalar(1.5))),
    "polars_float32": ("polars", pl.Series([1.5, None], dtype=pl.Float32)),
    "polars_decimal": ("polars", [Decimal("1.5"), None]),
    "arrow_float16": ("arrow", pa.array([np.float16(1.5), None], pa.float16())),
    "arrow_float32": ("arrow", pa.array([1.5, None], pa.float32())),
    "arrow_decimal256": ("arrow", pa.array([Decimal("1.5"), None], pa.decimal256(5, 2))),
}
# Columns of the number 1 and a missing value.
INTEGERS = {
    "pandas_Int8": ("pandas", pd.array([1, None], "Int8")),
    "pandas_boolean": ("pandas", pd.array([True, None], "boolean")),
    "pandas_object_bool": ("pandas", [True, None]),
    "pandas_arrow_int16": ("pandas", arrow([1, None], pa.int16())),
    "pandas_arrow_bool": ("pandas", arrow([True, None])),
    "polars_int16": ("polars", pl.Series([1, None], dtype=pl.Int16)),
    "polars_bool": ("polars", [True, None]),
    "arrow_int16": ("arrow", pa.array([1, None], pa.int16())),
    "arrow_bool": ("arrow", pa.array([True, None])),
}
# Columns of the string "x" and a missing value.
TEXTS = {
    "pandas_object": ("pandas", ["x", np.nan]),
    "pandas_NA": ("pandas", ["x", pd.NA]),
    "pandas_NaT": ("pandas", ["x", pd.NaT]),
    "pandas_empty": ("pandas", ["x", ""]),
    "pandas_string": ("pandas", pd.array(["x", None], "string")),
    "pandas_categorical": ("pandas", pd.Categorical(["x", None])),
    "pandas_arrow": ("pandas", arrow(["x", None])),
    "pandas_arrow_dictionary": ("pandas", pd.Series(pa.array(["x", None]).dictionary_encode()).astype("category")),
    "pandas_numpy_str": ("pandas", [np.str_("x"), None]),
    "pandas_list": ("pandas", [["x", None, ""], []]),
    "pandas_list_of_missing": ("pandas", [["x", *MISSING], [None]]),
    "pandas_tuple": ("pandas", [("x",), ()]),
    "pandas_set": ("pandas", [{"x", None}, set()]),
    "pandas_deque": ("pandas", [collections.deque(["x"]), None]),
    "pandas_array": ("pandas", [np.array(["x"]), None]),
    "pandas_series": ("pandas", object_column(pd.Series(["x"]))),
    "pandas_index": ("pandas", object_column(pd.Index(["x"]))),
    "pandas_polars_series": ("pandas", object_column(pl.Series(["x", None]))),
    "pandas_arrow_array": ("pandas", object_column(pa.array(["x", None]))),
    "pandas_arrow_list": ("pandas", arrow([["x", None], None])),
    "polars_text": ("polars", ["x", None]),
    "polars_empty": ("polars", ["x", ""]),
    "polars_categorical": ("polars", pl.Series(["x", None], dtype=pl.Categorical)),
    "polars_enum": ("polars", pl.Series(["x", None], dtype=pl.Enum(["x", "y"]))),
    "polars_list": ("polars", [["x", None], None]),
    "polars_array": ("polars", pl.Series([["x", None], None], dtype=pl.Array(pl.String, 2))),
    "polars_list_of_categories": ("polars", pl.Series([["x", None], None], dtype=pl.List(pl.Categorical))),
    "arrow_large": ("arrow", pa.array(["x", None], pa.large_string())),
    "arrow_view": ("arrow", pa.array(["x", None], pa.string_view())),
    "arrow_dictionary": ("arrow", pa.array(["x", None]).dictionary_encode()),
    "arrow_list": ("arrow", pa.array([["x", None], None])),
    "arrow_large_list": ("arrow", pa.array([["x", None], None], pa.large_list(pa.large_string()))),
    "arrow_fixed_list": ("arrow", pa.array([["x", None], None], pa.list_(pa.string(), 2))),
}


def read(library, cells):
    return entries(SideFeatures.from_frame(FRAMES[library](cells)))


@pytest.mark.parametrize(("library", "cells"), NUMBERS.values(), ids=NUMBERS)
def test_numbers_in_any_column_with_missing_values(library, cells):
    assert read(library, cells) == {("a", "k"): 1.5}


@pytest.mark.parametrize(("library", "cells"), INTEGERS.values(), ids=INTEGERS)
def test_integers_and_booleans_in_any_column_with_missing_values(library, cells):
    assert read(library, cells) == {("a", "k"): 1}


@pytest.mark.parametrize(("library", "cells"), TEXTS.values(), ids=TEXTS)
def test_strings_in_any_column_with_missing_values(library, cells):
    assert read(library, cells) == {("a", "k=x"): 1}


@pytest.mark.parametrize("missing", MISSING, ids=repr)
@pytest.mark.parametrize("other", ["x", 1.5, ["x"]], ids=type)
def test_a_missing_value_among_others_is_ignored(missing, other):
    column = object_column(other)
    column[1] = missing
    features = SideFeatures.from_frame(pd.DataFrame({"id": ["a", "b"], "k": column}))
    assert {id_ for id_, _ in entries(features)} == {"a"}
    assert features.ids.tolist() == ["a", "b"]


@pytest.mark.parametrize("library", FRAMES)
def test_a_column_of_missing_values_has_no_features(library):
    assert read(library, [None, None]) == {}


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (pd.Categorical([3, 1]), {("a", "k=3"), ("b", "k=1")}),
        (pd.cut(pd.Series([1, 5]), [0, 3, 6]), {("a", "k=(0, 3]"), ("b", "k=(3, 6]")}),
        (
            pd.Categorical(pd.to_datetime(["2020", "2021"])),
            {("a", "k=2020-01-01 00:00:00"), ("b", "k=2021-01-01 00:00:00")},
        ),
        (arrow([3, None]).astype(pd.ArrowDtype(pa.dictionary(pa.int32(), pa.int64()))), {("a", "k=3")}),
    ],
    ids=["integers", "intervals", "dates", "arrow"],
)
def test_a_categorical_column_contains_categories_of_any_type(cells, names):
    assert set(read("pandas", cells)) == names


def test_an_integer_dictionary_of_arrow_contains_categories():
    assert set(read("arrow", pa.array([None, 3]).dictionary_encode())) == {("b", "k=3")}


def test_a_missing_id_in_a_dictionary_of_arrow_raises():
    table = pa.table({"id": pa.array(["a", None]).dictionary_encode(), "k": [1, 2]})
    with pytest.raises(ValueError, match="The feature id in row 1 is missing"):
        SideFeatures.from_frame(table)


def test_a_class_is_not_a_list_of_strings():
    with pytest.raises(TypeError, match=r"<enum 'Colour'> of type EnumType: a feature must be a string"):
        SideFeatures.from_dicts({1: {"k": Colour}})


def test_strings_are_plain():
    features = SideFeatures.from_dicts({1: {np.str_("k"): [Colour.RED, np.str_("x")]}})
    assert [type(text) for text in (*features.keys, *features.values)] == [str] * 4
    assert features.values.tolist() == ["red", "x"]


@pytest.mark.parametrize("row", [{"a\x1fb": "c"}, {"a": "b\x1fc"}, {"a\x1f": "\x1f"}, {"a\x1fb": 2.0}])
def test_control_characters_are_kept(row):
    features = SideFeatures.from_dicts({1: row, 2: {"z": "z"}})
    again = features.updated(SideFeatures.from_dicts({3: {"z": "y"}}), "item")
    ((key, value),) = row.items()
    for one in (features, again):
        assert (key, None if isinstance(value, float) else value) in zip(one.keys, one.values, strict=True)


@pytest.mark.parametrize("value", [1e300, -1e300, 5e-324, 0.1, 2**24 + 1, Decimal("0.1"), Fraction(1, 3)])
def test_numbers_are_kept_exactly(value):
    assert entries(SideFeatures.from_dicts({1: {"k": value}})) == {(1, "k"): float(value)}


def test_numbers_exact_in_float32_are_stored_in_float32():
    features = SideFeatures.from_dicts({1: {"year": 1999, "tag": "x"}})
    assert features.matrix.dtype == features.updated(features, "item").matrix.dtype == np.float32


def test_a_number_of_0_differs_from_a_missing_one():
    features = SideFeatures.from_dicts({1: {"k": 0.0}, 2: {"k": 1.0}, 3: {}})
    newer = SideFeatures.from_dicts({4: {"k": 0}})
    assert entries(features) == {(1, "k"): 0, (2, "k"): 1}
    assert entries(features.align(np.array([1, 3]), "item")) == {(1, "k"): 0}
    assert entries(features.updated(newer, "item")) == {(1, "k"): 0, (2, "k"): 1, (4, "k"): 0}


@pytest.mark.parametrize("lowercase", [False, True])
def test_one_hot_frames_and_lists_are_encoded_alike(lowercase):
    tags = pd.Series([["x", "y"], ["x"], []], index=pd.Index([1, 2, 3], name="id"))
    wide = tags.explode().str.get_dummies().groupby(level="id").max()
    lists = SideFeatures.from_frame(tags.rename("tag").to_frame(), lowercase=lowercase)
    one_hot = SideFeatures.from_frame(wide, lowercase=lowercase)
    encoded = [SideFeatureEncoder().fit_transform(features).toarray() for features in (lists, one_hot)]
    np.testing.assert_array_equal(*encoded)


# Invalid values.

REFUSED = {
    "date": (DAY, TypeError, r"of type date: .* Convert it to a number such as the year, .*dt\.year"),
    "datetime": (pd.Timestamp(DAY), TypeError, r"such as the year, .*dt\.year"),
    "datetime64": (np.datetime64("2020"), TypeError, r"such as the year, .*dt\.year"),
    "period": (pd.Period("2020"), TypeError, r"such as the year, .*dt\.year"),
    "timedelta": (datetime.timedelta(1), TypeError, r"dt\.total_seconds\(\)"),
    "timedelta64": (np.timedelta64(5, "D"), TypeError, r"dt\.total_seconds\(\)"),
    "time": (
        datetime.time(1),
        TypeError,
        "of type time: a feature must be a string, a number or a list of strings. Convert",
    ),
    "bytes": (b"x", TypeError, r"is b'x' of type bytes: .* Decode it, for example with df\[column\]\.str\.decode"),
    "list_of_bytes": (["x", b"y"], TypeError, r"is a list with b'y' of type bytes: .* Decode it"),
    "struct": ({"a": 1}, TypeError, "of type dict: .* Use one key or column per field"),
    "nested": (
        [["x"]],
        TypeError,
        r"is a list with \['x'\] of type list: a list must contain strings only\. Flatten the lists",
    ),
    "table": (np.array([["x"]]), TypeError, "Flatten the lists"),
    "list_of_numbers": (
        [1],
        TypeError,
        r"is a list with 1 of type int: a list must contain strings only\. Convert it, for a category with str",
    ),
    "list_of_dates": (
        [DAY],
        TypeError,
        r"of type date: a list must .* Convert it, for a category with str\(value\)",
    ),
    "complex": (1j, TypeError, "is 1j of type complex"),
    "uuid": (UUID(int=1), TypeError, r"of type UUID: .* Convert it, for a category with str\(value\)"),
    "generator": ((text for text in "x"), TypeError, "of type generator"),
    "infinite": (np.inf, ValueError, "is inf, but numbers must be finite"),
    "infinite_decimal": (Decimal("-Infinity"), ValueError, "is Decimal\\('-Infinity'\\), but numbers must be finite"),
    "large_decimal": (Decimal("1e400"), ValueError, "but numbers must be finite in float64"),
    "large_integer": (10**5000, ValueError, "is an integer of 16610 bits, but numbers must be finite in float64"),
    "long_double": (np.longdouble("1e400"), ValueError, "but numbers must be finite"),
}


@pytest.mark.parametrize(("value", "error", "match"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("method", ["frame", "long", "dicts"])
def test_other_values_raise_with_their_id_and_key(value, error, match, method):
    where = "The value of 'k' for id 'a'" + (" in row 0 " if method != "dicts" else " ")
    with pytest.raises(error, match=where + ".*" + match):
        if method == "frame":
            SideFeatures.from_frame(pd.DataFrame({"id": ["a", "b"], "k": object_column(value)}))
        elif method == "long":
            column = object_column(value)
            column[1] = "x"
            SideFeatures.from_long(pd.DataFrame({"id": ["a", "b"], "type": ["k", "k"], "value": column}), id="id")
        else:
            SideFeatures.from_dicts({"a": {"k": value}})


COLUMNS_REFUSED = {
    "pandas_datetime": ("pandas", pd.to_datetime(["2020", None]), "dt.year"),
    "pandas_zone": ("pandas", pd.to_datetime(["2020", None]).tz_localize("UTC"), "dt.year"),
    "pandas_timedelta": ("pandas", pd.to_timedelta([1, None]), "total_seconds"),
    "pandas_complex": ("pandas", np.array([1j, 2]), "of type complex"),
    "pandas_infinite": ("pandas", [np.inf, 1], "is inf"),
    "pandas_arrow_date": ("pandas", arrow([DAY, None]), "dt.year"),
    "pandas_arrow_struct": ("pandas", arrow([{"a": 1}, None]), "one key or column per field"),
    "pandas_arrow_binary": ("pandas", arrow([b"x", None]), "Decode it"),
    "polars_date": ("polars", [DAY, None], "dt.year"),
    "polars_duration": ("polars", [datetime.timedelta(1), None], "total_seconds"),
    "polars_struct": ("polars", [{"a": 1}, None], "one key or column per field"),
    "polars_binary": ("polars", [b"x", None], "Decode it"),
    "polars_nested": ("polars", [[["x"]], None], "Flatten"),
    "polars_numbers": ("polars", [[1], None], "a list must contain strings only"),
    "arrow_date": ("arrow", pa.array([DAY, None]), "dt.year"),
    "arrow_duration": ("arrow", pa.array([datetime.timedelta(1), None]), "total_seconds"),
    "arrow_struct": ("arrow", pa.array([{"a": 1}, None]), "one key or column per field"),
    "arrow_map": (
        "arrow",
        pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
        "a list must contain strings only",
    ),
}


@pytest.mark.parametrize(("library", "cells", "match"), COLUMNS_REFUSED.values(), ids=COLUMNS_REFUSED)
def test_columns_of_other_types_raise(library, cells, match):
    with pytest.raises((TypeError, ValueError), match=f"The value of 'k' for id 'a' in row 0 .*{match}"):
        read(library, cells)


@pytest.mark.parametrize("missing", MISSING, ids=repr)
def test_a_missing_value_in_a_mapping_raises(missing):
    with pytest.raises((TypeError, ValueError), match=r"The value of 'k' for id 7 is .* Leave out the key"):
        SideFeatures.from_dicts({7: {"k": missing, "other": 1}})


@pytest.mark.parametrize(
    "make", [collections.ChainMap, collections.OrderedDict, lambda row: collections.defaultdict(str, row)]
)
def test_any_mapping_is_read(make):
    assert entries(SideFeatures.from_dicts(make({1: make({"k": np.int8(3), "t": np.array("x")})}))) == {
        (1, "k"): 3,
        (1, "t=x"): 1,
    }
