"""explain: contributions by history and by features, and their sums."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import reference
from estimators import small

from sklearn_recsketch import (
    SideFeatureEncoder,
    SideFeatures,
    WARPRecommender,
    WRMFRecommender,
)
from sklearn_recsketch.exceptions import DivergenceWarning
from sklearn_recsketch.inspection import explain

MODELS = small(max_iter=5, alpha=5, regularization=1)
PAIRWISE = MODELS[1:]
COLD_USER, COLD_ITEM = 777, 888


def name_of(model):
    return type(model).__name__


def with_params(model, **params):
    """Unfitted copy of a model with other parameters."""
    return model.__class__(**{**model.get_params(), **params})


def rows(table, *sources):
    """Rows of some sources."""
    return table[table["source"].isin(sources)].reset_index(drop=True)


def total(table):
    return table["contribution"].sum()


@pytest.fixture(scope="module")
def featured(tiny):
    """X, y and features of users and items, including a user and an item without interactions."""
    X, y, items, users = tiny
    users = users.updated(SideFeatures.from_dicts({COLD_USER: {"land": "l1", "age": 3.0}}), "user")
    items = items.updated(SideFeatures.from_dicts({COLD_ITEM: {"tag": ["t1", "t2"]}}), "item")
    return X, y, {"user_features": users, "item_features": items}


@pytest.fixture(scope="module")
def plain(tiny):
    """WRMF without features."""
    return with_params(MODELS[0]).fit(tiny[0], tiny[1])


@pytest.fixture(scope="module", params=MODELS, ids=name_of)
def fitted(request, featured):
    """Each model fitted with features of users and items."""
    X, y, features = featured
    return with_params(request.param).fit(X, y, **features)


# Sums of contributions.


@pytest.mark.parametrize("with_features", [False, True])
@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_contributions_sum_to_the_prediction(model, with_features, featured):
    X, y, features = featured
    rec = with_params(model).fit(X, y, **(features if with_features else {}))
    for user, item in zip(rec.users_, np.resize(rec.items_, len(rec.users_))):
        for by in (None, "features"):
            # Vectors are sums of embeddings rounded to float32.
            assert total(explain(rec, user, item, by=by)) == pytest.approx(rec.predict([[user, item]])[0], abs=1e-5)


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
@pytest.mark.parametrize("user", [999, 3])
def test_contributions_of_a_folded_in_user_sum_to_the_score(fitted, user):
    history = pd.DataFrame({"user": user, "item": [*fitted.items_[:4], 12345], "weight": [1.0, 2, 3, 4, 5]})
    scores = fitted.recommend(history=history, k=99, exclude_seen=False).set_index("item")["score"]
    for item in fitted.items_[::3]:
        table = explain(fitted, user, item, history=history)
        # rtol: the kernel sums inner products in float32 in another order.
        assert total(table) == pytest.approx(scores[item], rel=1e-5, abs=1e-5)
        # The sum is correct for any remainder, so the remainder is tested separately: the residual of the exact
        # solver is 1e-6, and vectors are float32.
        assert (np.abs(rows(table, "remainder")["contribution"]) < 1e-5).all()


def test_contributions_are_correct_after_partial_fit(fitted, featured):
    X, y, features = featured
    rec = (
        with_params(fitted)
        .fit(X, y, **features)
        .partial_fit([[int(fitted.users_[0]), 555], [444, int(fitted.items_[0])]])
    )
    for user, item in ((fitted.users_[0], 555), (444, 555)):
        table = explain(rec, user, item)
        assert total(table) == pytest.approx(rec.predict([[user, item]])[0], abs=1e-5)
        assert len(rows(table, "history")) == rec.interactions_[np.flatnonzero(rec.users_ == user)].nnz


def test_a_diverged_model_is_explained_by_the_last_finite_factors(tiny):
    with pytest.warns(DivergenceWarning):
        rec = WARPRecommender(4, learning_rate=1e30, random_state=0).fit(tiny[0], 100 * tiny[1])
    table = explain(rec, rec.users_[0], rec.items_[0], by="features")
    assert total(table) == pytest.approx(rec.predict([[rec.users_[0], rec.items_[0]]])[0], abs=1e-5)


# By history.


@pytest.mark.parametrize("confidence", ["linear", "log"])
@pytest.mark.parametrize("scaling", [0.0, 0.7])
def test_contributions_match_the_closed_form(featured, confidence, scaling):
    X, y, features = featured
    encoder = SideFeatureEncoder(identity_weight=0.5)
    rec = with_params(MODELS[0], confidence=confidence, regularization_scaling=scaling, user_encoder=encoder)
    rec.fit(X, y, **features)
    active = rec.items_ != COLD_ITEM
    strengths = rec.interactions_.toarray()[:, active]
    items = rec.item_factors_.astype(np.float64)
    is_active, n_identity = rec.users_ != COLD_USER, len(rec.users_)
    lam = np.zeros(len(rec.users_))
    lam[is_active] = reference.scaled_penalties(strengths[is_active], rec.alpha, 1.0, scaling, confidence)
    for u in np.flatnonzero(is_active)[::4]:
        design = rec.user_encoder_.transform(rec.user_features_)[[u]].toarray()[0, n_identity:]
        feature_parts = design[:, None] * rec.user_embeddings_[n_identity:]
        history, parts = reference.score_shares(
            strengths[u], items[active], lam[u] / 0.5**2, items[3], rec.alpha, confidence, feature_parts
        )
        table = explain(rec, rec.users_[u], rec.items_[3]).set_index("name")["contribution"]
        names = rec.user_encoder_.feature_names_
        expected = {rec.items_[active][j]: share for j, share in history.items()}
        expected |= {name: share for name, share, value in zip(names, parts, design) if value}
        assert set(table.index[:-1]) | {None} == {*expected, None}
        # Relative to the largest contribution: confidences and penalties are float32, and contributions cancel.
        scale = np.abs(table).max()
        assert all(table[name] == pytest.approx(share, abs=1e-5 * scale) for name, share in expected.items())


def test_the_remainder_goes_to_zero_as_training_converges(tiny):
    X, y = tiny[:2]
    remainders = []
    for max_iter in (1, 30, 1000):
        rec = with_params(MODELS[0], n_components=2, solver="cholesky", max_iter=max_iter).fit(X, y)
        tables = [explain(rec, user, item) for user in rec.users_[:5] for item in rec.items_[:5]]
        remainders.append(max(abs(table["contribution"].iloc[-1]) for table in tables))
    assert remainders[0] > 10 * remainders[1] > 0
    # Rows are solved to a relative residual of 1e-6, which the condition number of A amplifies.
    assert remainders[2] < 1e-4


def test_the_remainder_goes_to_zero_with_early_stopping(tiny):
    def increasing_score(estimator, X, y):
        return estimator.n_iter_

    rec = with_params(MODELS[0], n_components=2, solver="cholesky", max_iter=1000, regularization_scaling=1.0)
    rec.set_params(early_stopping=True, validation_fraction=0.4, scoring=increasing_score).fit(*tiny[:2])
    for user in rec.users_[:5]:
        table = explain(rec, user, rec.items_[0])
        assert abs(table["contribution"].iloc[-1]) < 1e-4  # as above


def test_removing_an_interaction_changes_the_score_in_the_opposite_direction_of_its_contribution(plain):
    """Let s be the contribution of j divided by its confidence 1 + e, h = y_j A^-1 y_j and p the score of j.

    Removing j changes the score by -s (1 + e (1 - p)) / (1 - e h). Because e h < 1, the score decreases if s > 0 and
    p < 1 + 1 / e.
    """
    past = [[999, int(item)] for item in plain.items_[:6]]
    scores = plain.recommend(history=past, k=99, exclude_seen=False).set_index("item")["score"]
    assert (scores[plain.items_[:6]] < 1 + 1 / plain.alpha).all()
    n_compared = 0
    for item in plain.items_[6:]:
        table = rows(explain(plain, 999, item, history=past), "history").set_index("name")["contribution"]
        for j in table.index[np.abs(table) > 1e-4]:  # far above the precision of float32
            rest = plain.recommend(history=[pair for pair in past if pair[1] != j], k=99, exclude_seen=False)
            decrease = scores[item] - rest.set_index("item")["score"][item]
            assert np.sign(decrease) == np.sign(table[j])
            n_compared += 1
    assert n_compared > 20


def test_the_contribution_of_an_item_to_its_own_score_increases_with_the_strength(plain):
    def share(strength):
        past = [[999, int(plain.items_[0]), strength], [999, int(plain.items_[1]), 1.0]]
        table = explain(plain, 999, plain.items_[0], history=past).set_index("name")["contribution"]
        return table[plain.items_[0]]

    # The contribution is c h / (1 + c h), where h is computed without this interaction. It increases in c up to 1.
    assert 0 < share(1) < share(2) < share(100) < 1


def test_a_single_interaction_contributes_the_whole_score(plain):
    history = [[999, int(plain.items_[0])]]
    table = explain(plain, 999, plain.items_[5], history=history)
    score = plain.recommend(history=history, candidates=plain.items_[[5]])["score"][0]
    assert rows(table, "history")["contribution"].tolist() == [pytest.approx(score, abs=1e-6)]


def test_a_history_replaces_the_interactions_in_fit(plain):
    user, items = int(plain.users_[0]), plain.items_[2:4].tolist()
    history = [[user, items[0]], [user, items[1]], [user, items[0]], [int(plain.users_[1]), int(plain.items_[4])]]
    assert set(rows(explain(plain, user, plain.items_[5], history=history), "history")["name"]) == set(items)


def test_unknown_items_of_a_history_are_listed(fitted):
    history = [[999, 12345], [999, int(fitted.items_[0])], [998, 11111]]
    assert set(rows(explain(fitted, 999, fitted.items_[3], history=history), "history")["name"]) == {
        12345,
        fitted.items_[0],
    }


def test_a_user_known_by_features_only_is_explained_by_features(featured):
    X, y, features = featured
    rec = with_params(MODELS[0]).fit(X, y, **features)
    table = explain(rec, COLD_USER, rec.items_[3])
    assert sorted(zip(table["source"], table["name"])) == [
        ("mean user", COLD_USER),
        ("user feature", "age"),
        ("user feature", "land=l1"),
    ]


def test_users_without_identity_embeddings_are_explained_by_features(featured):
    X, y, features = featured
    rec = with_params(MODELS[0], user_encoder=SideFeatureEncoder(identity=False)).fit(X, y, **features)
    table = explain(rec, rec.users_[0], rec.items_[3])
    assert table["source"].unique().tolist() == ["user feature"]
    assert total(table) == pytest.approx(rec.predict([[rec.users_[0], rec.items_[3]]])[0], abs=1e-5)
    # The vector of a folded-in user is solved from interactions, which have contributions.
    folded = explain(rec, 999, rec.items_[3], history=[[999, int(rec.items_[0])]])
    assert folded["source"].tolist() == ["history", "remainder"]


def test_interactions_held_out_for_early_stopping_are_not_listed(planted):
    X, y, _ = planted
    rec = WRMFRecommender(4, early_stopping=True, max_iter=5, validation_fraction=0.3, random_state=0).fit(X, y)
    listed = sum(len(explain(rec, user, rec.items_[0])) - 1 for user in rec.users_[:50])
    assert listed == rec._n_interactions_of_users[:50].sum() < rec.interactions_[:50].nnz


def test_contributions_without_penalty_sum_to_the_score_of_the_projection_of_a_cold_item(featured):
    X, y, features = featured
    rec = WRMFRecommender(20, regularization=0, max_iter=3, random_state=0)
    rec.fit(X, y, item_features=features["item_features"])
    # There are more components than items with interactions, so these do not span the vector of the cold item.
    shares = rows(explain(rec, rec.users_[0], COLD_ITEM), "history")["contribution"]
    active = rec.item_factors_[rec.items_ != COLD_ITEM].astype(np.float64)
    cold = rec.item_factors_[rec.items_ == COLD_ITEM][0]
    # Without a penalty, the scores of items with interactions equal the preferences. The score of the cold item is that
    # of its projection on their span.
    preferences = rec.interactions_.toarray()[0, rec.items_ != COLD_ITEM] > 0
    assert shares.sum() == pytest.approx(preferences @ np.linalg.lstsq(active.T, cold)[0], abs=1e-3)


# By features.


def test_contributions_of_embeddings_are_their_inner_products_with_the_user(fitted):
    user, i = fitted.users_[2], 5
    table = explain(fitted, user, fitted.items_[i], by="features").set_index(["source", "name"])["contribution"]
    values = fitted.item_encoder_.transform(fitted.item_features_)[[i]].toarray()[0]
    products = fitted.item_embeddings_.astype(np.float64) @ fitted.user_factors_[2]
    names = [("item", id_) for id_ in fitted.items_]
    names += [("item feature", name) for name in fitted.item_encoder_.feature_names_]
    expected = {name: product for name, product in zip(names, values * products) if name[0] != "item" or product}
    found = table[["item", "item feature"]].to_dict()
    assert found.keys() == {name for name, value in zip(names, values) if value}
    assert all(found[name] == pytest.approx(expected[name], rel=1e-6) for name in found)


@pytest.mark.parametrize("model", PAIRWISE, ids=name_of)
def test_the_bias_of_an_item_has_its_own_row(model, featured):
    X, y, features = featured
    rec = with_params(model).fit(X, y, **features)
    table = rows(explain(rec, rec.users_[0], rec.items_[3]), "bias")
    assert table["name"].tolist() == [rec.items_[3]]
    assert table["contribution"].tolist() == [pytest.approx(rec.item_biases_[3])]


def test_past_items_are_sorted_by_similarity_and_have_no_contribution(fitted):
    item = fitted.items_[5]
    table = explain(fitted, fitted.users_[2], item, by="features")
    past = table.iloc[-int(fitted._n_interactions_of_users[2]) :]
    assert (past["source"] == "history").all()
    assert past["contribution"].isna().all()
    assert past["similarity"].is_monotonic_decreasing
    assert set(past["name"]) == set(fitted.items_[fitted.interactions_[[2]].indices])


def test_items_known_by_features_only_are_explained(fitted):
    for by in (None, "features"):
        table = explain(fitted, fitted.users_[0], COLD_ITEM, by=by)
        assert total(table) == pytest.approx(fitted.predict([[fitted.users_[0], COLD_ITEM]])[0], abs=1e-5)
    assert set(rows(table, "item feature")["name"]) == {"tag=t1", "tag=t2"}
    # It has no identity embedding.
    assert rows(table, "mean item")["name"].tolist() == [COLD_ITEM]
    assert "item" not in set(table["source"])


def test_an_item_without_identity_embedding_has_no_row_for_it(featured):
    X, y, features = featured
    rec = with_params(MODELS[0], item_encoder=SideFeatureEncoder(identity=False)).fit(X, y, **features)
    table = explain(rec, rec.users_[0], COLD_ITEM, by="features")
    assert set(table["source"]) == {"item feature", "history"}


# Tables.


@pytest.mark.parametrize("by", [None, "features"])
def test_similarity_equals_the_score_of_similar_items(fitted, by):
    item = fitted.items_[5]
    past = rows(explain(fitted, fitted.users_[2], item, by=by), "history").set_index("name")["similarity"]
    similarities = fitted.similar_items(item, k=99).set_index("similar_item")["score"]
    for name in past.index:
        assert past[name] == pytest.approx(1.0 if name == item else similarities[name], abs=1e-5)


@pytest.mark.parametrize("by", [None, "features"])
def test_rows_are_sorted_by_contribution(fitted, by):
    table = explain(fitted, fitted.users_[2], fitted.items_[5], by=by)
    last = rows(table, "remainder")["source"].tolist()
    terms = table["contribution"].dropna()
    assert terms.iloc[: len(terms) - len(last)].is_monotonic_decreasing
    assert table["source"].tolist()[-1] == ("history" if not last else "remainder")


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_text_ids_are_returned_as_text(model, checkerboard):
    X = "x" + checkerboard.astype(str)
    rec = with_params(model).fit(X)
    for by in (None, "features"):
        table = explain(rec, "x4", "x8", by=by)
        assert set(rows(table, "history")["name"]) == set(X["item"][X["user"] == "x4"])
        assert total(table) == pytest.approx(rec.predict([["x4", "x8"]])[0], abs=1e-5)


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_the_table_is_a_polars_frame_after_fit_on_polars(model, featured):
    polars = pytest.importorskip("polars", reason="polars is an optional dependency")
    X, y, features = featured
    rec = with_params(model).fit(polars.from_pandas(X), y, item_features=features["item_features"])
    pandas = with_params(model).fit(X, y, item_features=features["item_features"])
    for by in (None, "features"):
        table, expected = (explain(fit, rec.users_[0], rec.items_[3], by=by) for fit in (rec, pandas))
        assert isinstance(table, polars.DataFrame)
        assert table["contribution"].sum() == expected["contribution"].sum()  # the sum skips null, but not NaN
        features_named = "item feature" in table["source"]
        assert table["name"].dtype == (polars.String if features_named else polars.Int64)
        assert [str(name) for name in table["name"]] == [str(name) for name in expected["name"]]


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_integer_ids_stay_integers_in_polars_without_features(model, tiny):
    polars = pytest.importorskip("polars", reason="polars is an optional dependency")
    rec = with_params(model).fit(polars.from_pandas(tiny[0]), tiny[1])
    for by in (None, "features"):
        assert explain(rec, rec.users_[0], rec.items_[3], by=by)["name"].dtype == polars.Int64


def test_explain_does_not_modify_the_model_or_the_history(fitted):
    history = np.array([[999, 1], [999, 3]])
    history.flags.writeable = False
    before = {name: value.copy() for name, value in vars(fitted).items() if isinstance(value, np.ndarray)}
    first = explain(fitted, 999, fitted.items_[3], history=history)
    pd.testing.assert_frame_equal(first, explain(fitted, 999, fitted.items_[3], history=history))
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(fitted, name), value)
