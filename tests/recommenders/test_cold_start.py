"""Users and items that were not in fit: with features, with a history, with both, and in partial_fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import reference
import scipy.sparse as sp
from estimators import PAIRWISE, WITH_FACTORS

from sklearn_recsketch import (
    BPRRecommender,
    PopularityRecommender,
    SideFeatureEncoder,
    SideFeatures,
    WARPRecommender,
    WRMFRecommender,
)
from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch._ranking.query import QueryContext, build_query

FACTORS = pytest.mark.parametrize("recommender", WITH_FACTORS)
NEW = 77_000


def user_groups(X):
    """An uninformative feature of users."""
    return SideFeatures.from_dicts({int(u): {"group": f"g{u % 4}"} for u in np.unique(X["user"])})


def renamed(features, old, new):
    """Side features of the id `new`, copied from the id `old`."""
    row = features.align(np.array([old]), "item").matrix
    return SideFeatures(np.array([new]), features.keys, features.values, row)


def scores(table, column="user"):
    return table.set_index(column)["score"]


@FACTORS
def test_a_new_item_is_scored_like_a_cold_one_with_the_same_features(recommender, planted):
    X, y, tags = planted
    cold = int(tags.ids[3])
    warm = (X["item"] != cold).to_numpy()
    rec = recommender(6, max_iter=4, random_state=0).fit(X[warm], y[warm], item_features=tags)
    known = rec.recommend(k=1, candidates=[cold])
    new = rec.recommend(k=1, candidates=[NEW], item_features=renamed(tags, cold, NEW))
    # Sums of the same float32 embeddings, in a different order.
    np.testing.assert_allclose(scores(new), scores(known), rtol=1e-4, atol=1e-6)


@FACTORS
def test_a_new_user_is_scored_like_a_cold_one_with_the_same_features(recommender, planted):
    X, y, _ = planted
    groups = user_groups(X)
    cold = int(groups.ids[5])
    warm = (X["user"] != cold).to_numpy()
    rec = recommender(6, max_iter=4, random_state=0).fit(X[warm], y[warm], user_features=groups)
    known = rec.recommend([cold], k=200)
    new = rec.recommend(k=200, user_features=renamed(groups, cold, NEW))
    assert (new["user"] == NEW).all()
    np.testing.assert_allclose(scores(new, "item"), scores(known, "item")[new["item"]], rtol=1e-4, atol=1e-6)


@FACTORS
def test_new_features_of_a_known_item_change_its_score(recommender, planted):
    X, y, tags = planted
    rec = recommender(6, max_iter=4, random_state=0).fit(X, y, item_features=tags)
    a, b = int(tags.ids[0]), int(tags.ids[1])
    candidates = {"candidates": [a], "exclude_seen": False, "k": 1}
    same = rec.recommend(item_features=renamed(tags, a, a), **candidates)
    other = rec.recommend(item_features=renamed(tags, b, a), **candidates)
    np.testing.assert_allclose(scores(same), scores(rec.recommend(**candidates)), rtol=1e-4, atol=1e-6)
    assert np.abs(scores(other) - scores(same)).max() > 1e-3


@pytest.mark.parametrize("featured", [False, True])
@pytest.mark.parametrize("parameters", [{}, {"regularization_scaling": 1.0}, {"item_regularization": 3.0}], ids=str)
def test_an_item_folded_in_by_wrmf_solves_its_row(featured, parameters, tiny):
    X, y, tags, _ = tiny
    rec = WRMFRecommender(4, alpha=3.0, regularization=0.5, random_state=0, **parameters)
    rec.fit(X, y, item_features=tags if featured else None)
    history = pd.DataFrame({"user": rec.users_[:5], "item": NEW, "weight": np.arange(1.0, 6.0)})
    features = renamed(tags, int(tags.ids[2]), NEW) if featured else None
    table = rec.recommend(k=1, candidates=[NEW], item_history=history, item_features=features, exclude_seen=False)
    excess = np.zeros(len(rec.users_))
    excess[:5] = rec.alpha * np.arange(1, 6)
    strengths = rec.interactions_.toarray().T.astype(np.float64)
    active = strengths.sum(axis=1) > 0
    lam = rec.item_regularization_
    if rec.regularization_scaling != "auto":
        w = reference.confidences(strengths[active], rec.alpha).sum(axis=1)
        lam = lam * ((len(excess) + excess.sum()) / w.mean()) ** rec.regularization_scaling
    prior = np.zeros(4)
    if featured:
        block = rec.item_encoder_.transform(features).toarray()[0, len(rec.items_) :]
        prior = block @ rec.item_embeddings_[len(rec.items_) :]
    vector = reference.solve_row(excess, rec.user_factors_.astype(np.float64), lam, prior)
    np.testing.assert_allclose(scores(table)[rec.users_], rec.user_factors_ @ vector, atol=1e-4)  # float32 vectors


@pytest.mark.parametrize("featured", [False, True])
def test_a_new_item_with_features_has_a_larger_automatic_penalty(featured, planted):
    X, _, tags = planted
    rec = WRMFRecommender(4, random_state=0).fit(X, item_features=tags)
    users = rec.users_[:3]
    context = {"item_history": {NEW: users.tolist()}, "exclude_seen": False, "k": 1, "candidates": [NEW]}
    prior, lam = np.zeros(4), rec.item_regularization_
    root = np.sqrt(len(users) * len(np.unique(X["item"])) / rec.interactions_.nnz)
    if featured:
        context["item_features"] = renamed(tags, int(tags.ids[0]), NEW)
        block = rec.item_encoder_.transform(context["item_features"]).toarray()[0, len(rec.items_) :]
        prior, root = block @ rec.item_embeddings_[len(rec.items_) :], max(3, root)
    excess = np.where(np.isin(rec.users_, users), rec.alpha_, 0)
    vector = reference.solve_row(excess, rec.user_factors_.astype(np.float64), lam * root, prior)
    expected = rec.user_factors_ @ vector
    np.testing.assert_allclose(scores(rec.recommend(**context))[rec.users_], expected, atol=1e-4)  # float32 vectors


@FACTORS
def test_the_history_of_a_new_item_predicts_its_other_users(recommender, planted):
    X, _, _ = planted
    popular = int(X["item"].value_counts().index[5])
    history = X[X["item"] == popular].assign(item=NEW)
    rest = (X["item"] != popular).to_numpy()
    rec = recommender(8, max_iter=20, random_state=0).fit(X[rest])
    # Half of its users are in the history. The other half should have higher scores than users without the item.
    known = history.iloc[::2]
    table = rec.recommend(k=1, candidates=[NEW], item_history=known, exclude_seen=False)
    score = scores(table)
    held_out = np.setdiff1d(history.iloc[1::2]["user"], known["user"])
    others = np.setdiff1d(rec.users_, history["user"])
    # By chance, half of these pairs would be in the right order; between .84 and .96 were, on ten items.
    assert (score[held_out].to_numpy()[:, None] > score[others].to_numpy()).mean() > 0.75


@FACTORS
def test_features_and_history_together_correlate_with_each_of_them(recommender, planted):
    X, _, tags = planted
    rec = recommender(6, max_iter=8, random_state=0).fit(X, item_features=tags)
    similar_users = X.loc[X["item"] == X["item"].value_counts().index[0], "user"].unique()[:20]
    history = pd.DataFrame({"user": similar_users, "item": NEW})
    features = renamed(tags, int(tags.ids[4]), NEW)
    options = {"k": 1, "candidates": [NEW], "exclude_seen": False}
    by_features = scores(rec.recommend(item_features=features, **options))
    by_history = scores(rec.recommend(item_history=history, **options))
    by_both = scores(rec.recommend(item_features=features, item_history=history, **options))
    assert np.corrcoef(by_both, by_features)[0, 1] > np.corrcoef(by_history, by_features)[0, 1]
    assert np.corrcoef(by_both, by_history)[0, 1] > np.corrcoef(by_features, by_history)[0, 1]


def test_new_items_are_candidates_except_for_users_of_their_history(planted):
    X, y, tags = planted
    rec = WRMFRecommender(6, max_iter=4, random_state=0).fit(X, y, item_features=tags)
    users = rec.users_[:2]
    history = pd.DataFrame({"user": users[:1], "item": NEW})
    features = renamed(tags, int(tags.ids[0]), NEW + 1)
    table = rec.recommend(users, k=1000, item_history=history, item_features=features)
    recommended = table.groupby("user")["item"].apply(set)
    assert NEW + 1 in recommended[users[0]] & recommended[users[1]]
    assert NEW not in recommended[users[0]]  # who is in its history
    assert NEW in recommended[users[1]]


def test_users_default_to_those_of_history_and_features(planted):
    X, y, _ = planted
    groups = user_groups(X)
    rec = WRMFRecommender(6, max_iter=3, random_state=0).fit(X, y, user_features=groups)
    table = rec.recommend(
        k=2, history=[[NEW, int(rec.items_[0])]], user_features=renamed(groups, int(groups.ids[0]), NEW + 1)
    )
    assert table["user"].unique().tolist() == [NEW, NEW + 1]


@FACTORS
def test_a_query_does_not_change_the_model(recommender, planted):
    X, y, tags = planted
    rec = recommender(6, max_iter=3, random_state=0).fit(X, y, item_features=tags)
    before = rec.recommend(k=3)
    rec.recommend(k=3, item_history=[[int(rec.users_[0]), NEW]], item_features=renamed(tags, int(tags.ids[0]), NEW))
    pd.testing.assert_frame_equal(rec.recommend(k=3), before)


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownFeatureWarning")
@FACTORS
def test_unknown_features_are_ignored(recommender, planted):
    X, y, tags = planted
    rec = recommender(6, max_iter=3, random_state=0).fit(X, y, item_features=tags)
    unknown = SideFeatures.from_dicts({NEW: {"colour": "red"}})
    options = {"k": 1, "candidates": [NEW]}
    np.testing.assert_allclose(
        scores(rec.recommend(item_features=unknown, **options)), scores(rec.recommend(**options)), rtol=1e-5
    )


@FACTORS
def test_partial_fit_accepts_new_items_and_new_feature_values(recommender, planted):
    X, y, tags = planted
    rec = recommender(6, max_iter=3, random_state=0).fit(X, y, item_features=tags)
    new = SideFeatures.from_dicts({NEW: {"tag": ["t0", "brand new"]}, NEW + 1: {"tag": "t1"}})
    rec.partial_fit(pd.DataFrame({"user": X["user"].iloc[:6].to_numpy(), "item": NEW}), item_features=new)
    assert {NEW, NEW + 1} <= set(rec.items_)
    assert "tag=brand new" in rec.item_encoder_.feature_names_
    assert np.isfinite(rec.item_factors_).all()


def test_max_interactions_applies_to_items_of_a_query(planted):
    X, y, tags = planted
    encoder = SideFeatureEncoder(max_interactions=5)
    rec = WRMFRecommender(6, max_iter=3, item_encoder=encoder, random_state=0).fit(X, y, item_features=tags)
    popular, other = (int(i) for i in X["item"].value_counts().index[:2])
    options = {"k": 1, "candidates": [popular], "exclude_seen": False}
    with_features = rec.recommend(item_features=renamed(tags, other, popular), **options)
    np.testing.assert_allclose(scores(with_features), scores(rec.recommend(**options)), rtol=1e-4, atol=1e-6)


def test_popularity_counts_the_history_of_new_items(planted):
    X, y, _ = planted
    rec = PopularityRecommender().fit(X, y)
    table = rec.recommend(k=1, candidates=[NEW], item_history=[[int(u), NEW] for u in rec.users_[:3]])
    assert (table["score"] == 3).all()
    assert len(table) == len(rec.users_) - 3


@pytest.mark.parametrize("recommender", PAIRWISE)
@pytest.mark.parametrize("identity", [True, False])
def test_vectors_are_the_sums_of_embeddings_and_biases(recommender, identity, planted):
    X, y, tags = planted
    encoder = SideFeatureEncoder(identity=identity, identity_weight=0.5, feature_weight=2.0)
    rec = recommender(6, max_iter=3, item_encoder=encoder, random_state=0).fit(X, y, item_features=tags)
    design = sp.csr_array(rec.item_encoder_.transform(rec.item_features_))
    # Training stores vectors and computes identity embeddings as differences, with float32 rounding.
    np.testing.assert_allclose(design @ rec.item_embeddings_, rec.item_factors_, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(design @ rec.item_feature_biases_, rec.item_biases_, rtol=1e-4, atol=1e-5)


@FACTORS
def test_a_single_user_with_features_is_trained(recommender):
    features = SideFeatures.from_dicts({"u": {"t": "x"}})
    rec = recommender(4, max_iter=20, random_state=0).fit([["u", "a"], ["u", "b"]], user_features=features)
    assert np.abs(rec.user_factors_).max() > 0


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
def test_unknown_users_of_a_new_item_are_counted_separately():
    known = [["u", "a"], ["v", "a"], ["w", "a"], ["u", "b"], ["v", "b"], ["w", "c"]]
    rec = PopularityRecommender().fit(known)
    table = rec.recommend(["q"], k=1, item_history=[[f"x{n}", "new"] for n in range(4)])
    assert table[["item", "score"]].to_numpy().tolist() == [["new", 4.0]]


def test_each_unknown_user_of_a_new_item_is_the_mean_user(tiny):
    X, y, _, _ = tiny
    rec = WRMFRecommender(4, alpha=3.0, confidence="log", regularization=0.5, random_state=0).fit(X, y)
    history = [[90_000 + n, NEW] for n in range(5)]
    table = rec.recommend(k=1, candidates=[NEW], item_history=history, exclude_seen=False, users=rec.users_)
    U = rec.user_factors_.astype(np.float64)
    users = np.vstack([U, np.tile(rec._unknown_user, (5, 1))])
    excess = np.append(np.zeros(len(U)), np.full(5, 3 * np.log1p(1)))
    vector = reference.solve_row(excess, users, 0.5)
    np.testing.assert_allclose(scores(table)[rec.users_], U @ vector, atol=1e-4)  # float32 vectors


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
@pytest.mark.parametrize("scaling", [0.0, 1.0])
def test_cold_and_unknown_items_of_a_history_have_their_full_confidence(scaling, tiny):
    X, y, tags, _ = tiny
    tags = tags.updated(SideFeatures.from_dicts({NEW: {"tag": "t1"}, NEW + 1: {"tag": "t2"}}), "item")
    rec = WRMFRecommender(4, alpha=2.0, regularization=0.5, regularization_scaling=scaling, random_state=0)
    rec.fit(X, y, item_features=tags)
    known, unknown = [rec.items_[0], NEW], NEW + 9  # NEW + 1 is in nobody's history, so it is not part of the objective
    history = pd.DataFrame({"user": 0, "item": [*known, unknown], "weight": [1.0, 2.0, 3.0]})
    table = rec.recommend(history=history, k=99, exclude_seen=False)
    items = np.vstack([rec.item_factors_[rec.items_ <= NEW], rec._unknown_item]).astype(np.float64)
    excess = np.zeros(len(items))
    excess[[0, -2, -1]] = rec.alpha * np.array([1.0, 2.0, 3.0])
    trained = rec.interactions_.toarray()[:, rec.items_ < NEW]
    w = reference.confidences(trained, rec.alpha).sum(axis=1)
    # The penalty is the same as if all items of the history had been in training.
    lam = rec.regularization * ((trained.shape[1] + excess.sum()) / w.mean()) ** scaling
    expected = rec.item_factors_ @ reference.solve_row(excess, items, lam)
    np.testing.assert_allclose(scores_of(table, rec), expected, atol=1e-5)  # float32 vectors


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
def test_the_vector_of_a_history_does_not_depend_on_other_users_of_the_query(tiny):
    X, y, _, _ = tiny
    rec = WRMFRecommender(4, random_state=0).fit(X, y)
    past = [[1, int(item)] for item in rec.items_[:4]]
    alone, batch = (
        rec.recommend(history=rows, k=99, exclude_seen=False) for rows in (past, [*past, [2, NEW], [2, NEW + 1]])
    )
    batch = batch[(batch["user"] == 1) & ~batch["item"].isin([NEW, NEW + 1])]
    # The same problem, but the shapes of the matrices differ.
    np.testing.assert_allclose(scores_of(alone, rec), scores_of(batch, rec), rtol=1e-5, atol=1e-6)


def scores_of(table, rec):
    return table.set_index("item")["score"][rec.items_]


def test_the_id_of_a_new_item_may_sort_before_known_ids(planted):
    X, y, _ = planted
    rec = WRMFRecommender(4, random_state=0).fit(X.assign(item=X["item"] + 1000), y)
    users, other = rec.users_[:5], rec.users_[9:10]
    first, last = (
        rec.recommend(other, k=rec.items_.size + 1, item_history=[[user, new] for user in users], exclude_seen=False)
        for new in (5, 5000)
    )
    # The same vector for any position of the id, but BLAS sums the first and the last columns in different orders.
    assert first.set_index("item")["score"][5] == pytest.approx(last.set_index("item")["score"][5000], rel=1e-5)


def test_an_item_of_strength_zero_in_a_history_is_not_a_candidate(planted):
    X, y, _ = planted
    rec = WRMFRecommender(4, max_iter=2, random_state=0).fit(X, y)
    history = pd.DataFrame({"user": rec.users_[:1], "item": NEW, "weight": 0.0})
    assert NEW not in set(rec.recommend(k=1000, item_history=history)["item"])


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownFeatureWarning")
@FACTORS
def test_without_identity_an_item_with_unknown_features_is_the_mean_item(recommender, planted):
    X, _, tags = planted
    encoder = SideFeatureEncoder(identity=False)
    rec = recommender(6, max_iter=4, item_encoder=encoder, random_state=0).fit(X, item_features=tags)
    options = {"k": 1, "candidates": [NEW]}
    unknown = SideFeatures.from_dicts({NEW: {"tag": "unknown"}})
    with_features = rec.recommend(item_features=unknown, **options)
    np.testing.assert_allclose(scores(with_features), scores(rec.recommend(**options)), rtol=1e-5)


@pytest.mark.parametrize(
    "recommender, identity_weight",
    # With another weight, WRMF has another penalty, and one iteration changes the vectors accordingly.
    [(WRMFRecommender, 1.0), (WARPRecommender, 1.0), (WARPRecommender, 0.2), (BPRRecommender, 0.2)],
)
def test_a_warm_start_with_features_starts_from_the_old_vectors(recommender, identity_weight, planted):
    X, y, tags = planted
    X, y = X[y > 0], y[y > 0]
    rec = recommender(6, max_iter=10, random_state=0).fit(X, np.minimum(y, 1))
    before = rec.predict(X.iloc[:50])
    encoder = SideFeatureEncoder(identity_weight=identity_weight)
    rec.set_params(item_encoder=encoder, max_iter=1, warm_start=True)
    if recommender is not WRMFRecommender:
        rec.set_params(learning_rate=1e-9)
    rec.fit(X, np.minimum(y, 1), item_features=tags)
    # One epoch from the old vectors: WRMF starts near its solution, and the others hardly move.
    assert np.corrcoef(rec.predict(X.iloc[:50]), before)[0, 1] > 0.9
    np.testing.assert_allclose(rec.predict(X.iloc[:50]).mean(), before.mean(), rtol=0.2)


@FACTORS
def test_queries_encode_features_as_in_training(recommender, planted):
    X, _, tags = planted
    encoder = SideFeatureEncoder(max_interactions=20)
    rec = recommender(
        6, max_iter=6, early_stopping=True, validation_fraction=0.5, item_encoder=encoder, random_state=0
    ).fit(X, item_features=tags)
    user, k = rec.users_[:1], len(rec.items_)
    plain = rec.recommend(user, k=k, exclude_seen=False)
    with_features = rec.recommend(user, k=k, exclude_seen=False, item_features=rec.item_features_)
    merged = plain.merge(with_features, on=["user", "item"])
    np.testing.assert_allclose(merged["score_y"], merged["score_x"], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("recommender", PAIRWISE)
def test_fold_in_never_samples_items_without_interactions(recommender, planted):
    X, _, tags = planted
    more = {NEW + n: {"tag": "t0"} for n in range(200)}
    all_tags = tags.updated(SideFeatures.from_dicts(more), "item")
    rec = recommender(6, max_iter=4, random_state=0).fit(X, item_features=all_tags)
    history = X[X["user"] == X["user"].iloc[0]].assign(user=NEW)
    vectors = rec._query_vectors("user", *query_of(rec, history))
    rec.item_factors_ = rec.item_factors_.copy()
    rec.item_factors_[np.isin(rec.items_, list(more))] = 1e3  # all would be violations
    np.testing.assert_array_equal(rec._query_vectors("user", *query_of(rec, history)), vectors)


def query_of(rec, history):
    """Arguments of `_query_vectors` for the users of a history."""
    context = QueryContext(history=check_interactions(history))
    query = build_query(rec.users_, rec.items_, rec.interactions_, user_context=context)
    return query.users, query.user_codes, context


@pytest.mark.parametrize("new", ["m0", "m4"])
def test_ties_of_new_and_known_items_are_broken_by_the_order_of_ids(new):
    X = pd.DataFrame({"user": ["ann", "ann", "bob", "bob"], "item": ["m1", "m2", "m2", "m3"]})
    known = SideFeatures.from_dicts({item: {"tag": "a"} for item in ("m1", "m2", "m3", "m5")})
    rec = WRMFRecommender(2, max_iter=2, random_state=0).fit(X, item_features=known)  # m5 has no interactions
    table = rec.recommend("ann", item_features=SideFeatures.from_dicts({new: {"tag": "a"}}), exclude=["m3"])
    assert len(set(table["score"])) == 1
    assert table["item"].tolist() == sorted([new, "m5"])
