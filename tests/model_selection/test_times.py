"""Times of rows: types that give the same splits, and errors that name the row."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sklearn_recsketch.model_selection import TemporalUserSplit

HOUR = 3_600 * 10**9
# Unsorted times around the end of daylight saving time in Berlin, when local times repeat one hour.
NANOSECONDS = pd.Timestamp("2024-10-26 22:00").value + HOUR * np.array([5, 0, 2, 1, 3, 4, 7, 6])
NAIVE = pd.Series(pd.to_datetime(NANOSECONDS))
BERLIN = NAIVE.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
TIMES = {
    "numpy datetimes": NAIVE.to_numpy(),
    "numpy hours": NAIVE.to_numpy().astype("datetime64[h]"),
    "pandas": NAIVE,
    "pandas with its own index": NAIVE.set_axis(range(8, 0, -1)),
    "pandas index": pd.DatetimeIndex(NAIVE),
    "pandas time zone": BERLIN,
    "pandas integers": pd.Series(NANOSECONDS, dtype="Int64"),
    "pandas of arrow": NAIVE.astype("timestamp[ns][pyarrow]"),
    "polars": pl.Series(NAIVE.tolist()),
    "polars time zone": pl.Series(NAIVE.tolist()).dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin"),
    "arrow": pa.chunked_array([pa.array(NAIVE)]),
    "arrow time zone": pa.array(BERLIN),
    "list": [time.to_pydatetime() for time in NAIVE],
    "list with time zones": [BERLIN[0], *NAIVE.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")[1:]],
    "list of integers": NANOSECONDS.tolist(),
    "unsigned": NANOSECONDS.astype(np.uint64),
    "floats": NANOSECONDS / HOUR,
    "objects": NANOSECONDS.astype(object),
    "dates": [datetime.date(2024, 1, 1 + rank) for rank in np.argsort(np.argsort(NANOSECONDS))],
}
LOG = [["ann", 1], ["bob", 1], ["ann", 2], ["ann", 3], ["bob", 3], ["bob", 4], ["ann", 4], ["bob", 5]]


@pytest.mark.parametrize("t", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("cv", [TemporalUserSplit(2), TemporalUserSplit(n_items=1)], ids=["all", "user"])
def test_splits_do_not_depend_on_the_type_of_the_times(cv, t):
    for rows, expected in zip(cv.split(LOG, groups=t), cv.split(LOG, groups=NANOSECONDS), strict=True):
        np.testing.assert_array_equal(rows[0], expected[0])
        np.testing.assert_array_equal(rows[1], expected[1])


def test_adjacent_nanoseconds_are_distinguished():
    """As floats, the two times would be equal."""
    t = np.array([2**60, 2**60 + 1])
    ((train, test),) = TemporalUserSplit().split([[1, 1], [1, 2]], groups=t)
    assert (train.tolist(), test.tolist()) == ([0], [1])


PAIRS = [["ann", 1], ["ann", 2], ["bob", 1]]
BAD_TIMES = {
    "none": (None, r"needs the time of each row, passed as groups, got None\. .*params=\{'groups': t\}"),
    "nan": ([1.0, np.nan, 2.0], r"\(dtype float64\) must be present in every row, but row 1 is nan .*Drop the rows"),
    "none in a list": ([1, 2, None], "must be present in every row, but row 2 is nan"),
    "nat": (np.array(["2024", "NaT", "2025"], "datetime64[D]"), "must be present in every row, but row 1 is NaT"),
    "pandas na": (pd.Series([1, None, 2], dtype="Int64"), "must be present in every row, but row 1 is <NA>"),
    "polars null": (pl.Series([None, 1, 2]), "must be present in every row, but row 0 is nan"),
    "infinite": ([1.0, 2.0, np.inf], "must be finite, but row 2 is inf"),
    "short": (
        [1, 2],
        r"has 2 times for 3 rows of X \(inconsistent numbers of samples\): row 2 is the first without a counterpart",
    ),
    "long": (
        [1, 2, 3, 4],
        r"has 4 times for 3 rows of X \(inconsistent numbers of samples\): row 3 is the first without a counterpart",
    ),
    "text": (["2024", "2025", "2026"], r"all numbers or all datetimes, but row 0 is '2024' of type str\. Convert"),
    "one text": ([1, "2", 3], "all numbers or all datetimes, but row 1 is '2' of type str"),
    "mixed": ([datetime.date(2024, 1, 1), 1, 2], "all numbers or all datetimes, but row 1 is 1 of type int"),
    "bools": ([True, False, True], "all numbers or all datetimes, but row 0 is True of type bool"),
    "complex": (np.array([1j, 2, 3]), "all numbers or all datetimes, but row 0 is 1j of type complex"),
    "durations": (pd.to_timedelta([1, 2, 3]), "all numbers or all datetimes, but row 0 is Timedelta"),
    "categories": (pd.Series([1, 2, 3], dtype="category"), r"\(dtype category\) must be all numbers or all datetimes"),
    "column": (np.ones((3, 1)), r"must be one-dimensional .* got an array of shape \(3, 1\)\. Pass one column"),
    "scalar": (7, r"must be one-dimensional .* got an array of shape \(\)"),
}


@pytest.mark.parametrize(("t", "text"), BAD_TIMES.values(), ids=BAD_TIMES)
def test_bad_times_are_refused(t, text):
    with pytest.raises(ValueError, match=text):
        next(TemporalUserSplit().split(PAIRS, groups=t))
