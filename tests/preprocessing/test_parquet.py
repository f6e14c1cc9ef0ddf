"""Interactions from Parquet files give the same results as their frames, to the bit."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from estimators import ONE_PER_TRAINER, PAIRWISE, RECOMMENDERS, small
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parquet_writing import CHARACTERS, write
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline

from sklearn_recsketch import (
    InteractionThresholder,
    PopularityRecommender,
    WRMFRecommender,
)
from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch.metrics import make_ranking_scorer, precision_at_k, ranking_report
from sklearn_recsketch.model_selection import BayesSearchCV, EpochSearchCV, UserHoldoutSplit
from sklearn_recsketch.preprocessing import (
    ParquetInteractions,
    _parquet,
    describe_interactions,
    threshold_interactions,
    to_matrix,
)

pa = pytest.importorskip("pyarrow", reason="reads Parquet, the extra [parquet]")
pq = pytest.importorskip("pyarrow.parquet")

MODELS = [*small(RECOMMENDERS), *small([WRMFRecommender], solver="cholesky")]
EVERY = pytest.mark.parametrize("rec", MODELS, ids=str)

INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 4)
STRINGS = st.text(CHARACTERS, max_size=3).filter(str.strip) | st.sampled_from(["ann", "bob"])


def ids(n):
    return st.lists(INTEGERS, min_size=n, max_size=n) | st.lists(STRINGS, min_size=n, max_size=n)


@st.composite
def tables(draw):
    """Generate a frame of interactions with or without weights."""
    n = draw(st.integers(1, 25))
    X = pd.DataFrame({"user": draw(ids(n)), "item": draw(ids(n))})
    if draw(st.booleans()):
        weights = st.sampled_from([0.0, 1.0, 0.1, 2.5, 3.0]) if draw(st.booleans()) else st.just(1.0)
        X["weight"] = draw(st.lists(weights, min_size=n, max_size=n))
    return X


def same(one, other):
    """Assert that two checked tables are equal to the bit."""
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
    """Assert that two fitted recommenders are equal to the bit."""
    assert vars(one).keys() == vars(other).keys()
    for name in vars(one):
        a, b = getattr(one, name), getattr(other, name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
    assert one.interactions_.dtype == np.float32 and (one.interactions_ != other.interactions_).nnz == 0


# Files and frames with the same rows.


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(X=tables(), row_group_size=st.integers(1, 7), read_rows=st.integers(1, 7))
def test_a_file_is_read_like_its_frame(X, row_group_size, read_rows, tmp_path, monkeypatch):
    monkeypatch.setattr(_parquet, "READ_ROWS", read_rows)
    file = write(X, tmp_path / "likes.parquet", row_group_size=row_group_size)
    same(check_interactions(file), check_interactions(X))


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(X=tables(), batch_size=st.integers(1, 9), row_group_size=st.integers(1, 7))
def test_batches_contain_the_rows_in_order(X, batch_size, row_group_size, tmp_path):
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


def test_batches_have_standard_column_names(path):
    pd.DataFrame({"item_id": [1, 2], "user_id": [3, 4]}).to_parquet(path)
    (part,) = ParquetInteractions(path, user="item_id", item="user_id").batches()  # the arguments are trusted
    assert part.columns.tolist() == ["user", "item"]
    PopularityRecommender().partial_fit(part)


@EVERY
@pytest.mark.parametrize("kind", ["integers", "strings", "weights"])
def test_fit_on_a_file_equals_fit_on_its_frame(rec, kind, planted, path, monkeypatch):
    monkeypatch.setattr(_parquet, "READ_ROWS", 1000)
    X, y, features = planted
    X = X.astype(str) if kind == "strings" else X.assign(weight=y * 0.1) if kind == "weights" else X
    features = {} if kind == "strings" else {"item_features": features}
    file = write(X, path, row_group_size=700)
    same_model(clone(rec).fit(file, **features), clone(rec).fit(X, **features))


@EVERY
def test_partial_fit_on_a_file_equals_partial_fit_on_its_frame(rec, planted, path):
    X = planted[0]
    file = write(X.iloc[2000:], path)
    models = [clone(rec).partial_fit(X.iloc[:2000]).partial_fit(rest) for rest in (file, X.iloc[2000:])]
    same_model(*models)


def test_columns_of_different_types_give_the_same_ids(tmp_path):
    X = pd.DataFrame({"user": [3, 1, 3, 2], "item": ["b", "a", "a", "c"]})
    expected = check_interactions(X)
    users = [pa.int8(), pa.uint16(), pa.int64(), pa.uint64(), pa.float32(), pa.float64()]
    items = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
    for j, (user, item) in enumerate([(u, i) for u in users for i in items]):
        file = tmp_path / f"{j}.parquet"
        table = pa.table({"user": pa.array(X["user"], user), "item": pa.array(X["item"]).cast(item)})
        try:
            pq.write_table(table, file)
        except pa.ArrowNotImplementedError:
            assert item == pa.string_view()  # older versions of pyarrow do not write it
            continue
        same(check_interactions(ParquetInteractions(file)), expected)
        assert pd.concat(ParquetInteractions(file, batch_size=3).batches()).astype({"user": int})["item"].tolist() == [
            *"baac"
        ]


def test_nullable_columns_without_nulls_are_read(path):
    X = pd.DataFrame({"user": pd.array([1, 2], "Int64"), "item": pd.array(["a", "b"], "string")})
    same(check_interactions(write(X, path)), check_interactions(X))


def test_weights_exact_in_float32_are_stored_in_float32(path):
    file = write(pd.DataFrame({"user": [1, 2], "item": [1, 2], "weight": [3, 2**24]}), path)
    assert check_interactions(file).weight.dtype == np.float32
    file = write(pd.DataFrame({"user": [1, 2], "item": [1, 2], "weight": [3, 2**24 + 1]}), path)
    assert check_interactions(file).weight.tolist() == [3, 2**24 + 1]


# Folders and lists of files.


def test_a_folder_of_part_files_contains_all_their_rows(folder, planted):
    same(check_interactions(ParquetInteractions(folder)), check_interactions(planted[0]))


def test_files_of_a_list_are_read_in_its_order(folder, planted):
    X = planted[0]
    files = [folder / f"part-0000{j}.snappy.parquet" for j in (2, 0)]
    got = check_interactions(ParquetInteractions([str(file) for file in files]))
    same(got, check_interactions(pd.concat([X.iloc[900:], X.iloc[:900]])))


def test_folders_per_day_are_read_together(planted, tmp_path):
    X = planted[0]
    for day, rows in (("day=1", X.iloc[:900]), ("day=2", X.iloc[900:])):
        (tmp_path / day).mkdir()
        rows.to_parquet(tmp_path / day / "part-0.parquet", index=False)
    same(check_interactions(ParquetInteractions(tmp_path)), check_interactions(X))


# Files in place of tables.


@EVERY
def test_everything_that_accepts_a_table_accepts_a_file(rec, split, tmp_path):
    X, _, X_test, _ = split
    train, test = write(X, tmp_path / "train.parquet"), write(X_test, tmp_path / "test.parquet")
    rec = clone(rec).fit(train)
    np.testing.assert_array_equal(rec.predict(test), rec.predict(X_test))
    assert rec.score(test) == rec.score(X_test)
    assert make_ranking_scorer("ndcg@10")(rec, test) == make_ranking_scorer("ndcg@10")(rec, X_test)
    pd.testing.assert_frame_equal(ranking_report(rec, test), ranking_report(rec, X_test))
    users = rec.users_[:5]
    for use in ("history", "exclude"):
        recommended = [rec.recommend(users, k=3, **{use: table}) for table in (test, X_test)]
        pd.testing.assert_frame_equal(*recommended)
    table = rec.recommend(k=5)
    assert precision_at_k(test, table) == precision_at_k(X_test, table)


def test_matrices_and_descriptions_of_a_file(planted, path):
    X = planted[0]
    file = write(X, path)
    assert (to_matrix(file)[0] != to_matrix(X)[0]).nnz == 0
    pd.testing.assert_series_equal(describe_interactions(file), describe_interactions(X))


def test_a_pipeline_with_a_thresholder_accepts_a_file(planted, path):
    X = planted[0]
    pipeline = Pipeline(
        [("min", InteractionThresholder(5, 5)), ("rec", WRMFRecommender(4, max_iter=2, random_state=0))]
    )
    one, other = (clone(pipeline).fit(table)["rec"] for table in (write(X, path), X))
    np.testing.assert_array_equal(one.user_factors_, other.user_factors_)


@pytest.mark.parametrize("validation", ["share", "file"])
def test_early_stopping_on_a_file_equals_that_on_its_frame(validation, split, tmp_path):
    X, _, X_val, _ = split
    options = {} if validation == "share" else {"X_val": write(X_val, tmp_path / "val.parquet")}
    frames = {} if validation == "share" else {"X_val": X_val}
    rec = WRMFRecommender(4, max_iter=4, early_stopping=True, random_state=0)
    same_model(clone(rec).fit(write(X, tmp_path / "train.parquet"), **options), clone(rec).fit(X, **frames))


def test_callbacks_receive_rows_to_score(planted, path):
    scores = []
    for X in (write(planted[0], path), planted[0]):
        monitor = ScoringMonitor(scoring=make_ranking_scorer("precision@5"))
        WRMFRecommender(4, max_iter=2, random_state=0).set_callbacks(monitor).fit(X)
        scores.append([row["score"] for row in monitor.get_logs().data])
    assert len(scores[0]) == 2 and scores[0] == scores[1]


# The object itself.


def test_pickle_round_trip_of_a_description(path):
    file = ParquetInteractions(path, user="uid", item="mid", batch_size=10)
    again = pickle.loads(pickle.dumps(file))
    assert again == file
    assert repr(again) == f"ParquetInteractions({str(path)!r}, user='uid', item='mid', batch_size=10)"
    assert len(pickle.dumps(file)) < 1000


def test_attributes_are_read_only(path):
    with pytest.raises(AttributeError):
        ParquetInteractions(path).user = "uid"


def test_files_are_read_lazily(path):
    file = ParquetInteractions(path)
    with pytest.raises(FileNotFoundError, match=r"likes\.parquet"):
        PopularityRecommender().fit(file)


def test_there_is_no_length_and_no_shape(path):
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
def test_selecting_rows_raises_with_advice(slicer, planted, path):
    file = write(planted[0], path)
    with pytest.raises(TypeError, match=r"has no rows to choose from.*Pass them a frame such as pd\.concat"):
        SLICERS[slicer](file)


def test_selecting_rows_raises_in_bayesian_searches(planted, path):
    pytest.importorskip("skopt", reason="searches with scikit-optimize, the extra [tune]")
    search = BayesSearchCV(WRMFRecommender(2), {"n_components": (2, 4)}, n_iter=1)
    with pytest.raises(TypeError, match="has no rows to choose from"):
        search.fit(write(planted[0], path))


# Training in batches.


@pytest.mark.parametrize("recommender", PAIRWISE)
def test_partial_fit_on_all_batches_learns_like_an_epoch(recommender, split, path):
    X, _, X_test, _ = split
    write(X.sample(frac=1, random_state=0), path)
    rec = recommender(6, learning_rate=0.1, max_iter=1, random_state=0)
    whole = clone(rec).fit(X)
    for part in ParquetInteractions(path, batch_size=500).batches():
        rec.partial_fit(part)
    np.testing.assert_array_equal(rec.interactions_.toarray(), whole.interactions_.toarray())
    # The negative samples differ, early batches have fewer items to sample from, and WARP's blocks share samples.
    assert rec.loss_curve_.mean() == pytest.approx(whole.loss_curve_[0], rel=0.06)
    # Over eight seeds, WARP scored 0.08 to 0.13 in a fit and 0.07 to 0.10 in batches.
    assert rec.score(X_test) == pytest.approx(whole.score(X_test), abs=0.06)
    assert rec.score(X_test) > 0.06  # 0.05 by chance; the model is trained for one epoch only


@pytest.mark.filterwarnings("ignore:Most of the evaluated users were not in fit:UserWarning")
@pytest.mark.parametrize("rec", [cls(6, random_state=0) for cls in ONE_PER_TRAINER], ids=str)
def test_partial_fit_on_new_users_comes_close_to_a_full_fit(rec, split):
    X, _, X_test, _ = split
    new = X["user"].unique()[::10]
    day, evaluated = X["user"].isin(new).to_numpy(), X_test[X_test["user"].isin(new)]
    whole, rec = clone(rec).fit(X), clone(rec).fit(X[~day])
    before = rec.score(evaluated)
    assert rec.partial_fit(X[day]).score(evaluated) > before + 0.4 * (whole.score(evaluated) - before)
