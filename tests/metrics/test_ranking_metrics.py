"""Ranking metrics follow their definitions, and scorers do not count pairs seen in fit."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_metrics import REFERENCE, choose_relevant, mean_over_users, rank_by_score
from sklearn.metrics import ndcg_score
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline

from sklearn_recsketch import InteractionThresholder, PopularityRecommender, SideFeatures, WRMFRecommender, metrics
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit

FUNCTIONS = {name: getattr(metrics, f"{name}_at_k") for name in REFERENCE}
each_metric = pytest.mark.parametrize("name", FUNCTIONS)


def ranking(lists):
    """Return a table like that of recommend() from a dict of lists."""
    rows = [(user, rank, item) for user, items in lists.items() for rank, item in enumerate(items, start=1)]
    return pd.DataFrame(rows, columns=["user", "rank", "item"])


# Two users, k = 4. ann has 3 relevant items, two of them at ranks 1 and 3; bob has 1 relevant item at rank 2.
LISTS = {"ann": [1, 2, 3, 4], "bob": [5, 1, 2, 3]}
TRUE = [["ann", 1], ["ann", 3], ["ann", 9], ["bob", 1]]
BY_HAND = {
    "precision": (2 / 4, 1 / 4),
    "recall": (2 / 3, 1 / 1),
    "capped_precision": (2 / 3, 1 / 1),
    # ann: (1/log2(2) + 1/log2(4)) / (1/log2(2) + 1/log2(3) + 1/log2(4)) = 1.5 / 2.1309298; bob: 1/log2(3)
    "ndcg": (1.5 / 2.1309297535714578, 0.6309297535714575),
    # ann: (1/1 + 2/3) / min(4, 3); bob: (1/2) / 1
    "average_precision": (5 / 9, 1 / 2),
    "reciprocal_rank": (1.0, 1 / 2),
    "hit_rate": (1.0, 1.0),
}


@each_metric
def test_worked_example(name):
    values = FUNCTIONS[name](TRUE, ranking(LISTS), k=4, per_user=True)
    np.testing.assert_allclose(values, BY_HAND[name], rtol=1e-12)


@each_metric
def test_reference_on_the_worked_example(name):
    ann, bob = (REFERENCE[name](LISTS[user], {i for u, i in TRUE if u == user}, 4) for user in ("ann", "bob"))
    np.testing.assert_allclose((ann, bob), BY_HAND[name], rtol=1e-12)


lists_of_items = st.lists(st.integers(0, 9), min_size=1, max_size=8, unique=True)


@settings(deadline=None, max_examples=60)
@given(
    lists=st.dictionaries(st.integers(0, 4), lists_of_items, min_size=1),
    true=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 11)), min_size=1, max_size=25),
    data=st.data(),
)
@each_metric
def test_metric_equals_the_reference(name, lists, true, data):
    k = data.draw(st.integers(1, max(map(len, lists.values()))))
    value = FUNCTIONS[name](true, ranking(lists), k=k)
    # Tolerance for sums of at most 25 float64 terms.
    assert value == pytest.approx(mean_over_users(REFERENCE[name], lists, set(true), k), rel=1e-12, abs=1e-15)


@settings(deadline=None, max_examples=40)
@given(scores=st.permutations(range(8)), relevant=st.sets(st.integers(0, 7), min_size=1), k=st.integers(1, 8))
def test_ndcg_equals_that_of_scikit_learn_with_binary_gains(scores, relevant, k):
    truth = np.isin(np.arange(8), list(relevant)).astype(float)
    ranked = sorted(range(8), key=lambda item: -scores[item])
    value = metrics.ndcg_at_k([[0, item] for item in relevant], ranking({0: ranked}), k=k)
    assert value == pytest.approx(ndcg_score([truth], [scores], k=k), rel=1e-12)


@each_metric
def test_order_of_rows_does_not_matter(name, seed):
    table = ranking(LISTS).sample(frac=1, random_state=seed)
    assert FUNCTIONS[name](TRUE[::-1], table, k=4) == FUNCTIONS[name](TRUE, ranking(LISTS), k=4)


@each_metric
def test_repeated_true_pairs_count_once(name):
    assert FUNCTIONS[name](TRUE * 3, ranking(LISTS), k=4) == FUNCTIONS[name](TRUE, ranking(LISTS), k=4)


@each_metric
def test_user_missing_from_the_table_counts_zero(name):
    values = FUNCTIONS[name]([*TRUE, ["zoe", 1]], ranking(LISTS), k=4, per_user=True)
    assert values["zoe"] == 0
    assert FUNCTIONS[name]([*TRUE, ["zoe", 1]], ranking(LISTS), k=4) == pytest.approx(sum(BY_HAND[name]) / 3)


@each_metric
def test_user_without_a_relevant_item_is_ignored(name):
    longer = ranking({**LISTS, "zoe": [1, 2, 3, 4]})
    assert FUNCTIONS[name](TRUE, longer, k=4) == FUNCTIONS[name](TRUE, ranking(LISTS), k=4)


@each_metric
def test_ranks_above_k_are_ignored(name):
    short = ranking({user: items[:2] for user, items in LISTS.items()})
    assert FUNCTIONS[name](TRUE, ranking(LISTS), k=2) == FUNCTIONS[name](TRUE, short, k=2)


def test_user_with_a_short_list_has_the_denominator_k():
    assert metrics.precision_at_k(TRUE, ranking({**LISTS, "bob": [1]}), k=4, per_user=True)["bob"] == 1 / 4


def test_per_user_returns_a_series_indexed_by_user():
    values = metrics.recall_at_k(TRUE, ranking(LISTS), k=4, per_user=True)
    assert (values.index.tolist(), values.index.name, values.name) == (["ann", "bob"], "user", "recall@4")
    assert values.mean() == metrics.recall_at_k(TRUE, ranking(LISTS), k=4)


def test_item_repeated_in_a_list_raises():
    table = pd.DataFrame({"user": ["ann", "ann"], "rank": [1, 2], "item": [7, 7]})
    with pytest.raises(ValueError, match="each item once, but row 1 repeats the item 7 of the user 'ann'"):
        metrics.recall_at_k([["ann", 7]], table, k=2)


def test_default_cutoff_is_five():
    table = ranking({"ann": [1, 2, 3, 4, 5, 6]})
    assert metrics.precision_at_k([["ann", 1], ["ann", 6]], table) == 1 / 5


# Scorers compared with the metrics of tables of recommend(), and with loops.


@pytest.fixture(scope="module")
def fitted(split):
    X, y, _, _ = split
    return WRMFRecommender(n_components=4, max_iter=3, random_state=0).fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
@each_metric
@pytest.mark.parametrize("k", [1, 5, 17])
def test_scorer_equals_the_metric_of_the_table(fitted, split, name, k):
    """The values are equal to the last bit."""
    _, _, X_test, _ = split
    table = fitted.recommend(X_test["user"].unique(), k=k)
    assert make_ranking_scorer(f"{name}@{k}")(fitted, X_test) == FUNCTIONS[name](X_test, table, k=k)


def test_scorer_of_several_metrics_equals_the_single_scorers(fitted, split):
    names = ["precision@5", "ndcg@10", "recall@3"]
    _, _, X_test, y_test = split
    scores = make_ranking_scorer(names)(fitted, X_test, y_test)
    assert scores == {name: make_ranking_scorer(name)(fitted, X_test, y_test) for name in names}


def test_score_method_is_precision_at_five(fitted, split):
    _, _, X_test, y_test = split
    assert fitted.score(X_test, y_test) == make_ranking_scorer("precision@5")(fitted, X_test, y_test)
    assert fitted.score(X_test, y_test, k=3) == make_ranking_scorer("precision@3")(fitted, X_test, y_test)


def test_scorer_can_be_pickled(fitted, split):
    for scorer in (make_ranking_scorer("ndcg@5"), make_ranking_scorer(["ndcg@5"])):
        assert pickle.loads(pickle.dumps(scorer))(fitted, split[2]) == scorer(fitted, split[2])


def test_k_may_exceed_the_number_of_items():
    rec = PopularityRecommender().fit([["a", 1], ["b", 2], ["b", 3]])
    # The ranking of a is 2, 3: one hit in 50 ranks.
    assert rec.score([["a", 3]], k=50) == 1 / 50
    assert make_ranking_scorer("ndcg@50")(rec, [["a", 3]]) == pytest.approx(1 / np.log2(3))


pair = st.tuples(st.integers(0, 4), st.integers(0, 5))


@pytest.mark.filterwarnings("ignore:.*evaluated users were not in fit")
@settings(deadline=None, max_examples=150)
@given(
    fit=st.lists(pair, min_size=1, max_size=20),
    new=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 7)), max_size=12),
    repeated=st.integers(0, 5),
    name=st.sampled_from(sorted(REFERENCE)),
    k=st.integers(1, 8),
    exclude_seen=st.booleans(),
)
def test_scorer_follows_the_rule_for_seen_and_new_pairs(fit, new, repeated, name, k, exclude_seen):
    """Evaluated rows mix new pairs, pairs seen in fit, unknown users and unknown items."""
    evaluated = new + fit[:repeated]
    if not evaluated:
        return
    rec = PopularityRecommender().fit(fit)
    users, items = {u for u, _ in fit}, {i for _, i in fit}
    relevant, training = choose_relevant(set(fit), set(evaluated), users, items)
    score = {item: len({u for u, i in fit if i == item}) for item in items}
    lists = {}
    for user, _ in relevant:
        hidden = {i for u, i in fit if u == user} if exclude_seen and not training else set()
        lists[user] = rank_by_score(score, hidden)
    expected = mean_over_users(REFERENCE[name], lists, relevant, k)
    value = make_ranking_scorer(f"{name}@{k}", exclude_seen=exclude_seen)(rec, evaluated)
    assert value == pytest.approx(expected, rel=1e-12, abs=1e-15)


FIT = [["ann", 1], ["ann", 2], ["bob", 1], ["bob", 3]]


def test_score_on_the_rows_of_fit_is_a_training_score():
    # The ranking by popularity is 1, 2, 3. ann has 1 and 2, bob has 1 and 3, and nothing is excluded.
    assert make_ranking_scorer("recall@2")(PopularityRecommender().fit(FIT), FIT) == (2 / 2 + 1 / 2) / 2


def test_training_score_ignores_pairs_with_unknown_items():
    """A row with an unknown item does not make the score a held-out score without any rankable item."""
    rec = PopularityRecommender().fit(FIT)
    assert make_ranking_scorer("recall@2")(rec, [*FIT, ["ann", 100]]) == (2 / 2 + 1 / 2) / 2


def test_pairs_seen_in_fit_do_not_leak():
    """Seen pairs of ann are neither relevant nor candidates, so only the new pair counts."""
    rec = PopularityRecommender().fit(FIT)
    assert make_ranking_scorer("precision@1")(rec, [["ann", 1], ["ann", 3]]) == 1.0
    assert make_ranking_scorer("recall@1")(rec, [["ann", 1], ["ann", 2], ["ann", 3]]) == 1.0


def test_exclude_seen_false_ranks_seen_items():
    rec = PopularityRecommender().fit(FIT)
    # The ranking of ann is 1, 2, 3 with seen items, and 3 without.
    assert make_ranking_scorer("reciprocal_rank@3")(rec, [["ann", 3]]) == 1
    assert make_ranking_scorer("reciprocal_rank@3", exclude_seen=False)(rec, [["ann", 3]]) == 1 / 3


def test_unknown_items_are_relevant_and_count_as_missed():
    rec = PopularityRecommender().fit(FIT)
    assert make_ranking_scorer("recall@3")(rec, [["ann", 3], ["ann", 100]]) == 1 / 2
    assert make_ranking_scorer("recall@3")(rec, [["ann", 100]]) == 0


def test_items_known_by_features_are_ranked():
    features = SideFeatures.from_dicts({item: {"tag": "a"} for item in (1, 2, 3, 100)})
    rec = PopularityRecommender().fit(FIT, item_features=features)
    assert make_ranking_scorer("recall@4")(rec, [["ann", 3], ["ann", 100]]) == 1


def test_only_candidates_are_ranked():
    rec = PopularityRecommender().fit([*FIT, ["eve", 4]])
    scorer = make_ranking_scorer("reciprocal_rank@3", candidates=[4, 2, 100])
    assert scorer(rec, [["bob", 4]]) == 1 / 2
    assert scorer(rec, [["ann", 3]]) == 0


def test_cold_candidates_are_the_known_items_without_interactions(split):
    """An item all of whose rows have strength or weight 0 is cold, too."""
    X, y, X_test, y_test = split
    X = X.assign(weight=(X["item"] != 7).astype(float))
    y = np.where(X["item"] % 5 == 0, 0.0, y)
    features = SideFeatures.from_dicts({i: {"tag": f"t{i % 4}"} for i in range(120)})
    rec = WRMFRecommender(n_components=4, max_iter=2, random_state=0).fit(X, y, item_features=features)
    cold = sorted(set(range(120)) - set(X["item"][(y > 0) & (X["weight"] > 0)]))
    assert {0, 5, 7} <= set(cold)
    names = ["recall@5", "ndcg@10"]
    expected = make_ranking_scorer(names, candidates=cold)(rec, X_test, y_test)
    assert make_ranking_scorer(names, candidates="cold")(rec, X_test, y_test) == expected


def test_relevant_warm_items_count_as_missed_with_cold_candidates():
    features = SideFeatures.from_dicts({1: {"tag": "b"}, 100: {"tag": "a"}})
    rec = PopularityRecommender().fit(FIT, item_features=features)
    scorer = make_ranking_scorer("recall@3", candidates="cold")
    assert scorer(rec, [["ann", 100]]) == 1
    assert scorer(rec, [["ann", 3], ["ann", 100]]) == 1 / 2
    assert scorer(rec, [["ann", 3], ["bob", 100]]) == 1 / 2


def test_rows_with_positive_y_are_relevant():
    rec = PopularityRecommender().fit(FIT)
    scorer = make_ranking_scorer("recall@1")
    assert scorer(rec, [["ann", 3], ["bob", 100]], [2.0, 0.0]) == 1
    assert scorer(rec, [["ann", 3], ["bob", 100]], [0.5, 0.1]) == 0.5


@pytest.mark.parametrize("scoring", ["precision@5", ["precision@5"]])
def test_no_relevant_row_raises(scoring):
    with pytest.raises(
        ValueError, match=r"No row of X is relevant: y is 0 in all 2 rows, so there is nothing to score"
    ):
        make_ranking_scorer(scoring)(PopularityRecommender().fit(FIT), FIT[:2], [0, 0])


def test_mostly_unknown_users_warn_once():
    rec = PopularityRecommender().fit(FIT)
    with pytest.warns(UserWarning, match="Most of the evaluated users were not in fit.*UserHoldoutSplit") as caught:
        make_ranking_scorer(["recall@1", "ndcg@3"])(rec, [["ann", 3], ["new", 1], ["newer", 1]])
    assert len(caught) == 1


def test_no_warning_if_half_of_the_users_are_unknown():
    """Two of four users is not more than half. A warning would raise an error here."""
    X = [["ann", 3], ["bob", 2], ["new", 1], ["newer", 1]]
    # The first item of each user is relevant: 3 for ann, 2 for bob, and the most popular one for new users.
    assert make_ranking_scorer("recall@1")(PopularityRecommender().fit(FIT), X) == 1


def test_ties_are_broken_by_the_order_of_items():
    rec = PopularityRecommender().fit([["a", 3], ["a", 1], ["a", 2], ["b", 9]])
    assert rec.recommend(["b"])["item"].tolist() == [1, 2, 3]


def test_scorer_of_several_metrics_cross_validates_a_pipeline(planted):
    X, y, _ = planted
    pipe = make_pipeline(InteractionThresholder(2, 2), PopularityRecommender())
    cv = UserHoldoutSplit(random_state=0)
    scoring = make_ranking_scorer(["recall@5", "ndcg@5"])
    scores = cross_validate(pipe, X, y, cv=cv, scoring=scoring, return_train_score=True, error_score="raise")
    assert {"test_recall@5", "test_ndcg@5", "train_recall@5"} <= set(scores)
    assert np.isfinite([scores["test_recall@5"], scores["train_ndcg@5"]]).all()
