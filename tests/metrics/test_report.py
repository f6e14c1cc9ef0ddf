"""Ranking report: all metrics at all cutoffs from one ranking, with standard errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from reference_metrics import REFERENCE
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_recsketch import InteractionThresholder, PopularityRecommender, WRMFRecommender
from sklearn_recsketch._ranking import scores as _scores
from sklearn_recsketch.metrics import make_ranking_scorer, precision_at_k, ranking_report
from sklearn_recsketch.model_selection import ColdUserSplit, UserHoldoutSplit

OPTIONS = [
    {},
    {"exclude_seen": False},
    {"candidates": range(0, 120, 3)},
    {"n_users": 50, "random_state": 3},
]
each_options = pytest.mark.parametrize("options", OPTIONS, ids=str)


@pytest.fixture(scope="module")
def fitted(split):
    X, y, _, _ = split
    return WRMFRecommender(n_components=4, max_iter=3, random_state=0).fit(X, y)


def means(report):
    """Return the means by the names that scorers use."""
    names = report["metric"] + "@" + report["k"].astype(str)
    return dict(zip(names, report["mean"]))


def test_columns_and_rows(fitted, split):
    report = ranking_report(fitted, split[2])
    assert report.columns.tolist() == ["metric", "k", "mean", "standard error", "n_users"]
    assert list(zip(report["metric"], report["k"])) == [(name, k) for name in REFERENCE for k in (5, 10, 20)]


@each_options
def test_means_equal_the_scores(fitted, split, options):
    report = means(ranking_report(fitted, split[2], ks=[3, 1], **options))
    assert report == make_ranking_scorer(list(report), **options)(fitted, split[2])


def test_means_of_folded_in_users_equal_the_scores(planted):
    X, _, _ = planted
    train, test = next(ColdUserSplit(random_state=0).split(X))
    rec = WRMFRecommender(4, max_iter=3, random_state=0).fit(X.iloc[train])
    report = means(ranking_report(rec, X.iloc[test], fold_in=0.5))
    assert report == make_ranking_scorer(list(report), fold_in=0.5)(rec, X.iloc[test])


def test_all_cutoffs_share_one_ranking(fitted, split, monkeypatch):
    rankings = []
    rank = _scores.top_items
    monkeypatch.setattr(_scores, "top_items", lambda *args: rankings.append(args[3]) or rank(*args))
    ranking_report(fitted, split[2], ks=(2, 7, 3))
    assert rankings == [7]


def test_cutoffs_may_come_from_an_iterator_and_repeat(fitted, split):
    expected = ranking_report(fitted, split[2], ks=[3, 1])
    pd.testing.assert_frame_equal(ranking_report(fitted, split[2], ks=iter([3, 1, 3])), expected)


def test_standard_error_of_the_mean(fitted, split):
    users = ranking_report(fitted, split[2], per_user=True)
    report = ranking_report(fitted, split[2])
    np.testing.assert_allclose(report["standard error"], users.sem(), rtol=1e-12)  # pandas also uses ddof=1
    assert (report["n_users"] == len(users)).all()


def test_standard_error_is_not_corrected_for_a_finite_population(fitted, split):
    options = {"n_users": 50, "random_state": 1}
    users = ranking_report(fitted, split[2], per_user=True, **options)
    report = ranking_report(fitted, split[2], **options)
    assert (report["n_users"] == 50).all()
    np.testing.assert_allclose(report["standard error"], users.std() / np.sqrt(50), rtol=1e-12)


def test_standard_error_covers_the_error_of_samples(fitted, split):
    """The mean of about 95 % of samples of users is within two standard errors of the mean over all users."""
    full = ranking_report(fitted, split[2], ks=[5]).set_index("metric")["mean"]
    within = []
    for seed in range(100):
        report = ranking_report(fitted, split[2], ks=[5], n_users=60, random_state=seed).set_index("metric")
        within.append((report["mean"] - full).abs() < 2 * report["standard error"])
    # Sampling without replacement increases the share. The bound is 0.95 minus 4 binomial standard deviations.
    assert pd.concat(within, axis=1).mean(axis=1).min() > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 100)


def test_standard_error_of_one_user_is_infinite():
    rec = PopularityRecommender().fit([["ann", 1], ["ann", 2], ["bob", 3]])
    report = ranking_report(rec, [["ann", 3]], ks=[1])
    assert (report["standard error"] == np.inf).all()
    assert (report["mean"] == 1).all()


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
def test_per_user_equals_the_metric_of_the_table(fitted, split):
    X_test = split[2]
    users = ranking_report(fitted, X_test, per_user=True)
    table = fitted.recommend(X_test["user"].unique(), k=10)
    expected = precision_at_k(X_test, table, k=10, per_user=True)
    pd.testing.assert_series_equal(users["precision@10"], expected)
    assert users.columns.tolist() == [f"{name}@{k}" for name in REFERENCE for k in (5, 10, 20)]


def test_searches_and_pipelines_are_unwrapped(planted):
    """The transformers of a pipeline transform the rows, as in its score method."""
    X, y, _ = planted
    pipe = make_pipeline(InteractionThresholder(2, 2), PopularityRecommender())
    search = GridSearchCV(pipe, {}, cv=UserHoldoutSplit(random_state=0)).fit(X, y)
    report = ranking_report(search, X, y)
    assert means(report)["precision@5"] == search.best_estimator_.score(X, y)


def test_rows_with_positive_y_are_relevant():
    rec = PopularityRecommender().fit([["ann", 1], ["ann", 2], ["bob", 3]])
    assert (ranking_report(rec, [["ann", 3], ["bob", 9]], [1, 0], ks=[1])["n_users"] == 1).all()


@pytest.mark.parametrize("ks", [(), 5, "5", [0], [True], [2.5], None], ids=repr)
def test_invalid_cutoffs_raise(fitted, split, ks):
    with pytest.raises(ValueError, match=r"ks must be a list of cutoffs, ints of at least 1, .* got"):
        ranking_report(fitted, split[2], ks=ks)


@pytest.mark.parametrize(
    "options, text",
    [
        ({"candidates": "warm"}, r"candidates must be a list of item ids, .* got 'warm'"),
        ({"n_users": 0}, r"n_users must be an int of at least 1, or None for all users, got 0"),
        ({"fold_in": 1}, r"fold_in must be None or the fraction .* above 0 and below 1, got 1"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_options_are_checked(fitted, split, options, text):
    with pytest.raises(ValueError, match=text):
        ranking_report(fitted, split[2], **options)


CALLS = {
    "report": lambda rec, X: ranking_report(rec, X, ks=[1]),
    "scorer": lambda rec, X: make_ranking_scorer("recall@1")(rec, X),
    "scorers": lambda rec, X: make_ranking_scorer(["recall@1"])(rec, X),
    "score": lambda rec, X: rec.score(X),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_warning_about_unknown_users_points_to_the_line_of_the_caller(call):
    rec = PopularityRecommender().fit([["ann", 1], ["bob", 3]])
    with pytest.warns(UserWarning, match="Most of the evaluated users were not in fit") as caught:
        call(rec, [["new", 1]])
    assert caught[0].filename == __file__
