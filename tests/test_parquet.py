"""Interactions from Parquet files: what a frame of them gives, to the bit, and errors that name the row in the file."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline

from sklearn_recsketch import (
    BPRRecommender,
    InteractionThresholder,
    PopularityRecommender,
    WARPRecommender,
    WRMFRecommender,
)
from sklearn_recsketch.metrics import make_ranking_scorer, precision_at_k, ranking_report
from sklearn_recsketch.model_selection import BayesSearchCV, EpochSearchCV, UserHoldoutSplit
from sklearn_recsketch.preprocessing import (
    ParquetInteractions,
    _parquet,
    describe_interactions,
    threshold_interactions,
    to_matrix,
)
from sklearn_recsketch.utils._validation import check_interactions

pa = pytest.importorskip("pyarrow", reason="reads Parquet, the extra [parquet]")
pq = pytest.importorskip("pyarrow.parquet")

RECOMMENDERS = [
    WRMFRecommender(4, max_iter=2, random_state=0),
    WRMFRecommender(4, max_iter=2, solver="cholesky", random_state=0),
    WARPRecommender(4, max_iter=2, random_state=0),
    BPRRecommender(4, max_iter=2, random_state=0),
    PopularityRecommender(),
]
EVERY = pytest.mark.parametrize("rec", RECOMMENDERS, ids=str)

INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 4)
STRINGS = st.text(st.characters(codec="utf-8"), max_size=3) | st.sampled_from(["ann", "bob"])


def ids(n):
    return st.lists(INTEGERS, min_size=n, max_size=n) | st.lists(STRINGS, min_size=n, max_size=n)


@st.composite
def tables(draw):
    """A frame of interactions, with or without weights."""
    n = draw(st.integers(1, 25))
    X = pd.DataFrame({"user": draw(ids(n)), "item": draw(ids(n))})
    if draw(st.booleans()):
        weights = st.sampled_from([0.0, 1.0, 0.1, 2.5, 3.0]) if draw(st.booleans()) else st.just(1.0)
        X["weight"] = draw(st.lists(weights, min_size=n, max_size=n))
    return X


@pytest.fixture
def path(tmp_path):
    return tmp_path / "likes.parquet"


def write(X, path, **options):
    """Write a frame and describe the file."""
    X.to_parquet(path, index=False, **options)
    return ParquetInteractions(path, weight="weight" if "weight" in X else None)


def same(one, other):
    """Whether two checked tables are equal to the bit."""
    for side in ("users", "items"):
        a, b = getattr(one, side), getattr(other, side)
        assert a.ids.dtype == b.ids.dtype and a.ids.tolist() == b.ids.tolist()
        assert [type(value) for value in a.ids[:1]] == [type(value) for value in b.ids[:1]]
        assert a.codes.dtype == b.codes.dtype == np.int32
        np.testing.assert_array_equal(a.codes, b.codes)
    np.testing.assert_array_equal(one.y, other.y)
    np.testing.assert_array_equal(one.strength, other.strength)
    assert (one.n_columns, one.names, one.library) == (other.n_columns, other.names, other.library)


def same_model(one, other):
    """Whether two fitted recommenders are equal to the bit."""
    assert vars(one).keys() == vars(other).keys()
    for name in vars(one):
        a, b = getattr(one, name), getattr(other, name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
    assert one.interactions_.dtype == np.float32 and (one.interactions_ != other.interactions_).nnz == 0


# The same rows.


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(X=tables(), row_group_size=st.integers(1, 7), read_rows=st.integers(1, 7))
def test_a_file_is_read_as_its_frame_is(X, row_group_size, read_rows, tmp_path, monkeypatch):
    monkeypatch.setattr(_parquet, "READ_ROWS", read_rows)
    file = write(X, tmp_path / "likes.parquet", row_group_size=row_group_size)
    same(check_interactions(file), check_interactions(X))


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(X=tables(), batch_size=st.integers(1, 9), row_group_size=st.integers(1, 7))
def test_batches_are_the_rows_in_order(X, batch_size, row_group_size, tmp_path):
    write(X, tmp_path / "likes.parquet", row_group_size=row_group_size)
    file = ParquetInteractions(
        tmp_path / "likes.parquet", weight="weight" if "weight" in X else None, batch_size=batch_size
    )
    parts = list(file.batches())
    assert max(map(len, parts)) <= batch_size
    assert all(isinstance(part, pd.DataFrame) and part.columns.tolist() == X.columns.tolist() for part in parts)
    together = pd.concat(parts, ignore_index=True)
    for name in X:
        assert together[name].tolist() == X[name].tolist()


@EVERY
@pytest.mark.parametrize("kind", ["integers", "strings", "weights"])
def test_a_fit_on_a_file_is_that_on_its_frame(rec, kind, planted, path, monkeypatch):
    monkeypatch.setattr(_parquet, "READ_ROWS", 1000)
    X, y, features = planted
    X = X.astype(str) if kind == "strings" else X.assign(weight=y * 0.1) if kind == "weights" else X
    features = {} if kind == "strings" else {"item_features": features}
    file = write(X, path, row_group_size=700)
    same_model(clone(rec).fit(file, **features), clone(rec).fit(X, **features))


@EVERY
def test_a_partial_fit_on_a_file_is_that_on_its_frame(rec, planted, path):
    X = planted[0]
    file = write(X.iloc[2000:], path)
    models = [clone(rec).partial_fit(X.iloc[:2000]).partial_fit(rest) for rest in (file, X.iloc[2000:])]
    same_model(*models)


def test_columns_may_be_many_types_that_mean_the_same(tmp_path):
    X = pd.DataFrame({"user": [3, 1, 3, 2], "item": ["b", "a", "a", "c"]})
    expected = check_interactions(X)
    users = [pa.int8(), pa.uint16(), pa.int64(), pa.uint64(), pa.float32(), pa.float64()]
    items = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
    for j, (user, item) in enumerate([(u, i) for u in users for i in items]):
        file = tmp_path / f"{j}.parquet"
        pq.write_table(pa.table({"user": pa.array(X["user"], user), "item": pa.array(X["item"]).cast(item)}), file)
        same(check_interactions(ParquetInteractions(file)), expected)
        assert pd.concat(ParquetInteractions(file, batch_size=3).batches()).astype({"user": int})["item"].tolist() == [
            *"baac"
        ]


def test_nullable_columns_without_nulls_are_read(path):
    X = pd.DataFrame({"user": pd.array([1, 2], "Int64"), "item": pd.array(["a", "b"], "string")})
    same(check_interactions(write(X, path)), check_interactions(X))


def test_weights_that_float32_holds_exactly_take_no_more_than_that(path):
    file = write(pd.DataFrame({"user": [1, 2], "item": [1, 2], "weight": [3, 2**24]}), path)
    assert check_interactions(file).weight.dtype == np.float32
    file = write(pd.DataFrame({"user": [1, 2], "item": [1, 2], "weight": [3, 2**24 + 1]}), path)
    assert check_interactions(file).weight.tolist() == [3, 2**24 + 1]


# Folders and lists.


@pytest.fixture
def folder(planted, tmp_path):
    """Three part files as Spark leaves them, one of them empty, and what lies beside them."""
    X = planted[0]
    parts = tmp_path / "likes"
    parts.mkdir()
    for name, rows in (("part-00000", X.iloc[:900]), ("part-00001", X.iloc[:0]), ("part-00002", X.iloc[900:])):
        rows.to_parquet(parts / f"{name}.snappy.parquet", index=False)
    (parts / "_SUCCESS").write_text("")
    (parts / ".part-00000.snappy.parquet.crc").write_bytes(b"crc")
    return parts


def test_a_folder_of_part_files_is_all_their_rows(folder, planted):
    same(check_interactions(ParquetInteractions(folder)), check_interactions(planted[0]))


def test_files_of_a_list_are_read_in_its_order(folder, planted):
    X = planted[0]
    files = [folder / f"part-0000{j}.snappy.parquet" for j in (2, 0)]
    got = check_interactions(ParquetInteractions([str(file) for file in files]))
    same(got, check_interactions(pd.concat([X.iloc[900:], X.iloc[:900]])))


def test_one_folder_per_day_is_read_as_a_whole(planted, tmp_path):
    X = planted[0]
    for day, rows in (("day=1", X.iloc[:900]), ("day=2", X.iloc[900:])):
        (tmp_path / day).mkdir()
        rows.to_parquet(tmp_path / day / "part-0.parquet", index=False)
    same(check_interactions(ParquetInteractions(tmp_path)), check_interactions(X))


# Wherever a table is accepted.


@EVERY
def test_everything_that_takes_a_table_takes_a_file(rec, split, tmp_path):
    X, _, X_test, _ = split
    train, test = write(X, tmp_path / "train.parquet"), write(X_test, tmp_path / "test.parquet")
    rec = clone(rec).fit(train)
    np.testing.assert_array_equal(rec.predict(test), rec.predict(X_test))
    assert rec.score(test) == rec.score(X_test)
    assert make_ranking_scorer("ndcg@10")(rec, test) == make_ranking_scorer("ndcg@10")(rec, X_test)
    pd.testing.assert_frame_equal(ranking_report(rec, test), ranking_report(rec, X_test))
    users = rec.users_[:5]
    for use in ("history", "exclude"):
        answers = [rec.recommend(users, k=3, **{use: table}) for table in (test, X_test)]
        pd.testing.assert_frame_equal(*answers)
    table = rec.recommend(k=5)
    assert precision_at_k(test, table) == precision_at_k(X_test, table)


def test_matrices_and_descriptions_of_a_file(planted, path):
    X = planted[0]
    file = write(X, path)
    assert (to_matrix(file)[0] != to_matrix(X)[0]).nnz == 0
    pd.testing.assert_series_equal(describe_interactions(file), describe_interactions(X))


def test_a_pipeline_thresholds_a_file(planted, path):
    X = planted[0]
    pipeline = Pipeline(
        [("min", InteractionThresholder(5, 5)), ("rec", WRMFRecommender(4, max_iter=2, random_state=0))]
    )
    one, other = (clone(pipeline).fit(table)["rec"] for table in (write(X, path), X))
    np.testing.assert_array_equal(one.user_factors_, other.user_factors_)


@pytest.mark.parametrize("validation", ["share", "file"])
def test_early_stopping_on_a_file_is_that_on_its_frame(validation, split, tmp_path):
    X, _, X_val, _ = split
    given = {} if validation == "share" else {"X_val": write(X_val, tmp_path / "val.parquet")}
    frames = {} if validation == "share" else {"X_val": X_val}
    rec = WRMFRecommender(4, max_iter=4, early_stopping=True, random_state=0)
    same_model(clone(rec).fit(write(X, tmp_path / "train.parquet"), **given), clone(rec).fit(X, **frames))


def test_callbacks_see_rows_that_they_can_score(planted, path):
    scores = []
    for X in (write(planted[0], path), planted[0]):
        monitor = ScoringMonitor(scoring=make_ranking_scorer("precision@5"))
        WRMFRecommender(4, max_iter=2, random_state=0).set_callbacks(monitor).fit(X)
        scores.append([row["score"] for row in monitor.get_logs().data])
    assert len(scores[0]) == 2 and scores[0] == scores[1]


# What it is.


def test_it_is_small_and_pickles(path):
    file = ParquetInteractions(path, user="uid", item="mid", batch_size=10)
    again = pickle.loads(pickle.dumps(file))
    assert again == file
    assert repr(again) == f"ParquetInteractions({str(path)!r}, user='uid', item='mid', batch_size=10)"
    assert len(pickle.dumps(file)) < 1000


def test_it_cannot_be_changed(path):
    with pytest.raises(AttributeError):
        ParquetInteractions(path).user = "uid"


def test_nothing_is_read_before_it_is_needed(path):
    file = ParquetInteractions(path)
    with pytest.raises(FileNotFoundError, match=r"likes\.parquet"):
        PopularityRecommender().fit(file)


def test_it_has_neither_length_nor_shape(path):
    file = ParquetInteractions(path)
    for name in ("__len__", "shape", "__getitem__", "iloc", "__iter__"):
        assert not hasattr(file, name)


SLICERS = {
    "GridSearchCV": lambda file: GridSearchCV(PopularityRecommender(), {}).fit(file),
    "cross_val_score": lambda file: cross_val_score(PopularityRecommender(), file),
    "train_test_split": train_test_split,
    "EpochSearchCV": lambda file: EpochSearchCV(WRMFRecommender(2), {}, epochs=[1]).fit(file),
    "UserHoldoutSplit": lambda file: next(UserHoldoutSplit().split(file)),
    "threshold_interactions": threshold_interactions,
}


@pytest.mark.parametrize("slicer", SLICERS)
def test_what_would_cut_it_into_rows_is_told_what_to_pass_instead(slicer, planted, path):
    file = write(planted[0], path)
    with pytest.raises(TypeError, match=r"has no rows to choose from.*Pass them a frame such as pd\.concat"):
        SLICERS[slicer](file)


def test_bayesian_searches_are_told_so_too(planted, path):
    pytest.importorskip("skopt", reason="searches with scikit-optimize, the extra [tune]")
    search = BayesSearchCV(WRMFRecommender(2), {"n_components": (2, 4)}, n_iter=1)
    with pytest.raises(TypeError, match="has no rows to choose from"):
        search.fit(write(planted[0], path))


# Errors.


def test_missing_pyarrow_is_said_with_the_extra(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'pip install "sklearn-recsketch\[parquet\]"'):
        PopularityRecommender().fit(ParquetInteractions(path))


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"path": 3}, TypeError, "path must be a file, a folder or a list of files, got 3"),
        ({"path": []}, TypeError, r"path must be a file, a folder or a list of files, got \[\]"),
        ({"path": "a", "user": None}, TypeError, "user must be the name of a column, got None"),
        ({"path": "a", "weight": 2}, TypeError, "weight must be the name of a column, got 2"),
        ({"path": "a", "item": "user"}, ValueError, r"must be different columns, got \['user', 'user'\]"),
        ({"path": "a", "batch_size": 0}, ValueError, "batch_size must be an int of at least 1, got 0"),
    ],
    ids=str,
)
def test_a_description_that_makes_no_sense_is_refused_at_once(arguments, error, text):
    with pytest.raises(error, match=text):
        ParquetInteractions(**arguments)


GOOD = {"user": ["ann"] * 5, "item": [1] * 5, "weight": [1.0] * 5}
# A column whose row 3 is wrong, the type it is written with, and the error.
BAD_ROWS = [
    ("user", ["ann", "bob", "eve", None, "joe"], None, r"The user id in row 3 of .*likes\.parquet is missing"),
    ("item", [1, 2, 3, None, 5], pa.int32(), r"The item id in row 3 of .*likes\.parquet is missing"),
    ("item", [1.0, 2.0, 3.0, 2.5, 5.0], None, r"2\.5 in row 3 of .*likes\.parquet is not an integer below 2\*\*53"),
    ("item", [1.0, 2.0, 3.0, 2.0**53, 5.0], None, r"in row 3 of .*likes\.parquet is not an integer below 2\*\*53"),
    ("item", [1, 2, 3, 2**63, 5], pa.uint64(), r"The item id in row 3 of .* does not fit 64 bits: 9223372036854775808"),
    ("weight", [1, 2, 3, -1, 5], None, r"'weight' must be finite and not negative, but row 3 of .* is negative: -1\.0"),
    ("weight", [1, 2, 3, np.nan, 5], None, r"but row 3 of .* is NaN"),
    ("weight", [1, 2, 3, np.inf, 5], None, r"but row 3 of .* is infinite"),
    ("weight", [1, 2, 3, 1e-300, 5], None, r"but row 3 of .* is 1e-300\. Scale the strengths"),
    ("weight", [1, 2, 3, None, 5], pa.int64(), r"'weight' must be numbers, but row 3 of .* has none"),
]


@pytest.mark.parametrize("use", ["fit", "batches"])
@pytest.mark.parametrize(("column", "values", "type_", "text"), BAD_ROWS, ids=[text for *_, text in BAD_ROWS])
def test_a_bad_row_is_named_by_its_place_in_the_file(use, column, values, type_, text, path, monkeypatch):
    monkeypatch.setattr(_parquet, "READ_ROWS", 2)
    columns = GOOD | {column: values}
    arrays = {n: pa.array(v, type_ if n == column else None, from_pandas=False) for n, v in columns.items()}
    pq.write_table(pa.table(arrays), path)
    file = ParquetInteractions(path, weight="weight", batch_size=2)
    with pytest.raises(ValueError, match=text):
        PopularityRecommender().fit(file) if use == "fit" else list(file.batches())


def test_a_bad_row_of_a_part_is_named_by_its_place_in_that_part(folder):
    pd.DataFrame({"user": [1, None], "item": [1, 2]}).astype("Int64").to_parquet(folder / "part-3.parquet")
    with pytest.raises(ValueError, match=r"The user id in row 1 of .*part-3\.parquet is missing"):
        PopularityRecommender().fit(ParquetInteractions(folder))


# A table whose types are wrong as a whole.
BAD_COLUMNS = [
    ({"uid": [1], "mid": [2]}, r"has no column 'user'; its columns are \['uid', 'mid'\]\. Name the columns"),
    (
        {"user": [True], "item": [2]},
        r"The user ids in column 'user' .* are of type bool, but ids must be ints or strings",
    ),
    ({"user": [b"a"], "item": [2]}, r"are of type binary, but ids must be ints or strings"),
    ({"user": pd.to_datetime(["2024-01-01"]), "item": [2]}, r"are of type timestamp.*astype\(\{'user': str\}\)"),
    ({"user": [None], "item": [2]}, r"are of type null"),
    ({"user": [1], "item": [2], "weight": ["3"]}, r"'weight' of .* must be numbers, but is of type (large_)?string"),
]


@pytest.mark.parametrize(("columns", "text"), BAD_COLUMNS, ids=[text for _, text in BAD_COLUMNS])
def test_a_column_that_cannot_be_meant_is_refused(columns, text, path):
    with pytest.raises(ValueError, match=text):
        PopularityRecommender().fit(write(pd.DataFrame(columns), path))


def test_parts_with_ids_of_two_kinds_are_refused(folder):
    pd.DataFrame({"user": ["1"], "item": [2]}).to_parquet(folder / "part-3.parquet")
    with pytest.raises(ValueError, match=r"user ids are integers in .*part-00000.* but strings in .*part-3\.parquet"):
        PopularityRecommender().fit(ParquetInteractions(folder))


def test_a_file_without_rows_is_refused(path):
    file = write(pd.DataFrame({"user": [1], "item": [2]}).iloc[:0], path)
    for use in (PopularityRecommender().fit, lambda file: next(file.batches())):
        with pytest.raises(ValueError, match=r"likes\.parquet is empty: 1 file\(s\) with 0 rows"):
            use(file)


def test_strengths_beside_a_file_are_refused(planted, path):
    file = write(planted[0], path)
    with pytest.raises(ValueError, match=r"y was given with ParquetInteractions\(.*weight='count'"):
        WRMFRecommender(2).fit(file, planted[1])


def test_ids_of_another_kind_than_those_of_the_model_are_refused(planted, path):
    rec = PopularityRecommender().fit(planted[0])
    with pytest.raises(ValueError, match="Convert them to one type"):
        rec.partial_fit(write(planted[0].astype(str), path))
