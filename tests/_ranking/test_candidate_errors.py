"""Errors for values of `candidates` and `exclude` that are neither a list, nor pairs, nor a dict of lists."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sklearn_recsketch import PopularityRecommender, SideFeatures, WRMFRecommender

NAN = np.nan
PAIRS = {"user": ["ann", "ann", "bob"], "item": ["m3", "m1", "m3"]}
INTERACTIONS = [["ann", "m1"], ["ann", "m2"], ["bob", "m2"], ["bob", "m3"], ["eve", "m1"]]


@pytest.fixture(scope="module")
def rec():
    return PopularityRecommender().fit(INTERACTIONS)


WRONG_TYPES = {
    "int": (7, r"got 7 of type int\. For a single id, write {p}=\[7\]"),
    "numpy_int": (np.int64(7), r"of type int64\. For a single id, write {p}=\[7\]"),
    "float": (7.0, r"got 7\.0 of type float"),
    "bool": (True, r"got True of type bool"),
    "bytes": (b"m3", r"got b'm3' of type bytes\. Decode it first"),
    "numpy_bytes": (np.bytes_(b"m3"), r"of type bytes_\. Decode it first"),
    "bytearray": (bytearray(b"m3"), r"of type bytearray\. Decode"),
    "memoryview": (memoryview(b"m3"), r"of type memoryview\. Decode"),
    "no_dimension": (np.array("m3"), r"of type ndarray"),
    "scalar_of_arrow": (pa.scalar("m3"), r"of type StringScalar"),
    "sparse": (WRMFRecommender(1, max_iter=1).fit(INTERACTIONS).interactions_, r"of type csr_array"),
    "features": (SideFeatures.from_dicts({"m3": {"tag": "a"}}), r"of type SideFeatures"),
    "records": (np.rec.array([("ann", "m3")], dtype=[("user", "O"), ("item", "O")]), r"of type recarray"),
    "function": (len, r"of type builtin_function_or_method"),
    "value_is_text": (
        {"ann": "m3"},
        r"{p}\['ann'\] must be a list of item ids, got 'm3' of type str\. .* write \['m3'\]",
    ),
    "value_is_cold": ({"ann": "cold"}, r"{p}\['ann'\] must be a list of item ids, got 'cold'"),
    "value_is_int": ({"ann": 3}, r"{p}\['ann'\] must be a list of item ids, got 3 of type int\. .* write \[3\]"),
    "value_is_bytes": ({"ann": b"m3"}, r"{p}\['ann'\] must be a list of item ids, got b'm3' of type bytes\. Decode"),
    "value_is_none": ({"ann": None}, r"{p}\['ann'\] must be a list of item ids, got None"),
    "value_is_dict": ({"ann": {"m3": 1}}, r"{p}\['ann'\] must be a list of item ids, got \{'m3': 1\} of type dict"),
    "series_of_lists": (pd.Series([["m3", "m1"]], index=["ann"]), r"{p} holds lists of item ids\. .* {p}\.to_dict\(\)"),
    "polars_of_lists": (pl.Series([["m3", "m1"]]), r"{p} holds lists of item ids"),
    "lazy_frame": (pl.DataFrame(PAIRS).lazy(), r"{p} is a lazy frame"),
}
WRONG_VALUES = {
    "text": ("m3", r"got 'm3' of type str\. For a single id, write {p}=\['m3'\]"),
    "ragged": (
        [["ann", "m3"], ["bob"]],
        r"{p} must be a list of item ids or .* pairs .* element 1 is \['bob'\]",
    ),
    "rows_of_four": (
        [["ann", "m3", 1, 2]],
        r"element 0 is \['ann', 'm3', 1, 2\] of type list\. .* pass a dict",
    ),
    "ids_and_pairs": (["m3", ("ann", "m3")], r"element 0 is 'm3' of type str"),
    "list_of_dicts": ([{"user": "ann", "item": "m3"}], r"element 0 is \{.*\} of type dict"),
    "lists_of_pairs": ([[["ann", "m3"]]], r"element 0 is \[\['ann', 'm3'\]\]"),
    "one_column": (pd.DataFrame({"item": ["m3"]}), r"{p} has one column: .* pass the column itself, .* {p}\['item'\]"),
    "array_of_one_column": (np.array([["m3"]]), r"{p} has one column: .* {p}\[:, 0\]"),
    "swapped": (pd.DataFrame(PAIRS)[["item", "user"]], r"The columns of {p} are 'item', 'user': users come first"),
    "missing": (["m3", None], r"id in row 1 is missing"),
    "masked": (np.ma.array(["m3", "m1"], mask=[False, True]), r"id in row 1 is missing"),
    "missing_of_a_user": ({"bob": ["m1"], "ann": ["m3", NAN]}, r"The {p}\['ann'\] id in row 1 is missing"),
    "bool_of_a_user": ({"ann": [True]}, r"the {p}\['ann'\] id in row 0 is True of type bool"),
    "bytes_in_a_list": ([b"m3"], r"id in row 0 is b'm3' of type bytes"),
    "integers": ([3], r"ids are integers \(first: 3\), but the model was fitted on strings"),
    "integers_of_a_user": ({"ann": [3]}, r"ids are integers \(first: 3\), but .* strings"),
    "integer_keys": (
        {1: ["m3"]},
        r"The user ids of {p} are integers \(first: 1\), but the users of the query .* strings",
    ),
    "keys_of_two_kinds": ({1: ["m3"], "ann": ["m3"]}, r"all ints or all strings"),
    "missing_key": ({NAN: ["m3"]}, r"The user id in row 0 is missing"),
    "lists_in_a_list": ({"ann": np.array([["m3"]])}, r"{p}\['ann'\] ids must be a one-dimensional list"),
}


def cases(values, error):
    return [pytest.param(*case, error, id=name) for name, case in values.items()]


@pytest.mark.parametrize("parameter", ["candidates", "exclude"])
@pytest.mark.parametrize(("value", "text", "error"), cases(WRONG_TYPES, TypeError) + cases(WRONG_VALUES, ValueError))
def test_other_values_raise(rec, parameter, value, text, error):
    with pytest.raises(error, match=re.compile(text.replace("{p}", parameter), re.DOTALL)):
        rec.recommend(["ann", "bob"], **{parameter: value})


def test_two_columns_of_a_table_of_recommendations_are_candidates(rec):
    table = rec.recommend(["ann"], k=2)
    with pytest.raises(ValueError, match="candidates has 4 feature"):
        rec.recommend(candidates=table)
    again = rec.recommend(candidates=table[["user", "item"]])
    assert again["item"].tolist() == table["item"].tolist()


@pytest.mark.parametrize("nothing", [[], (), {}, set(), np.array([]), pd.DataFrame(), pd.DataFrame({"u": [], "i": []})])
def test_empty_candidates_raise(rec, nothing):
    with pytest.raises(ValueError, match="candidates is empty: give at least one item, or None for all known items"):
        rec.recommend(candidates=nothing)
