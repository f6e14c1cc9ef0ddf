"""Updates by partial_fit with implicit and LightFM as engines."""

from __future__ import annotations

import numpy as np
import pytest
from estimators import PAIRWISE
from sklearn.base import clone

from sklearn_recsketch import BPRRecommender, WARPRecommender, WRMFRecommender

pytest.importorskip("implicit", reason="implicit is not installed: extra [engines]")

pytestmark = pytest.mark.engines
LIGHTFM = pytest.mark.parametrize("recommender", PAIRWISE)


def small(recommender, engine, **parameters):
    """A small recommender. Skip the test if the engine is not installed."""
    pytest.importorskip(engine, reason=f"{engine} is not installed: extra [engines]")
    return recommender(6, engine=engine, random_state=0, **({"max_iter": 4} | parameters))


def test_partial_fit_is_an_iteration_of_implicit(planted):
    X, y, _ = planted
    rec = small(WRMFRecommender, "implicit", solver="cholesky", regularization_scaling=0).fit(X.iloc[:-200], y[:-200])
    native = clone(rec).set_params(engine="native").fit(X.iloc[:-200], y[:-200])
    rec.partial_fit(X.iloc[-200:], y[-200:])
    native.partial_fit(X.iloc[-200:], y[-200:])
    assert rec.loss_curve_[-1] == pytest.approx(native.loss_curve_[-1], rel=1e-5)  # float32 over five iterations


@LIGHTFM
def test_a_batch_in_lightfm_only_changes_users_in_the_batch(recommender, planted):
    X = planted[0]
    rec = small(recommender, "lightfm", regularization=0.0).partial_fit(X)
    before = rec.user_factors_.copy()
    users = X["user"].unique()[:10]
    rec.partial_fit(X[X["user"].isin(users)].groupby("user").head(2))
    moved = (rec.user_factors_ != before).any(axis=1)
    assert set(rec.users_[moved]) <= set(users)


@LIGHTFM
def test_a_batch_in_lightfm_never_samples_earlier_interactions(recommender):
    X = np.array([[0, i] for i in range(5)] + [[u, i] for u in range(1, 6) for i in range(u, 6)])
    rec = small(recommender, "lightfm", regularization=0.0).partial_fit(X)
    before = rec.item_factors_.copy()
    rec.partial_fit([[0, 0]])
    moved = (rec.item_factors_ != before).any(axis=1)
    assert set(rec.items_[moved]) <= {0, 5}  # user 0 has interacted with all items except 5


@pytest.mark.parametrize(
    ("recommender", "engine"),
    [(BPRRecommender, "implicit"), (BPRRecommender, "lightfm"), (WARPRecommender, "lightfm")],
    ids=["implicit-bpr", "lightfm-bpr", "lightfm-warp"],
)
def test_updates_reach_most_of_the_gain_of_a_fit(recommender, engine, split):
    X, _, X_test, _ = split
    late = np.random.default_rng(0).random(len(X)) < 0.3
    rec = small(recommender, engine, max_iter=20).fit(X[~late])
    before, whole = rec.score(X_test), clone(rec).fit(X).score(X_test)
    for part in range(3):
        rec.partial_fit(X[late].iloc[part::3])
    assert rec.score(X_test) > before + 0.5 * (whole - before)


def test_bpr_of_implicit_does_not_support_batches(planted):
    X = planted[0].drop_duplicates()
    first = small(BPRRecommender, "implicit").partial_fit(X[::2])
    with pytest.raises(ValueError, match="does not support partial_fit in batches"):
        first.partial_fit(X[1::2])


def test_bpr_of_implicit_supports_partial_fit_as_a_first_fit(planted):
    assert small(BPRRecommender, "implicit").partial_fit(planted[0]).n_iter_ == 1
