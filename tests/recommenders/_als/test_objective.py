"""Confidences and penalties of WRMF, passed as parameters or computed from the interactions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import reference
import scipy.sparse as sp

from sklearn_recsketch import SideFeatureEncoder, SideFeatures, WRMFRecommender
from sklearn_recsketch.recommenders._als.objective import FEATURE_SHARE, transformed

NEW = 77_000
SIDES = pytest.mark.parametrize("name", ["user", "item"])
STRUCTURE_FREE = {  # (n_users, n_items, density, exponent of both sides' popularity)
    "wide": (300, 200, 0.05, None),
    "tall": (900, 150, 0.06, None),
    "dense": (200, 200, 0.2, None),
    "long tail": (500, 300, 0.05, 2.0),
}


def dense(rec):
    """Strengths of active users and items, in float64."""
    return rec.interactions_.toarray().astype(np.float64)[rec._active_users][:, rec._active_items]


def literal_penalties(rec, name):
    """Penalty of each active row and of each feature, by the formulas of the docstring."""
    rows = dense(rec) if name == "user" else dense(rec).T
    regularization = getattr(rec, f"{name}_regularization_")
    kind, scale = "scaled_log", rec.strength_scale_
    lam = np.full(len(rows), regularization)
    if name == "item":
        lam = reference.popularity_penalties(rows, regularization, kind, scale)
    encoder, active = getattr(rec, f"{name}_encoder_"), rec._side(name).entities.active
    if encoder is None:
        return lam, np.zeros(0)
    design = encoder.transform(getattr(rec, f"{name}_features_")).toarray()
    design = design[active, len(active) if encoder.identity else 0 :]
    totals = np.array([sum(reference.transformed(row, kind, scale).ravel()) for row in rows])
    of_features = []
    for k in range(design.shape[1]):
        total = sum(design[r, k] ** 2 * totals[r] for r in range(len(rows)))
        least = totals.sum() / (rows > 0).sum()  # the mean of a single interaction
        of_features.append(FEATURE_SHARE * regularization * np.sqrt(max(total, least) / totals.mean()))
    return lam, np.array(of_features)


def literal_penalty(rec, name):
    """Regularization term of one side."""
    lam, of_features = literal_penalties(rec, name)
    encoder, active = getattr(rec, f"{name}_encoder_"), rec._side(name).entities.active
    embeddings = getattr(rec, f"{name}_embeddings_").astype(np.float64)
    if encoder is not None and not encoder.identity:
        return reference.penalty(embeddings, of_features)
    n = len(active)
    return reference.penalty(embeddings[:n][active], lam) + reference.penalty(embeddings[n:], of_features)


def structure_free(n_users, n_items, density, tail, seed=0):
    """Independent random pairs."""
    rng = np.random.default_rng(seed)
    chance = np.full((n_users, n_items), density)
    if tail is not None:
        users, items = (1 + rng.pareto(tail, n) for n in (n_users, n_items))
        chance = np.minimum(density * np.outer(users / users.mean(), items / items.mean()), 0.8)
    return np.argwhere(rng.random(chance.shape) < chance)


def noise_edge(rec):
    """Penalty that shrinks all components of a random matrix with as many interactions to zero."""
    strengths = rec.interactions_
    excess = rec.alpha_ * np.mean(transformed(strengths.data, "scaled_log", rec.strength_scale_))
    per_user, per_item = (strengths.nnz / n for n in strengths.shape)
    return (1 + excess) * (np.sqrt(per_user) + np.sqrt(per_item))


def share_of_noise(rec):
    """Penalty as a fraction of `noise_edge`."""
    return np.sqrt(rec.user_regularization_ * rec.item_regularization_) / noise_edge(rec)


# Confidences.


def test_the_scaled_logarithm_continues_the_linear_part():
    values = transformed(np.array([0.75, 1.5, 3.0, 3.003, 3.0 * np.e], dtype=np.float32), "scaled_log", 3.0)
    np.testing.assert_allclose(values, [0.25, 0.5, 1.0, 1.001, 2.0], atol=1e-6)  # float32; the curve bends by 5e-7


def test_confidences_follow_the_formula_of_the_docstring(tiny):
    X, y, _, _ = tiny
    rec = WRMFRecommender(4, max_iter=1, random_state=0).fit(X, 3 * y)
    d = rec.interactions_.data
    assert rec.strength_scale_ == d.min()
    excess = rec._objective.excess(rec.interactions_).data
    np.testing.assert_allclose(excess, rec.alpha_ * (1 + np.log(d / d.min())), rtol=1e-6)  # float32


@pytest.mark.parametrize("confidence", ["linear", "log", "scaled_log"])
def test_the_mean_excess_confidence_does_not_depend_on_the_transform(confidence, tiny):
    X, y, _, _ = tiny
    equal = WRMFRecommender(4, max_iter=1, random_state=0).fit(X[y > 0])  # the mean is alpha_
    rec = WRMFRecommender(4, confidence=confidence, max_iter=1, random_state=0).fit(X, y)
    assert rec._objective.excess(rec.interactions_).data.mean() == pytest.approx(equal.alpha_, rel=1e-5)  # float32


def test_alpha_is_proportional_to_the_inverse_root_of_the_density():
    sparse, dense = (WRMFRecommender(2, max_iter=1).fit(structure_free(100, 60, p, None)) for p in (0.1, 0.4))
    density = [rec.interactions_.nnz / np.prod(rec.interactions_.shape) for rec in (sparse, dense)]
    assert sparse.alpha_ / dense.alpha_ == pytest.approx(np.sqrt(density[1] / density[0]), rel=1e-6)


def test_a_number_as_alpha_multiplies_untransformed_strengths(tiny):
    X, y, _, _ = tiny
    rec = WRMFRecommender(4, alpha=2.0, max_iter=1, random_state=0).fit(X, y)
    np.testing.assert_array_equal(rec._objective.excess(rec.interactions_).data, 2 * rec.interactions_.data)
    assert rec.strength_scale_ == 1.0


# Penalties.


@SIDES
@pytest.mark.parametrize("scaling", ["auto", "popularity", 0.5, 1.0])
def test_penalties_of_rows_follow_the_formula(name, scaling, tiny):
    X, y, _, _ = tiny
    rec = WRMFRecommender(4, regularization_scaling=scaling, max_iter=1, random_state=0).fit(X, y)
    rows = dense(rec) if name == "user" else dense(rec).T
    regularization = getattr(rec, f"{name}_regularization_")
    if isinstance(scaling, float):
        c = reference.confidences(rows, rec.alpha_, "scaled_log", rec.strength_scale_)
        expected = np.array([regularization * (row.sum() / c.sum(axis=1).mean()) ** scaling for row in c])
    else:
        expected = literal_penalties(rec, name)[0]
    found = rec._objective.row_penalties(name, rec._objective.ratings(sp.csr_array(rows.astype(np.float32))))
    np.testing.assert_allclose(np.broadcast_to(found, len(rows)), expected, rtol=1e-5)  # float32 strengths


@SIDES
def test_a_number_for_one_side_leaves_the_other_automatic(name, tiny):
    X, y, _, _ = tiny
    automatic = WRMFRecommender(4, max_iter=1, random_state=0).fit(X, y)
    rec = WRMFRecommender(4, max_iter=1, random_state=0, **{f"{name}_regularization": 3.0}).fit(X, y)
    other = "item" if name == "user" else "user"
    assert getattr(rec, f"{name}_regularization_") == 3.0
    assert getattr(rec, f"{other}_regularization_") == getattr(automatic, f"{other}_regularization_")


@SIDES
def test_auto_for_one_side_overrides_a_number_for_both(name, tiny):
    X, y, _, _ = tiny
    automatic = WRMFRecommender(4, max_iter=1, random_state=0).fit(X, y)
    rec = WRMFRecommender(4, regularization=3.0, max_iter=1, **{f"{name}_regularization": "auto"}).fit(X, y)
    other = "item" if name == "user" else "user"
    assert getattr(rec, f"{name}_regularization_") == getattr(automatic, f"{name}_regularization_")
    assert getattr(rec, f"{other}_regularization_") == 3.0


def test_with_numbers_for_both_sides_all_rows_have_the_same_penalty(tiny):
    X, y, _, _ = tiny
    rec = WRMFRecommender(4, user_regularization=2.0, item_regularization=3.0, max_iter=1).fit(X, y)
    assert rec._objective.scaling == 0
    assert rec._objective.penalties == (2.0, 3.0)


def test_feature_regularization_shrinks_embeddings_of_features(tiny):
    X, y, item_features, _ = tiny
    rec = WRMFRecommender(4, feature_regularization=0.0, solver="cholesky", max_iter=2, random_state=0)
    free = rec.fit(X, y, item_features=item_features).item_embeddings_[len(rec.items_) :]
    rec.set_params(feature_regularization=1e6).fit(X, y, item_features=item_features)
    assert np.abs(rec.item_embeddings_[len(rec.items_) :]).max() < 1e-3 * np.abs(free).max()


# Loss.


@pytest.mark.parametrize("solver", ["auto", "cg", "cholesky"])
@pytest.mark.parametrize(
    "featured", ["none", "items", "users", "both", "items without identity", "items, one of them cold"]
)
def test_loss_curve_is_the_dense_loss(solver, featured, tiny):
    X, y, item_features, user_features = tiny
    if "cold" in featured:  # its feature occurs in no training item
        item_features = item_features.updated(SideFeatures.from_dicts({NEW: {"tag": "unused"}}), "item")
    encoder = SideFeatureEncoder(identity="without" not in featured, identity_weight=0.5)
    rec = WRMFRecommender(4, solver=solver, item_encoder=encoder, max_iter=4, random_state=0)
    rec.fit(
        X,
        y,
        item_features=item_features if featured.startswith(("items", "both")) else None,
        user_features=user_features if featured in ("users", "both") else None,
    )
    U, V = (f.astype(np.float64) for f in (rec.user_factors_[rec._active_users], rec.item_factors_[rec._active_items]))
    loss = reference.pair_loss(dense(rec), U, V, rec.alpha_, "scaled_log", rec.strength_scale_)
    loss += literal_penalty(rec, "user") + literal_penalty(rec, "item")
    assert rec.loss_curve_[-1] == pytest.approx(loss, rel=5e-5)  # float32 sums


@pytest.mark.parametrize("solver", ["auto", "cholesky"])
@pytest.mark.parametrize("identity", [True, False])
def test_a_feature_without_interactions_stays_at_zero(identity, solver, tiny):
    X, y, item_features, _ = tiny
    item_features = item_features.updated(SideFeatures.from_dicts({NEW: {"tag": "unused"}}), "item")
    rec = WRMFRecommender(4, solver=solver, item_encoder=SideFeatureEncoder(identity=identity), random_state=0)
    rec.fit(X, y, item_features=item_features)
    row = rec.item_embeddings_[-len(rec.item_encoder_.feature_names_) :][
        rec.item_encoder_.feature_names_ == "tag=unused"
    ]
    assert np.abs(row).max() < 1e-6


@pytest.mark.parametrize("featured", [False, True])
def test_gradient_vanishes_for_the_side_solved_last(featured, tiny):
    X, y, item_features, _ = tiny
    rec = WRMFRecommender(4, solver="cholesky", max_iter=4, random_state=0)
    rec.fit(X, y, item_features=item_features if featured else None)
    active = rec._active_items
    U, V = rec.user_factors_[rec._active_users].astype(np.float64), rec.item_factors_[active].astype(np.float64)
    kind = "scaled_log", rec.strength_scale_
    gradient, size = reference.user_gradient(dense(rec).T, V, U, 0.0, rec.alpha_, *kind)
    lam, of_features = literal_penalties(rec, "item")
    W = rec.item_embeddings_.astype(np.float64)
    if featured:
        design = rec.item_encoder_.transform(rec.item_features_).toarray()[active]
        keep = np.append(active, np.ones(len(of_features), dtype=bool))  # cold items are not part of the loss
        gradient, W, lam = (design[:, keep]).T @ gradient, W[keep], np.append(lam, of_features)
    gradient = gradient + 2 * lam[:, None] * W
    # The solver has a relative residual of 1e-6, and vectors are float32.
    assert np.abs(gradient).max() < 2e-5 * size


# Noise.


def singular_values(rec):
    return np.linalg.svd(rec.user_factors_.astype(np.float64) @ rec.item_factors_.T, compute_uv=False)


@pytest.mark.parametrize("kind", ["wide", "tall", "dense"])
def test_penalties_at_the_edge_of_noise_remove_all_components_except_popularity(kind):
    X = structure_free(*STRUCTURE_FREE[kind])
    rec = WRMFRecommender(8, max_iter=200, random_state=0).fit(X)
    relative = {}
    for share in (0.5, 1.05):  # of the edge, which varies by a few percent in finite matrices
        change = share / share_of_noise(rec)
        user, item = change * rec.user_regularization_, change * rec.item_regularization_
        other = WRMFRecommender(8, alpha=rec.alpha_, user_regularization=user, item_regularization=item)
        other.set_params(max_iter=200, regularization_scaling=0, random_state=0).fit(X)
        relative[share] = singular_values(other)[1:8] / singular_values(other)[0]
    assert relative[0.5].max() > 0.03
    assert relative[1.05].max() < 0.01


def test_the_automatic_penalty_is_the_same_fraction_of_the_edge_on_any_data():
    data = [structure_free(*arguments) for arguments in STRUCTURE_FREE.values()]
    shares = [share_of_noise(WRMFRecommender(8, max_iter=1).fit(X)) for X in data]
    np.testing.assert_allclose(shares, shares[0], rtol=1e-6)
    assert 0 < shares[0] <= 1


def test_penalties_depend_on_strengths_by_the_mean_confidence_only(tiny):
    X, y, _, _ = tiny
    # alpha compensates for the transform.
    counts = WRMFRecommender(8, max_iter=1, random_state=0).fit(X[y > 0], y[y > 0])
    equal = WRMFRecommender(8, max_iter=1, random_state=0).fit(X[y > 0])
    assert counts.user_regularization_ == pytest.approx(equal.user_regularization_, rel=1e-5)  # float32 strengths
    assert share_of_noise(counts) == pytest.approx(share_of_noise(equal), rel=1e-5)


def test_planted_components_stand_out_from_noise(planted):
    X, y, _ = planted
    rec = WRMFRecommender(16, max_iter=60, random_state=0).fit(X, y)
    values = singular_values(rec)
    # make_interactions has four components of taste, the fourth half as strong as the first, and one of popularity.
    assert values[4] > 1.5 * values[5]


def test_duplicating_users_halves_the_ratio_of_the_penalties(tiny):
    X, y, _, _ = tiny
    single = WRMFRecommender(4, max_iter=1, random_state=0).fit(X, y)
    double = WRMFRecommender(4, max_iter=1, random_state=0)
    double.fit(pd.concat([X, X.assign(user=X["user"] + 10_000)]), np.tile(y, 2))
    assert double.alpha_ == pytest.approx(single.alpha_, rel=1e-6)  # the density is the same
    assert share_of_noise(double) == pytest.approx(share_of_noise(single), rel=1e-6)
    ratios = [rec.user_regularization_ / rec.item_regularization_ for rec in (single, double)]
    # The total confidences of items double, and those of users stay the same.
    assert ratios[1] == pytest.approx(ratios[0] / 2, rel=1e-6)


def test_exchanging_users_and_items_exchanges_their_penalties(tiny):
    X, y, _, _ = tiny
    rec = WRMFRecommender(4, max_iter=1, random_state=0).fit(X, y)
    exchanged = WRMFRecommender(4, max_iter=1, random_state=0).fit(X[["item", "user"]].to_numpy(), y)
    found = exchanged.alpha_, exchanged.item_regularization_, exchanged.user_regularization_
    np.testing.assert_allclose(found, (rec.alpha_, rec.user_regularization_, rec.item_regularization_), rtol=1e-6)
