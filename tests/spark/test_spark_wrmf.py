"""Test SparkWRMFRecommender against dense linear algebra and against WRMFRecommender."""

from __future__ import annotations

import inspect
import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from spark_data import QUIET, SMALL, collect_factors, make_plays, solve_factors, to_spark

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.inspection import explain
from sklearn_recsketch.spark import SparkWRMFRecommender

pytestmark = QUIET


@pytest.fixture(scope="module")
def plays():
    return make_plays()


@pytest.fixture(scope="module")
def frame(spark, plays):
    return to_spark(spark, plays)


@pytest.fixture(scope="module")
def fitted(frame):
    return SparkWRMFRecommender(4, max_iter=3, **SMALL).fit(frame)


@pytest.fixture(scope="module")
def local(fitted):
    return fitted.to_local()


def lists(table):
    """Convert recommendations to a sorted pandas frame."""
    table = table if isinstance(table, pd.DataFrame) else pd.DataFrame(table.collect(), columns=table.columns)
    return table.sort_values(["user", "rank"], kind="stable", ignore_index=True)


def assert_same_lists(table, expected):
    table, expected = lists(table), lists(expected)
    assert table[["user", "rank", "item"]].to_numpy().tolist() == expected[["user", "rank", "item"]].to_numpy().tolist()
    np.testing.assert_allclose(table["score"], expected["score"], rtol=1e-5)  # the order of float32 sums differs


# Training.


