"""implicit and LightFM as engines of the recommenders."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import reference
import scipy.sparse as sp
from estimators import ENGINES, PAIRWISE
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_recsketch import BPRRecommender, SideFeatures, WARPRecommender, WRMFRecommender
from sklearn_recsketch.exceptions import DivergenceWarning
from sklearn_recsketch.model_selection import EpochSearchCV, UserHoldoutSplit
from sklearn_recsketch.recommenders._pairwise.implicit_engine import regularization_of
from sklearn_recsketch.recommenders._pairwise.lightfm_engine import alpha_of
from sklearn_recsketch.recommenders._pairwise.losses import strength_weights

pytest.importorskip("implicit", reason="implicit is not installed: extra [engines]")

pytestmark = pytest.mark.engines
NEEDS_LIGHTFM = "LightFM is not installed: extra [engines]"
EVERY = pytest.mark.parametrize(("recommender", "engine"), ENGINES, ids=lambda value: getattr(value, "__name__", value))
LIGHTFM = pytest.mark.parametrize("recommender", PAIRWISE)
CV = UserHoldoutSplit(n_items=2, random_state=0)


def small(recommender, engine, **parameters):
    """A small recommender. Skip the test if the engine is not installed."""
    if engine != "native":
        pytest.importorskip(engine, reason=NEEDS_LIGHTFM)
    return recommender(6, engine=engine, random_state=0, **({"max_iter": 4} | parameters))


# The same objective.


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"confidence": "log"},
        {"user_regularization": 3.0, "item_regularization": 0.5},
        {"early_stopping": True},
    ],
    ids=str,
)
def test_implicit_with_cholesky_has_our_loss_curve(planted, parameters):
    X, y, _ = planted
    rec = WRMFRecommender(6, alpha=5.0, regularization=1.0, solver="cholesky", random_state=0, **parameters).fit(X, y)
    theirs = clone(rec).set_params(engine="implicit").fit(X, y)
    # Both solve in float32, and the differences of 15 iterations add up.
    np.testing.assert_allclose(theirs.loss_curve_, rec.loss_curve_, rtol=1e-5)
    np.testing.assert_allclose(theirs.predict(X), rec.predict(X), atol=5e-3)


@pytest.mark.parametrize("solver", ["auto", "cg"])
def test_implicit_with_conjugate_gradient_reaches_the_same_loss(planted, solver):
    X, y, _ = planted
    exact = WRMFRecommender(6, alpha=5.0, regularization=10.0, solver="cholesky", max_iter=60, random_state=0).fit(X, y)
    theirs = clone(exact).set_params(engine="implicit", solver=solver).fit(X, y)
    assert theirs.loss_curve_[-1] == pytest.approx(
        exact.loss_curve_[-1], rel=1e-3
    )  # alternation has not fully converged


def test_the_loss_curve_of_implicit_is_the_loss_of_its_factors(planted):
    X, y, _ = planted
    rec = small(WRMFRecommender, "implicit", alpha=5.0, user_regularization=2.0, regularization=1.0).fit(X, y)
    U, V = rec.user_factors_.astype(np.float64), rec.item_factors_.astype(np.float64)
    loss = reference.pair_loss(rec.interactions_.toarray().astype(np.float64), U, V, alpha=5.0)
    loss += reference.penalty(U, 2.0) + reference.penalty(V, 1.0)
    assert rec.loss_curve_[-1] == pytest.approx(loss, rel=1e-6)


@LIGHTFM
def test_the_engine_runs_epochs_of_lightfm(recommender, planted):
    lightfm = pytest.importorskip("lightfm", reason=NEEDS_LIGHTFM)
    X, y, _ = planted
    assert len(np.unique(y)) > 1  # with strengths
    options = {"max_sampled": 3} if recommender is WARPRecommender else {}
    rec = small(recommender, "lightfm", max_iter=2, regularization=0.2, average=False, **options).fit(X, y)
    start = recommender(6, random_state=0, max_iter=1, learning_rate=1e-30).fit(X)
    loss = "warp" if recommender is WARPRecommender else "bpr"
    alpha = alpha_of(0.2, rec._loss(len(rec.items_)), rec.interactions_)
    model = lightfm.LightFM(
        6, loss=loss, learning_rate=rec.learning_rate, user_alpha=alpha, item_alpha=alpha, **options
    )
    strengths = sp.csr_matrix(strength_weights(rec.interactions_)).tocoo()
    interactions = sp.coo_matrix((np.ones_like(strengths.data), (strengths.row, strengths.col)), shape=strengths.shape)
    model.fit_partial(interactions, epochs=0)
    model.user_embeddings, model.item_embeddings = start.user_factors_.copy(), start.item_factors_.copy()
    for epoch in range(2):
        model.random_state = np.random.RandomState([rec._seed, epoch])
        model.fit_partial(interactions, sample_weight=strengths)
    np.testing.assert_array_equal(rec.user_factors_, model.user_embeddings)
    np.testing.assert_array_equal(rec.item_factors_, model.item_embeddings)
    np.testing.assert_array_equal(rec.item_biases_, model.item_biases)


@LIGHTFM
def test_a_warm_start_in_lightfm_keeps_biases_and_accumulators(recommender, planted):
    X, _, _ = planted
    rec = small(recommender, "lightfm", max_iter=3, warm_start=True).fit(X)
    before = rec.item_biases_.copy(), rec._training_state["item"][:, 0].copy()
    rec.set_params(learning_rate=1e-30, max_iter=1).fit(X)
    np.testing.assert_array_equal(rec.item_biases_, before[0])
    assert (rec._training_state["item"][:, 0] >= before[1] * 0.999).all()  # sums of squares only grow


def test_the_engine_runs_epochs_of_implicit(planted):
    library = pytest.importorskip("implicit.cpu.bpr", reason="implicit is not installed")
    X, _, _ = planted
    rec = small(BPRRecommender, "implicit", max_iter=2, learning_rate=0.03, average=False).fit(X)
    start = BPRRecommender(6, random_state=0, max_iter=1, learning_rate=1e-30).fit(X)
    penalty = regularization_of(rec, rec.interactions_)
    model = library.BayesianPersonalizedRanking(
        6, learning_rate=0.03, regularization=penalty, iterations=1, num_threads=1
    )
    model.user_factors = np.column_stack([start.user_factors_, np.ones(len(start.users_), np.float32)])
    model.item_factors = np.column_stack([start.item_factors_, np.zeros(len(start.items_), np.float32)])
    for epoch in range(2):
        model.random_state = np.random.default_rng([rec._seed, epoch])
        model.fit(sp.csr_matrix(rec.interactions_), show_progress=False)
    np.testing.assert_array_equal(rec.user_factors_, model.user_factors[:, :-1])
    np.testing.assert_array_equal(rec.item_biases_, model.item_factors[:, -1])


@LIGHTFM
def test_lightfm_trains_on_our_encoding_of_features(recommender, planted):
    X, y, features = planted
    rec = small(recommender, "lightfm").fit(X, y, item_features=features)
    np.testing.assert_allclose(rec.item_factors_, rec._item_design @ rec.item_embeddings_, rtol=1e-5, atol=1e-7)
    n = len(rec.items_)
    assert (np.linalg.norm(rec.item_embeddings_[n:], axis=1) > 0).all()  # all features have been trained


@LIGHTFM
@pytest.mark.parametrize("with_features", [False, True])
def test_lightfm_ranks_better_than_chance(recommender, with_features, split, planted):
    X, _, X_test, _ = split
    features = planted[2] if with_features else None
    rec = small(recommender, "lightfm", max_iter=20).fit(X, item_features=features)
    assert rec.score(X_test) > 0.12  # chance is .05


@LIGHTFM
def test_the_native_engine_ranks_as_well_as_lightfm(recommender, split):
    X, _, X_test, _ = split
    options = {"negative_sampling": "popularity"} if recommender is BPRRecommender else {}

    def score(engine):
        fits = (small(recommender, engine, max_iter=30, **options).set_params(random_state=s).fit(X) for s in range(3))
        return np.mean([rec.score(X_test) for rec in fits])

    ours, theirs = score("native"), score("lightfm")
    # Means of three seeds differ by about .01. One Adagrad rate per embedding instead of per parameter may rank better.
    assert ours > theirs - 0.03


def test_bpr_of_implicit_ranks_better_than_chance(split):
    X, _, X_test, _ = split
    assert small(BPRRecommender, "implicit", max_iter=60).fit(X).score(X_test) > 0.15  # chance is .05


# Behaviour that all recommenders share.


@EVERY
def test_fits_with_the_same_seed_are_identical(recommender, engine, planted):
    rec = small(recommender, engine).fit(planted[0])
    again = clone(rec).fit(planted[0])
    np.testing.assert_array_equal(again.item_factors_, rec.item_factors_)


@EVERY
def test_two_threads_rank_as_well_as_one(recommender, engine, split):
    X, _, X_test, _ = split
    one, two = (small(recommender, engine, max_iter=30, n_jobs=n).fit(X).score(X_test) for n in (1, 2))
    assert two == pytest.approx(one, abs=0.05)  # seeds differ by .02


@EVERY
def test_early_stopping_keeps_the_best_epoch(recommender, engine, planted):
    X = planted[0]
    X_val = X.iloc[::7]
    rec = small(recommender, engine, max_iter=30, early_stopping=True, n_iter_no_change=2, scoring="precision@3")
    rec.fit(X, X_val=X_val)
    assert rec.n_iter_ == np.argmax(rec.validation_scores_) + 1 < len(rec.validation_scores_)
    again = small(recommender, engine, max_iter=rec.n_iter_).fit(X)
    np.testing.assert_array_equal(again.item_factors_, rec.item_factors_)


@EVERY
def test_callbacks_are_called_after_every_epoch(recommender, engine, planted):
    class LossCallback:
        def __init__(self):
            self.losses = []

        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.task_name == "epoch":
                self.losses.append(fitted_estimator.loss_curve_[-1])

    callback = LossCallback()
    rec = small(recommender, engine).set_callbacks(callback).fit(planted[0])
    np.testing.assert_array_equal(callback.losses, rec.loss_curve_)


@EVERY
def test_tol_stops_training(recommender, engine, planted):
    rec = small(recommender, engine, max_iter=50, tol=0.1).fit(planted[0])
    assert 1 < rec.n_iter_ < 50
    assert rec.loss_curve_[-2] - rec.loss_curve_[-1] < 0.1 * rec.loss_curve_[-2]


@EVERY
def test_a_warm_start_continues(recommender, engine, planted):
    rec = small(recommender, engine, max_iter=10, warm_start=True).fit(planted[0])
    last = rec.loss_curve_[-1]
    # The first epoch of a cold start has a loss half as large again. Averages lag behind the last epoch.
    assert rec.fit(planted[0]).loss_curve_[0] < last * 1.1


@EVERY
def test_an_epoch_search_scores_all_candidates(recommender, engine, planted):
    search = EpochSearchCV(small(recommender, engine), {"n_components": [2, 6]}, epochs=[1, 3], cv=CV)
    search.fit(planted[0])
    assert len(search.cv_results_["params"]) == 4


def test_a_grid_search_can_compare_engines(planted):
    grid = {"engine": ["native", "implicit"]}
    search = GridSearchCV(WRMFRecommender(6, solver="cholesky", random_state=0), grid, cv=CV, error_score="raise")
    scores = search.fit(planted[0]).cv_results_["mean_test_score"]
    assert scores[0] == pytest.approx(scores[1], abs=1e-2)  # both solve the same objective exactly


@EVERY
def test_string_ids_and_unknown_users_work(recommender, engine, planted):
    X = planted[0].astype(str)
    rec = small(recommender, engine).fit(X)
    assert len(rec.recommend(["nobody"], k=3, history=[["nobody", X["item"].iloc[0]]])) == 3


@EVERY
def test_input_may_be_read_only(recommender, engine, planted):
    X = planted[0].to_numpy()
    X.flags.writeable = False
    small(recommender, engine).fit(X)


@LIGHTFM
def test_an_item_without_interactions_can_be_recommended(recommender, planted):
    X, y, features = planted
    new = SideFeatures.from_dicts({10_000: {"tag": ["t0", "t1"]}})
    rec = small(recommender, "lightfm").fit(X, y, item_features=features.updated(new, "item"))
    assert np.isfinite(rec.recommend(candidates=[10_000], k=1)["score"]).all()


# Unsupported parameters and data.


@pytest.mark.parametrize(
    ("recommender", "engine", "parameters", "message"),
    [
        (WRMFRecommender, "implicit", {"regularization_scaling": 1.0}, r"regularization_scaling=1\.0"),
        (WRMFRecommender, "lightfm", {}, "'engine' parameter of WRMFRecommender"),
        (WARPRecommender, "implicit", {}, "'engine' parameter of WARPRecommender"),
        (WARPRecommender, "lightfm", {"margin": 2.0}, r"margin=2\.0"),
        (WARPRecommender, "lightfm", {"feature_regularization": 0.1}, r"feature_regularization=0\.1"),
        (BPRRecommender, "implicit", {"item_regularization": 0.3}, r"item_regularization=0\.3"),
        (BPRRecommender, "implicit", {"negatives": "weaker"}, "negatives='weaker'"),
        (BPRRecommender, "lightfm", {"negatives": "weaker"}, "negatives='weaker'"),
        (WARPRecommender, "lightfm", {"negatives": "weaker"}, "negatives='weaker'"),
        (BPRRecommender, "implicit", {"negative_sampling": "uniform"}, "negative_sampling='uniform'"),
        (BPRRecommender, "lightfm", {"negative_sampling": "uniform"}, "negative_sampling='uniform'"),
    ],
)
def test_unsupported_parameters_raise(recommender, engine, parameters, message, planted):
    with pytest.raises(ValueError, match=message):
        small(recommender, engine, **parameters).fit(planted[0])


@pytest.mark.parametrize("recommender", [WRMFRecommender, BPRRecommender])
def test_implicit_does_not_support_side_features(recommender, planted):
    X, _, features = planted
    with pytest.raises(ValueError, match=r"does not support item_features=.*implicit has no side features"):
        small(recommender, "implicit").fit(X, item_features=features)


def test_bpr_of_implicit_accepts_equal_strengths(planted):
    X, _, _ = planted
    fits = [small(BPRRecommender, "implicit").fit(X, y) for y in (None, np.full(len(X), 7.0))]
    np.testing.assert_array_equal(fits[0].item_factors_, fits[1].item_factors_)


@pytest.mark.parametrize("case", ["counts", "repeated"])
def test_bpr_of_implicit_does_not_support_strengths(case, planted):
    X, y, _ = planted
    X, y = {"counts": (X, y), "repeated": (X.sort_values("user").iloc[[0, 1, 2, 0]], None)}[case]
    with pytest.raises(ValueError, match=r"does not support strengths: .* drop repeated rows"):
        small(BPRRecommender, "implicit").fit(X, y)


def test_an_unsupported_fit_keeps_the_previous_model(planted):
    X, _, features = planted
    rec = small(WRMFRecommender, "implicit").fit(X)
    before = rec.__dict__.copy()
    with pytest.raises(ValueError, match="item_features"):
        rec.fit(X, item_features=features)
    assert rec.__dict__ == before


@EVERY
def test_a_missing_library_raises_with_installation_instructions(recommender, engine, planted, monkeypatch):
    for module in [name for name in sys.modules if name.split(".")[0] == engine] + [engine]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf'{engine} is not installed.*: pip install "sklearn-recsketch\[engines\]"'):
        recommender(4, engine=engine).fit(planted[0])


# Divergence.


@pytest.mark.parametrize(("recommender", "engine"), ENGINES[1:], ids=lambda value: getattr(value, "__name__", value))
def test_divergence_warns_and_keeps_finite_factors(recommender, engine, planted):
    rec = small(recommender, engine, learning_rate=1e30)
    with pytest.warns(DivergenceWarning, match="diverged"):
        rec.fit(planted[0])
    assert np.isfinite(rec.item_factors_).all()


def test_a_singular_system_in_implicit_is_divergence():
    X = [[0, 0], [1, 1], [0, 2]]  # three items cannot span six components without regularization
    rec = small(WRMFRecommender, "implicit", solver="cholesky", regularization=0.0)
    with pytest.warns(DivergenceWarning, match="larger regularization"):
        rec.fit(X)
    assert np.isfinite(rec.item_factors_).all()
