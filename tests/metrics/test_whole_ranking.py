"""Scorers without a cutoff: area under the ROC curve (AUC) and squared error of preferences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_metrics import auc, choose_relevant, preference_mse, rank_by_score
from sklearn.metrics import mean_squared_error, roc_auc_score
from sklearn.model_selection import GridSearchCV

from sklearn_recsketch import PopularityRecommender, WARPRecommender, WRMFRecommender
from sklearn_recsketch._linalg import entries as _entries
from sklearn_recsketch.metrics import make_ranking_scorer, ranking_auc
from sklearn_recsketch.metrics._metric_names import Metric, parse_metric
from sklearn_recsketch.model_selection import UserHoldoutSplit
from sklearn_recsketch.preprocessing import to_matrix

AUC = make_ranking_scorer("auc")
FIT = [["ann", 1], ["ann", 2], ["bob", 1], ["bob", 3], ["eve", 4]]  # popularity: 1, then 2, 3, 4


@pytest.fixture(scope="module")
def fitted(split):
    X, y, _, _ = split
    return WRMFRecommender(n_components=4, max_iter=3, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def known(fitted, split):
    """Test rows with known users and items, for comparisons with dense matrices."""
    X_test = split[2]
    return X_test[X_test["user"].isin(fitted.users_) & X_test["item"].isin(fitted.items_)]


def all_scores(rec, users):
    """Return the scores of all items for some users, in float64."""
    x = rec.user_factors_[np.searchsorted(rec.users_, users)].astype(np.float64)
    return x @ rec.item_factors_.T.astype(np.float64)


def test_names_are_parsed():
    assert parse_metric("precision@5") == Metric("precision", 5)
    assert parse_metric("auc") == Metric("auc", None)
    assert [str(parse_metric(text)) for text in ("ndcg@010", "auc")] == ["ndcg@10", "auc"]


@pytest.mark.parametrize("text", ["auc@5", "auc@", "precision", "mse", None])
def test_invalid_names_raise(text):
    with pytest.raises(ValueError, match=r"A metric must .* \['auc', 'neg_preference_mse'\]; got"):
        make_ranking_scorer(["precision@5", text])


def test_metrics_with_and_without_cutoff_in_one_scorer(fitted, split):
    names = ["auc", "precision@5", "neg_preference_mse", "recall@3"]
    scores = make_ranking_scorer(names)(fitted, split[2])
    assert list(scores) == names
    assert scores == {name: make_ranking_scorer(name)(fitted, split[2]) for name in names}


def test_metrics_share_the_vectors_of_the_users(split, monkeypatch):
    """The vectors are computed once, because fold-in may take longer than ranking."""
    queries = []
    query = PopularityRecommender._query_scores
    monkeypatch.setattr(
        PopularityRecommender, "_query_scores", lambda self, *args: queries.append(args) or query(self, *args)
    )
    make_ranking_scorer(["auc", "precision@5", "neg_preference_mse"])(PopularityRecommender().fit(split[0]), split[2])
    assert len(queries) == 1


def test_searches_and_early_stopping_accept_metrics_without_cutoff(split):
    X, y, X_test, _ = split
    cv = UserHoldoutSplit(random_state=0)
    search = GridSearchCV(PopularityRecommender(), {}, cv=cv, scoring=AUC, error_score="raise").fit(X)
    assert 0 < search.best_score_ < 1
    rec = WRMFRecommender(4, max_iter=5, early_stopping=True, scoring="neg_preference_mse", random_state=0)
    assert (rec.fit(X, y, X_val=X_test).validation_scores_ < 0).all()


# Area under the ROC curve.


def test_auc_by_hand():
    rec = PopularityRecommender().fit(FIT)
    # The candidates of eve are 1, 2, 3; 2 precedes 3, but not 1.
    assert AUC(rec, [["eve", 2]]) == 1 / 2
    assert AUC(rec, [["eve", 1], ["eve", 2]]) == 1
    assert AUC(rec, [["eve", 1], ["bob", 4]]) == (1 + 0) / 2


def test_auc_without_exclusion_ranks_seen_items():
    # The candidates of eve are 1, 2, 3, 4; 2 precedes 3 and 4.
    assert make_ranking_scorer("auc", exclude_seen=False)(PopularityRecommender().fit(FIT), [["eve", 2]]) == 2 / 3


def test_auc_counts_pairs_of_relevant_items_that_are_not_ranked_as_incorrect():
    rec = PopularityRecommender().fit(FIT)
    assert AUC(rec, [["eve", 1], ["eve", 99]]) == 1 / 2
    assert make_ranking_scorer("auc", candidates=[1, 3])(rec, [["eve", 1], ["eve", 2]]) == 1 / 2


@pytest.mark.parametrize("candidates", [[1, 2], [99]])
def test_auc_is_one_half_if_all_candidates_are_relevant(candidates):
    scorer = make_ranking_scorer("auc", candidates=candidates)
    assert scorer(PopularityRecommender().fit(FIT), [["eve", 1], ["eve", 2]]) == 1 / 2


def test_auc_equals_that_of_scikit_learn_without_ties(fitted, split, known):
    X = split[0]
    users, items = fitted.users_, fitted.items_
    train, test = (to_matrix(rows, users=users, items=items)[0].toarray() > 0 for rows in (X, known))
    scores = all_scores(fitted, users)
    expected = [roc_auc_score(test[u][~train[u]], scores[u][~train[u]]) for u in range(len(users)) if test[u].any()]
    # A few of the 100,000 pairs may be ordered differently in float32 and in float64.
    assert AUC(fitted, known) == pytest.approx(np.mean(expected), rel=1e-5)


def test_auc_does_not_depend_on_the_scale_of_scores(fitted, split):
    before = AUC(fitted, split[2])
    doubled = WRMFRecommender(n_components=4, max_iter=3, random_state=0).fit(split[0], split[1])
    doubled.user_factors_ = doubled.user_factors_ * np.float32(2)
    assert AUC(doubled, split[2]) == before


pair = st.tuples(st.integers(0, 4), st.integers(0, 5))


@st.composite
def evaluations(draw):
    """Rows of fit, evaluated rows (new, seen and repeated pairs, and unknown ids), `exclude_seen` and `candidates`."""
    fit = draw(st.lists(pair, min_size=1, max_size=20))
    new = draw(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 7)), max_size=12))
    evaluated = new + fit[: draw(st.integers(0 if new else 1, 5))]
    candidates = draw(st.none() | st.lists(st.integers(0, 7), min_size=1, max_size=6))
    return fit, evaluated, draw(st.booleans()), candidates


def candidates_by_user(fit, evaluated, exclude_seen, candidates):
    """Return the relevant items and the popularity scores of the candidates of each evaluated user."""
    items = {i for _, i in fit}
    relevant, training = choose_relevant(set(fit), set(evaluated), {u for u, _ in fit}, items)
    score = {item: len({u for u, i in fit if i == item}) for item in items}
    by_user = {}
    for user, _ in relevant:
        hidden = {i for u, i in fit if u == user} if exclude_seen and not training else set()
        left = {i: s for i, s in score.items() if i not in hidden and (candidates is None or i in candidates)}
        by_user[user] = {i for u, i in relevant if u == user}, left
    return by_user


@pytest.mark.filterwarnings("ignore:.*evaluated users were not in fit")
@settings(deadline=None, max_examples=150)
@given(evaluations())
def test_auc_equals_the_reference(evaluation):
    fit, evaluated, exclude_seen, candidates = evaluation
    users = candidates_by_user(*evaluation).values()
    expected = np.mean([auc(rank_by_score(left, set()), relevant) for relevant, left in users])
    scorer = make_ranking_scorer("auc", exclude_seen=exclude_seen, candidates=candidates)
    value = scorer(PopularityRecommender().fit(fit), evaluated)
    assert value == pytest.approx(expected, rel=1e-12)  # a sum of at most 7 float64 values


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
@pytest.mark.parametrize("options", [{}, {"exclude_seen": False}, {"candidates": range(0, 120, 3)}], ids=str)
def test_auc_equals_that_of_the_complete_table(fitted, split, options):
    X_test = split[2]
    table = fitted.recommend(X_test["user"].unique(), k=len(fitted.items_), **options)
    # Equal except for pairs whose scores are rounded differently: one of 100,000 pairs is 1e-5 of the value of a user.
    assert make_ranking_scorer("auc", **options)(fitted, X_test) == pytest.approx(ranking_auc(X_test, table), rel=1e-6)


def test_auc_is_the_same_with_any_number_of_threads(fitted, split):
    alone = AUC(fitted, split[2])
    threaded = WRMFRecommender(n_components=4, max_iter=3, random_state=0, n_jobs=2).fit(split[0], split[1])
    assert AUC(threaded, split[2]) == alone


# Squared error of preferences.

MSE = make_ranking_scorer("neg_preference_mse")
MSE_ALL_PAIRS = make_ranking_scorer("neg_preference_mse", exclude_seen=False)


def test_mse_over_all_pairs_equals_that_of_dense_matrices(fitted, known):
    """All predictions for the test users are compared with their rows of the test matrix."""
    users = known["user"].unique()
    ratings, _, _ = to_matrix(known, users=users, items=fitted.items_)
    expected = mean_squared_error(ratings.toarray().ravel(), all_scores(fitted, users).ravel())
    # Tolerance for float64 sums of a thousand terms, 90 % of which cancel.
    assert MSE_ALL_PAIRS(fitted, known) == pytest.approx(-expected, rel=1e-10)


def test_training_mse_equals_that_of_dense_matrices(fitted, split):
    X = split[0]
    ratings, users, _ = to_matrix(X, items=fitted.items_)
    expected = mean_squared_error((ratings.toarray() > 0).ravel(), all_scores(fitted, users).ravel())
    assert MSE(fitted, X) == pytest.approx(-expected, rel=1e-10)


def test_mse_excludes_seen_pairs(fitted, split, known):
    X = split[0]
    users = known["user"].unique()
    train, test = (
        to_matrix(rows[rows["user"].isin(users)], users=users, items=fitted.items_)[0].toarray() > 0
        for rows in (X, known)
    )
    errors = np.where(train, np.nan, (test - all_scores(fitted, users)) ** 2)
    assert MSE(fitted, known) == pytest.approx(-np.nanmean(errors, axis=1).mean(), rel=1e-10)


def test_mse_of_a_relevant_item_that_is_not_ranked_is_one():
    rec = PopularityRecommender().fit(FIT)
    # The candidates 1, 2, 3 of eve have the predictions 2, 1, 1. Item 99 has no prediction.
    assert MSE(rec, [["eve", 2], ["eve", 99]]) == -((0 - 2) ** 2 + (1 - 1) ** 2 + (0 - 1) ** 2 + 1) / 4


@pytest.mark.filterwarnings("ignore:.*evaluated users were not in fit")
@settings(deadline=None, max_examples=150)
@given(evaluations())
def test_mse_equals_the_reference(evaluation):
    fit, evaluated, exclude_seen, candidates = evaluation
    expected = np.mean([preference_mse(left, relevant) for relevant, left in candidates_by_user(*evaluation).values()])
    scorer = make_ranking_scorer("neg_preference_mse", exclude_seen=exclude_seen, candidates=candidates)
    value = scorer(PopularityRecommender().fit(fit), evaluated)
    assert value == pytest.approx(-expected, rel=1e-12)  # sums of small integers are exact, their mean is rounded


def test_mse_includes_the_biases_of_warp(split):
    X, y, X_test, _ = split
    rec = WARPRecommender(4, max_iter=3, random_state=0).fit(X, y)
    X_test = X_test[X_test["user"].isin(rec.users_) & X_test["item"].isin(rec.items_)]
    users = X_test["user"].unique()
    pairs = np.stack(np.meshgrid(users, rec.items_, indexing="ij"), axis=-1).reshape(-1, 2)
    ratings, _, _ = to_matrix(X_test, users=users, items=rec.items_)
    expected = mean_squared_error(ratings.toarray().ravel(), rec.predict(pairs))
    assert MSE_ALL_PAIRS(rec, X_test) == pytest.approx(-expected, rel=1e-5)  # predict rounds to float32


def test_mse_does_not_depend_on_the_size_of_blocks(fitted, split, monkeypatch):
    expected = MSE(fitted, split[2])
    monkeypatch.setattr(_entries, "ENTRIES", 7)
    assert MSE(fitted, split[2]) == expected