def test_factors_of_both_sides_solve_the_normal_equations(frame):
    once, twice = (SparkWRMFRecommender(3, max_iter=n, alpha=7, regularization=10, **SMALL).fit(frame) for n in (1, 2))
    strengths = twice.to_local().interactions_.toarray()
    before, users = (collect_factors(rec.user_factors_)[1] for rec in (once, twice))
    items = collect_factors(twice.item_factors_)[1]
    # Each iteration solves for items with the users of the previous iteration fixed, then for users with these items
    # fixed. Factors are rounded to float32, which affects both sides of an equation.
    np.testing.assert_allclose(items, solve_factors(strengths.T, before, twice.reg_param_, 7), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(users, solve_factors(strengths, items, twice.reg_param_, 7), rtol=1e-4, atol=1e-5)


def test_factors_with_log_confidence_solve_the_normal_equations(frame):
    rec = SparkWRMFRecommender(3, max_iter=1, alpha=7, confidence="log", regularization=10, **SMALL).fit(frame)
    strengths = rec.to_local().interactions_.toarray()
    users, items = (collect_factors(factors)[1] for factors in (rec.user_factors_, rec.item_factors_))
    np.testing.assert_allclose(users, solve_factors(strengths, items, rec.reg_param_, 7, "log"), rtol=1e-4, atol=1e-5)


def test_with_equal_counts_the_loss_equals_that_of_the_local_recommender(spark):
    n_users, n_items, lam = 16, 8, 4.0
    # Every user has 4 items, and every item 8 users. With as many components as items, the minimal loss is unique.
    pairs = [(u, (u + j) % n_items, 1.0 + (u * j) % 3) for u in range(n_users) for j in (0, 1, 3, 4)]
    table = pd.DataFrame(pairs, columns=["user", "item", "count"])
    assert set(table["item"].value_counts()) == {8}
    rec = SparkWRMFRecommender(n_items, alpha=2, regularization=lam, max_iter=25, **SMALL)
    rec.fit(to_spark(spark, table, "user int, item int, count double"))
    expected = WRMFRecommender(n_items, alpha=2, regularization=lam, max_iter=500, solver="cholesky", random_state=0)
    expected.fit(table[["user", "item"]], table["count"])
    x, y = collect_factors(rec.user_factors_)[1], collect_factors(rec.item_factors_)[1]
    strengths = expected.interactions_.toarray()
    loss = ((1 + 2 * strengths) * ((strengths > 0) - x @ y.T) ** 2).sum()
    loss += rec.reg_param_ * (4 * (x**2).sum() + 8 * (y**2).sum())
    assert loss == pytest.approx(expected.loss_curve_[-1], rel=1e-4)  # error after 25 iterations


def test_different_seeds_give_different_factors(frame, fitted):
    other = clone(fitted).set_params(random_state=1).fit(frame)
    assert not np.allclose(collect_factors(other.item_factors_)[1], collect_factors(fitted.item_factors_)[1], rtol=1e-2)


# Input.


def test_repeated_pairs_are_summed_and_zeros_are_ignored(spark):
    table = pd.DataFrame(
        [("b", 10, 1.0), ("a", 9, 2.0), ("b", 10, 0.5), ("a", 10, 0.0), ("c", 9, 0.0), ("b", 11, 0.0)],
        columns=["user", "item", "count"],
    )
    rec = SparkWRMFRecommender(2, max_iter=1, **SMALL).fit(to_spark(spark, table, "user string, item int, count float"))
    assert (rec.n_users_, rec.n_items_, rec.n_interactions_) == (2, 2, 2)
    model = rec.to_local()
    assert model.users_.tolist() == ["a", "b"]
    assert model.items_.tolist() == [9, 10]  # sorted as numbers; as strings, 10 would come first
    assert model.interactions_.toarray().tolist() == [[2, 0], [0, 1.5]]


def test_parquet_files_are_read_by_path_and_the_same_seed_gives_the_same_factors(plays, fitted, tmp_path):
    plays.to_parquet(tmp_path / "plays.parquet")
    rec = clone(fitted).fit(tmp_path / "plays.parquet")
    ids, factors = collect_factors(rec.user_factors_)
    expected_ids, expected = collect_factors(fitted.user_factors_)
    assert ids == expected_ids
    np.testing.assert_allclose(factors, expected, rtol=1e-4, atol=1e-5)  # the order of summation differs


def test_without_a_third_column_each_row_has_strength_one(frame):
    rec = SparkWRMFRecommender(2, max_iter=1, **SMALL).fit(frame.select("user", "item"))
    assert set(rec.to_local().interactions_.data) == {1.0}


BAD = [
    ([(None, "i", 1.0)], "uid bigint, mid string, n double", "The user id in column 'uid' of X .* is missing"),
    ([(1, "i", 1.0), (1, None, 2.0)], "uid bigint, mid string, n double", "'mid' .* in the row of user 1, item None"),
    ([(1, "i", None)], "uid bigint, mid string, n double", "weight in column 'n' of X is missing"),
    ([(1, "i", -2.0)], "uid bigint, mid string, n double", "'n' of X must be 0.* got -2.0 in the row of user 1"),
    ([(1, "i", float("nan"))], "uid bigint, mid string, n double", "got nan in the row of user 1, item 'i'"),
    ([(1, "i", float("inf"))], "uid bigint, mid string, n double", "got inf in the row of"),
    ([(1, "i", 0.0)], "uid bigint, mid string, n double", "X has no row with a positive weight"),
    ([(1.5, "i")], "uid double, mid string", "'uid' of X are of type double, but ids must be ints or strings"),
    ([(1, "i", "many")], "uid int, mid string, n string", "'n' of X must be numbers, but are of type string"),
    ([(1,)], "uid int", "X has 1 columns, .* Select"),
    ([("i", 1)], "item string, user int", r"users come first. Write X.select\('user', 'item'\)"),
    ([("7", 1)], "StockCode string, CustomerID int", r"users come first. Write X.select\('CustomerID', 'StockCode'\)"),
    ([(1, 2, 3, 4)], "InvoiceNo int, StockCode int, n int, CustomerID int", r"X.select\('CustomerID', 'StockCode'\)"),
    ([(1, 2, 9.6e8)], "user int, item int, timestamp double", r"'timestamp', a time, .* X.select\('user', 'item'\)"),
    ([(8, 1, 2)], "timestamp int, user_id int, item_id int", r"'item_id', an id, .* X.select\('user_id', 'item_id'\)"),
    ([("a", 1), (" ", 2)], "user string, item int", "The user id in column 'user' of X .* is blank: ' '"),
    ([(1.0, 2)], "user float, item int", r"are of type float, .* beyond 2\*\*24 do not represent every integer"),
    ([(1, ["a"])], "user int, item array<string>", r"are of type array<string>, .* with F\.explode"),
    ([(1, bytearray(b"a"))], "user int, item binary", r"are of type binary, .* F\.decode"),
]


@pytest.mark.parametrize("rows, schema, message", BAD, ids=[message[:40] for _, _, message in BAD])
def test_the_error_names_the_invalid_column_and_row(spark, rows, schema, message):
    with pytest.raises((TypeError, ValueError), match=message):
        SparkWRMFRecommender(2, max_iter=1, **SMALL).fit(spark.createDataFrame(rows, schema))


def test_the_error_about_a_pandas_frame_says_how_to_convert_it(spark, plays):
    with pytest.raises(TypeError, match=r"got DataFrame. Convert a frame with spark.createDataFrame\(X\)"):
        SparkWRMFRecommender().fit(plays)


def test_strengths_as_y_are_rejected(frame, plays):
    with pytest.raises(ValueError, match=r"y must be None\. Pass strengths in X"):
        SparkWRMFRecommender().fit(frame, plays["count"])


# Recommendations.


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_recommendations_equal_those_of_the_local_recommender(fitted, local, exclude_seen):
    table = fitted.recommend(k=5, exclude_seen=exclude_seen)
    assert table.columns == ["user", "rank", "item", "score"]
    assert_same_lists(table, local.recommend(k=5, exclude_seen=exclude_seen))


def test_users_with_few_unseen_items_have_short_lists(fitted, plays):
    counts = lists(fitted.recommend(k=1000)).groupby("user").size()
    seen = plays.groupby("user")["item"].nunique()
    assert (counts == plays["item"].nunique() - seen).all()


def test_recommend_has_the_signature_of_other_recommenders():
    """Its parameters have the same order, kinds and defaults as in WRMFRecommender."""
    spark, local = (inspect.signature(cls.recommend).parameters for cls in (SparkWRMFRecommender, WRMFRecommender))
    shared = [(p.name, p.kind, p.default) for p in spark.values()]
    assert shared == [(p.name, p.kind, p.default) for p in local.values() if p.name in spark]


def test_users_may_be_a_single_id(spark, fitted, local):
    user = int(local.users_[7])
    assert_same_lists(fitted.recommend(user, 4), local.recommend(user, 4))
    table = pd.DataFrame({"user": ["ann", "ann", "bob"], "item": [1, 2, 1]})
    rec = SparkWRMFRecommender(2, max_iter=1, **SMALL).fit(to_spark(spark, table, "user string, item int"))
    assert lists(rec.recommend("bob"))[["user", "item"]].to_numpy().tolist() == [["bob", 2]]


def test_an_empty_list_of_users_gives_an_empty_table(fitted):
    table = fitted.recommend([])
    assert table.schema == fitted.recommend().schema
    assert not table.collect()


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
def test_users_may_be_unknown_or_repeated(fitted, local):
    users = [int(local.users_[7]), 3, int(local.users_[7])]
    assert_same_lists(fitted.recommend(users, 4), local.recommend(users, k=4))


def test_users_may_be_a_column_of_a_frame(spark, fitted, local):
    users = [int(user) for user in local.users_[3:9]]
    table = spark.createDataFrame([(user,) for user in users], "who bigint")
    assert_same_lists(fitted.recommend(table, 4), local.recommend(users, k=4))


def test_errors_about_users_name_the_wrong_type(spark, fitted, frame):
    with pytest.raises(
        ValueError, match="of the query are of type string, but the model was fitted on ids of type big"
    ):
        fitted.recommend(users=["ann"])
    with pytest.raises(ValueError, match="but must have one column, of ids"):
        fitted.recommend(users=frame)
    with pytest.raises(ValueError, match="users contains a missing id"):
        fitted.recommend(users=spark.createDataFrame([(None,)], "user bigint"))
    with pytest.raises(ValueError, match="k must be an int of at least 1, got 0"):
        fitted.recommend(k=0)
    with pytest.raises(TypeError, match="user ids must be ints or strings, got b'7' of type bytes"):
        fitted.recommend(b"7")


# Conversion to the local recommender.


def test_local_predictions_are_products_of_the_distributed_factors(fitted, local, plays):
    factors = [dict(zip(*collect_factors(table))) for table in (fitted.user_factors_, fitted.item_factors_)]
    expected = [factors[0][user] @ factors[1][item] for user, item in plays[["user", "item"]].to_numpy()]
    np.testing.assert_allclose(local.predict(plays[["user", "item"]]), expected, rtol=1e-5, atol=1e-6)  # float32


def test_to_local_keeps_the_interactions(local, plays):
    expected = WRMFRecommender(2, max_iter=1).fit(plays[["user", "item"]], plays["count"])
    np.testing.assert_array_equal(local.users_, expected.users_)
    np.testing.assert_array_equal(local.items_, expected.items_)
    np.testing.assert_array_equal(local.interactions_.toarray(), expected.interactions_.toarray())


def test_fold_in_of_the_local_recommender_uses_the_mean_penalty(fitted, local, plays):
    strength = fitted.strength_scale_  # transformed to 1
    history = pd.DataFrame({"user": [-1, -1], "item": local.items_[[2, 5]], "weight": strength})
    table = local.recommend(history=history, k=3, exclude_seen=False)
    d = np.zeros(len(local.items_))
    d[[2, 5]] = 1
    mean = fitted.n_interactions_ / fitted.n_users_
    # `solve_factors` multiplies the penalty by the number of items of the row, which is 2.
    x = solve_factors([d], local.item_factors_.astype(np.float64), fitted.reg_param_ * mean / 2, fitted.alpha_)[0]
    expected = np.sort(local.item_factors_ @ x)[::-1][:3]
    np.testing.assert_allclose(table["score"], expected, rtol=1e-4)  # factors are stored in float32


def test_the_local_recommender_has_all_methods_of_a_fitted_one(local, plays):
    model = pickle.loads(pickle.dumps(local))
    assert len(model.similar_items(model.items_[:2], k=3)) == 6
    assert len(explain(model, int(model.users_[0]), model.items_[0])) > 0
    model.partial_fit(plays[["user", "item"]].iloc[:20])
    assert model.n_iter_ == local.n_iter_ + 1


# The estimator.


def test_parameters_are_unchanged_and_can_be_cloned():
    rec = SparkWRMFRecommender(7, n_user_blocks=3, checkpoint_interval=-1)
    assert clone(rec).get_params() == rec.get_params()
    assert repr(rec) == "SparkWRMFRecommender(checkpoint_interval=-1, n_components=7, n_user_blocks=3)"


def test_shared_parameters_have_the_defaults_of_the_local_recommender():
    local = WRMFRecommender().get_params()
    spark = SparkWRMFRecommender().get_params()
    assert spark.pop("n_components") < local["n_components"]  # the time per row of Spark is O(n_components^3)
    assert {name: local[name] for name in spark if name in local} == {
        name: value for name, value in spark.items() if name in local
    }


def test_parameters_are_checked_in_fit(frame):
    with pytest.raises(ValueError, match="The 'checkpoint_interval' parameter of SparkWRMFRecommender must be"):
        SparkWRMFRecommender(checkpoint_interval=0).fit(frame)


def test_many_iterations_without_a_checkpoint_are_rejected(frame):
    for rec in (
        SparkWRMFRecommender(2, max_iter=11, checkpoint_interval=-1, **SMALL),
        SparkWRMFRecommender(2, max_iter=20, checkpoint_interval=11, **SMALL),
    ):
        with pytest.raises(ValueError, match="a checkpoint directory means 11 iterations without a checkpoint"):
            rec.fit(frame)


def test_a_failed_fit_changes_neither_the_estimator_nor_the_cluster(spark, fitted):
    before, persisted_before = dict(vars(fitted)), persisted(spark)
    with pytest.raises(ValueError, match="no interaction to learn from"):
        fitted.fit(spark.createDataFrame([(1, "i", 0.0)], "user int, item string, count double"))
    assert vars(fitted) == before
    assert persisted(spark) <= persisted_before  # Spark may have released tables in the meantime


def persisted(spark):
    """Numbers of the tables that Spark has persisted."""
    return set(spark.sparkContext._jsc.getPersistentRDDs())


def test_fit_and_unpersist_release_tables_and_recommend_recomputes_them(frame, fitted, local):
    def tables():
        return [*rec._data.ids.values(), rec._data.strengths]

    rec = clone(fitted).fit(frame)
    previous = tables()
    assert all(table.storageLevel.useMemory for table in previous)
    rec.fit(frame)
    rec.unpersist()
    assert not any(table.storageLevel.useMemory for table in [*previous, *tables()])
    assert_same_lists(rec.recommend(k=3), local.recommend(k=3))


def test_only_unfitted_recommenders_can_be_pickled(fitted):
    with pytest.raises(TypeError, match=r"cannot be pickled\. Save the recommender returned by to_local\(\)"):
        pickle.dumps(fitted)
    assert pickle.loads(pickle.dumps(clone(fitted))).get_params() == fitted.get_params()


def test_methods_raise_not_fitted_error():
    for method in ("recommend", "to_local", "unpersist"):
        with pytest.raises(NotFittedError):
            getattr(SparkWRMFRecommender(), method)()


def test_the_error_names_the_extra_if_pyspark_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)  # as if it were not installed
    with pytest.raises(ImportError, match=r'pip install "sklearn-recsketch\[spark\]"'):
        SparkWRMFRecommender().fit(Path("plays.parquet"))
