"""Encoding of ids in batches, compared with encoding a whole column."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parquet_writing import CHARACTERS

from sklearn_recsketch._data import id_stream as _id_stream
from sklearn_recsketch._data.id_stream import stream_of
from sklearn_recsketch._data.ids import encode_ids
from sklearn_recsketch.kernels import _id_hash as _ids
from sklearn_recsketch.kernels._jit import read_only

pa = pytest.importorskip("pyarrow", reason="batches are pyarrow's arrays")

STRINGS = st.text(CHARACTERS, max_size=4).filter(str.strip)


def streamed(values, kind, sizes):
    """Encode a column in batches whose sizes cycle through `sizes`."""
    stream = stream_of(kind, len(values))
    array = pa.array(values, pa.int64() if kind == "integers" else pa.large_string())
    start = 0
    while start < len(values):
        size = sizes[start % len(sizes)]
        stream.add(array.slice(start, size))
        start += size
    return stream.column()


def same(column, values):
    expected = encode_ids(pd.Series(values), "user")
    assert column.ids.tolist() == expected.ids.tolist()
    np.testing.assert_array_equal(column.codes, expected.codes)


@settings(deadline=None, max_examples=60)
@given(
    values=st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9), min_size=1),
    sizes=st.lists(st.integers(1, 9), min_size=1),
)
def test_integers_in_batches_are_encoded_like_a_column(values, sizes):
    same(streamed(values, "integers", sizes), values)


@settings(deadline=None, max_examples=60)
@given(
    values=st.lists(STRINGS | st.sampled_from(["a", "b"]), min_size=1),
    sizes=st.lists(st.integers(1, 9), min_size=1),
)
def test_strings_in_batches_are_encoded_like_a_column(values, sizes):
    same(streamed(values, "strings", sizes), values)


@pytest.mark.parametrize("bits", [0, 1, 3])
def test_strings_with_equal_hashes_are_distinguished(bits, monkeypatch):
    def weak(offsets, data, keys):
        _ids.hash_strings(offsets, data, keys)
        keys &= 2**bits - 1

    monkeypatch.setattr(_id_stream, "hash_strings", weak)
    values = [f"id-{n}" for n in np.random.default_rng(0).integers(0, 40, 300)]
    same(streamed(values, "strings", [7, 50, 1]), values)


def test_leading_nuls_change_hashes():
    ids = ["\0" * n + "a" for n in range(50)]
    data = read_only(np.frombuffer("".join(ids).encode(), dtype=np.uint8))
    offsets = read_only(np.concatenate([[0], np.cumsum([len(id_) for id_ in ids])]))
    keys = np.empty(len(ids), dtype=np.int64)
    _ids.hash_strings(offsets, data, keys)
    assert len(np.unique(keys)) == len(ids)


def test_the_hash_table_grows_repeatedly():
    values = np.random.default_rng(0).integers(0, 10**9, 30_000)
    same(streamed(values.tolist(), "integers", [1000, 1, 400]), values)
    texts = [f"{value:x}" for value in values]
    same(streamed(texts, "strings", [1000, 1, 400]), texts)


def test_kernels_run_as_plain_python():
    keys = np.array([5, 7, 5, -1, 7], np.int64)
    results = []
    for compiled in (True, False):
        number, fill = ((k if compiled else k.py_func) for k in (_ids.number_keys, _ids.fill_slots))
        known, slots = np.empty(8, np.int64), np.full(16, -1, np.int32)
        codes, first = np.empty(5, np.int32), np.empty(5, np.int64)
        with np.errstate(over="ignore"):  # uint64 arithmetic wraps around, which numpy scalars warn about
            n = number(read_only(keys), known, 0, slots, codes, first)
            refilled = np.full(16, -1, np.int32)
            fill(read_only(known[:n]), refilled)
        assert (n, codes.tolist(), first[:n].tolist(), known[:n].tolist()) == (
            3,
            [0, 1, 0, 2, 1],
            [0, 1, 3],
            [5, 7, -1],
        )
        results.append((slots.tolist(), refilled.tolist()))
    assert results[0] == results[1]
