"""Test the conversion of models of implicit and LightFM to recommenders, and back."""

from __future__ import annotations

import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest
import scipy.sparse as sp
from estimators import WITH_FACTORS
from sklearn.pipeline import Pipeline

from sklearn_recsketch import BPRRecommender, InteractionThresholder, WARPRecommender, WRMFRecommender
from sklearn_recsketch.conversion import from_implicit, from_lightfm, to_implicit
from sklearn_recsketch.inspection import explain
from sklearn_recsketch.preprocessing import to_matrix
from sklearn_recsketch.recommenders._pairwise.implicit_engine import regularization_of
from sklearn_recsketch.recommenders._pairwise.lightfm_engine import alpha_of

pytestmark = pytest.mark.engines
K, TOP = 6, 10


class Trained(NamedTuple):
    """A model of another library, its interactions, and the ids of its rows and columns in random order."""

    model: object
    matrix: sp.csr_matrix
    users: list
    items: list


@pytest.fixture(scope="module")
def data(planted):
    """Interactions of the users and items of `planted` and of one more of each without any, and ids of all of them."""
    X, y, _ = planted
    matrix = sp.csr_matrix(to_matrix(X, y)[0], dtype=np.float32)
    matrix.resize(matrix.shape[0] + 1, matrix.shape[1] + 1)
    rng = np.random.default_rng(0)
    users = rng.permutation(matrix.shape[0]) + 1000
    return matrix, users.tolist(), [f"i{n}" for n in rng.permutation(matrix.shape[1])]


@pytest.fixture(scope="module")
def als(data):
    """ALS model of implicit, trained on strengths with a given alpha."""
    library = pytest.importorskip("implicit.cpu.als", reason="implicit is not installed")
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        model = library.AlternatingLeastSquares(K, regularization=2.0, alpha=4.0, random_state=0, num_threads=1)
        model.fit(data[0], show_progress=False)
    return Trained(model, *data)


@pytest.fixture(scope="module")
def bpr(data):
    """BPR model of implicit."""
    library = pytest.importorskip("implicit.cpu.bpr", reason="implicit is not installed")
    model = library.BayesianPersonalizedRanking(K, learning_rate=0.05, iterations=50, random_state=0, num_threads=1)
    model.fit(data[0], show_progress=False)
    return Trained(model, *data)


@pytest.fixture(params=["als", "bpr"])
def implicit(request):
    """Either model of implicit."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module", params=["warp", "bpr", "warp-kos", "logistic"])
def lightfm(request, data):
    """LightFM model with each of its losses."""
    library = pytest.importorskip("lightfm", reason="LightFM is not installed: extra [engines]")
    model = library.LightFM(K, loss=request.param, random_state=0, user_alpha=1e-4, item_alpha=2e-4)
    return Trained(model.fit(sp.csr_matrix(data[0] > 0), epochs=10), *data)


def lists(rec, trained):
    """Recommended items of all users, in the order of the rows of the model."""
    table = rec.recommend(trained.users, k=TOP)
    return [group["item"].tolist() for _, group in table.groupby("user", sort=False)]


def lists_by_scores(scores, trained):
    """The items with the highest scores in a matrix, excluding those with interactions."""
    scores = np.where(trained.matrix.toarray() > 0, -np.inf, scores)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
    return [[trained.items[i] for i in row if scores[u, i] > -np.inf] for u, row in enumerate(order)]


def lightfm_scores(model, shape, **features):
    """Predictions of a LightFM model for all pairs."""
    users, items = np.divmod(np.arange(shape[0] * shape[1], dtype=np.int32), np.int32(shape[1]))
    return model.predict(users, items, **features).reshape(shape)


# Recommendations.


def test_a_converted_model_of_implicit_gives_the_same_recommendations(implicit):
    model, matrix, users, items = implicit
    rec = from_implicit(model, users, items, interactions=matrix)
    active = np.flatnonzero(np.diff(matrix.indptr))  # for other users, ALS scores all items zero
    best, _ = model.recommend(active, matrix[active], N=TOP)
    expected = [[items[i] for i in row] for row in best]
    actual = lists(rec, implicit)
    assert [actual[row] for row in active] == expected


def test_a_converted_model_of_lightfm_gives_the_same_recommendations(lightfm):
    model, matrix, users, items = lightfm
    rec = from_lightfm(model, users, items, interactions=matrix)
    assert lists(rec, lightfm) == lists_by_scores(lightfm_scores(model, matrix.shape), lightfm)


def test_a_converted_model_of_lightfm_with_features_gives_the_same_recommendations(data):
    library = pytest.importorskip("lightfm", reason="LightFM is not installed: extra [engines]")
    matrix, users, items = data
    features = {
        "user_features": sp.random(matrix.shape[0], 9, 0.5, format="csr", dtype=np.float32, random_state=0),
        "item_features": sp.hstack(
            [sp.identity(matrix.shape[1], dtype=np.float32), sp.random(matrix.shape[1], 7, 0.5, random_state=1)],
            format="csr",
        ),
    }
    model = library.LightFM(K, loss="warp", random_state=0).fit(sp.csr_matrix(matrix > 0), epochs=5, **features)
    rec = from_lightfm(model, users, items, interactions=matrix, **features)
    trained = Trained(model, *data)
    assert lists(rec, trained) == lists_by_scores(lightfm_scores(model, matrix.shape, **features), trained)


@pytest.mark.filterwarnings("ignore:Without interactions")
def test_without_interactions_no_items_are_excluded(implicit):
    model, matrix, users, items = implicit
    rec = from_implicit(model, users, items)
    best, _ = model.recommend(np.arange(20), matrix[:20], N=TOP, filter_already_liked_items=False)
    assert lists(rec, implicit)[:20] == [[items[i] for i in row] for row in best]


def test_converting_without_interactions_warns_at_the_caller(implicit):
    with pytest.warns(UserWarning, match="Without interactions, .* recommend cannot exclude them") as caught:
        from_implicit(implicit.model, implicit.users, implicit.items)
    assert [warning.filename for warning in caught] == [__file__]


# Fold-in, parameters, further training and explanations.


def test_fold_in_equals_recalculate_user_of_implicit(als):
    model, matrix, users, items = als
    rec = from_implicit(model, users, items, interactions=matrix)
    row = matrix[3]
    # The confidence is alpha d in implicit, and 1 + alpha d in WRMFRecommender.
    history = [(-1, items[i], v) for i, v in zip(row.indices, row.data - 1 / model.alpha)]
    table = rec.recommend(history=np.array(history, dtype=object), k=len(items), exclude_seen=False)
    vector = model.recalculate_user(np.array([3]), row)[0]
    expected = dict(zip(items, model.item_factors @ vector))
    # implicit solves in float32.
    np.testing.assert_allclose(table["score"], [expected[item] for item in table["item"]], atol=1e-4)


def test_binary_interactions_keep_strength_one_and_reduce_alpha(als):
    """The confidence alpha of implicit is 1 + (alpha - 1), so new interactions can have strength 1, too."""
    binary = sp.csr_matrix(als.matrix > 0, dtype=np.float32)
    rec = from_implicit(als.model, als.users, als.items, interactions=binary)
    assert rec.alpha == 3
    assert (rec.interactions_.data == 1).all()


def test_a_pair_with_confidence_one_stays_an_interaction(als):
    matrix = als.matrix.copy()
    matrix.data[:] = np.float32(1 / als.model.alpha)
    rec = from_implicit(als.model, als.users, als.items, interactions=matrix)
    assert (rec.alpha, rec.interactions_.nnz) == (0, matrix.nnz)


@pytest.mark.filterwarnings("ignore:Without interactions")
def test_parameters_of_implicit_are_converted(als, bpr):
    rec = from_implicit(als.model, als.users, als.items, interactions=als.matrix)
    assert (rec.alpha, rec.regularization, rec.solver, rec.max_iter) == (4.0, 2.0, "cg", 15)
    rec = from_implicit(bpr.model, bpr.users, bpr.items, interactions=bpr.matrix)
    assert (rec.learning_rate, rec.max_iter, rec.n_iter_) == (0.05, 50, 50)
    assert regularization_of(rec, rec.interactions_) == pytest.approx(bpr.model.regularization)
    # Without interactions, the penalty of the mean row cannot be computed.
    assert from_implicit(bpr.model, bpr.users, bpr.items).regularization == BPRRecommender().regularization


@pytest.mark.filterwarnings("ignore:Without interactions")
def test_parameters_of_lightfm_are_converted(lightfm):
    rec = from_lightfm(lightfm.model, lightfm.users, lightfm.items, interactions=lightfm.matrix)
    assert isinstance(rec, WARPRecommender if lightfm.model.loss.startswith("warp") else BPRRecommender)
    loss, known = rec._loss(len(rec.items_)), rec.interactions_
    alphas = [alpha_of(penalty, loss, known) for penalty in (rec.user_regularization, rec.item_regularization)]
    assert alphas == pytest.approx([lightfm.model.user_alpha, lightfm.model.item_alpha])
    # Without interactions, the penalty of the mean row cannot be computed.
    assert from_lightfm(lightfm.model, lightfm.users, lightfm.items).user_regularization is None


def test_adagrad_continues_from_the_state_of_lightfm(lightfm):
    model, matrix, users, items = lightfm
    rec = from_lightfm(model, users, items, interactions=matrix)
    before = rec._training_state["item"][:, 0].copy()
    rec.set_params(learning_rate=1e-30).partial_fit([[users[0], items[0]]])
    of_lightfm = model.item_embedding_gradients.mean(axis=1)[np.argsort(items)]
    np.testing.assert_allclose(before, of_lightfm, rtol=1e-5)
    assert (rec._training_state["item"][:, 0] >= before).all()


def test_partial_fit_continues_from_the_factors_of_implicit(implicit):
    model, matrix, users, items = implicit
    rec = from_implicit(model, users, items, interactions=matrix)
    before = rec.predict(pairs := [[user, item] for user in users[:20] for item in items[:20]])
    rec.partial_fit([[users[0], "new"], [7, items[0]]])
    assert "new" in rec.items_
    assert 7 in rec.users_
    assert np.corrcoef(before, rec.predict(pairs))[0, 1] > 0.98  # one iteration or epoch


def test_partial_fit_continues_from_the_factors_of_lightfm(lightfm):
    model, matrix, users, items = lightfm
    rec = from_lightfm(model, users, items, interactions=matrix)
    assert (rec.interactions_.data == 1).all()  # LightFM ignores the values
    before = rec.user_factors_.copy()
    rec.set_params(learning_rate=1e-30).partial_fit([[users[0], "new"]])
    active = np.isin(rec.users_, np.asarray(users)[np.diff(matrix.indptr) > 0])
    np.testing.assert_array_equal(rec.user_factors_[active], before[active])


@pytest.mark.filterwarnings("ignore:Without interactions")
def test_partial_fit_of_a_model_without_interactions_raises(implicit):
    rec = from_implicit(implicit.model, implicit.users, implicit.items)
    with pytest.raises(ValueError, match=r"does not have the interactions .* Pass interactions= to from_implicit"):
        rec.partial_fit([[implicit.users[0], "new"]])


def test_averages_of_adadelta_are_not_used_as_the_state_of_adagrad(data):
    library = pytest.importorskip("lightfm", reason="LightFM is not installed: extra [engines]")
    matrix, users, items = data
    model = library.LightFM(K, loss="warp", learning_schedule="adadelta", random_state=0)
    rec = from_lightfm(model.fit(sp.csr_matrix(matrix > 0), epochs=2), users, items, interactions=matrix)
    assert np.isfinite(rec.partial_fit([[users[0], items[0]]]).item_factors_).all()


def test_scores_of_a_converted_model_can_be_explained(als):
    rec = from_implicit(als.model, als.users, als.items, interactions=als.matrix)
    table = explain(rec, als.users[0], als.items[0])
    assert table["contribution"].sum() == pytest.approx(rec.predict([[als.users[0], als.items[0]]])[0], abs=1e-4)


@pytest.mark.filterwarnings("ignore:Without interactions")
def test_similar_items_equal_those_of_implicit(als):
    rec = from_implicit(als.model, als.users, als.items)
    best, _ = als.model.similar_items(5, N=5)
    assert rec.similar_items(als.items[5], k=4)["similar_item"].tolist() == [als.items[i] for i in best[1:]]


# Conversion to implicit.


def small_recommender(recommender, **parameters):
    """A recommender with few components; for WRMF, with the same penalty for all rows, as in implicit."""
    if recommender is WRMFRecommender:
        parameters["regularization"] = 10.0
    return recommender(K, random_state=0, **parameters)


@pytest.mark.parametrize("recommender", WITH_FACTORS)
def test_to_implicit_gives_the_same_recommendations(recommender, planted):
    pytest.importorskip("implicit", reason="implicit is not installed")
    rec = small_recommender(recommender, max_iter=5).fit(*planted[:2])
    model = to_implicit(rec)
    rows = np.arange(len(rec.users_))
    best, _ = model.recommend(rows, sp.csr_matrix(rec.interactions_), N=5)
    assert rec.items_[best].ravel().tolist() == rec.recommend(k=5)["item"].tolist()


@pytest.mark.filterwarnings("ignore:Without interactions")
@pytest.mark.parametrize("recommender", [WRMFRecommender, BPRRecommender])
def test_converting_to_implicit_and_back_keeps_the_scores(recommender, planted):
    pytest.importorskip("implicit", reason="implicit is not installed")
    rec = small_recommender(recommender, max_iter=3).fit(planted[0])
    converted = from_implicit(to_implicit(rec), rec.users_, rec.items_)
    np.testing.assert_array_equal(converted.predict(planted[0]), rec.predict(planted[0]))


def test_recalculate_user_of_implicit_equals_fold_in(planted):
    pytest.importorskip("implicit", reason="implicit is not installed")
    rec = WRMFRecommender(K, alpha=3.0, regularization=2.0, max_iter=5, random_state=0).fit(*planted[:2])
    confidence = sp.csr_matrix(rec.interactions_[[4]])
    history = [(-1, rec.items_[i], d) for i, d in zip(confidence.indices, confidence.data)]
    confidence.data = 1 + 3 * confidence.data
    vector = to_implicit(rec).recalculate_user(np.array([4]), confidence)[0]
    scores = rec.recommend(history=history, k=len(rec.items_), exclude_seen=False).sort_values("item")["score"]
    np.testing.assert_allclose(rec.item_factors_ @ vector, scores, atol=1e-4)  # implicit solves in float32


def test_pipelines_are_unwrapped(planted):
    pytest.importorskip("implicit", reason="implicit is not installed")
    pipe = Pipeline(
        [("threshold", InteractionThresholder(2, 2)), ("rec", WRMFRecommender(K, max_iter=2, regularization=10.0))]
    )
    pipe.fit(*planted[:2])
    np.testing.assert_array_equal(to_implicit(pipe).item_factors, pipe["rec"].item_factors_)


def test_to_implicit_warns_if_the_regularization_cannot_be_converted(planted):
    pytest.importorskip("implicit", reason="implicit is not installed")
    rec = WRMFRecommender(K, max_iter=2, regularization=10.0, user_regularization=3.0).fit(*planted[:2])
    with pytest.warns(UserWarning, match="users 3, items 10"):
        assert to_implicit(rec).regularization == 3.0


@pytest.mark.slow
def test_to_implicit_avoids_the_warning_of_implicit_about_blas_threads():
    code = """
import warnings
from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.conversion import to_implicit
warnings.simplefilter("error")
to_implicit(WRMFRecommender(2, max_iter=1, regularization=10.0).fit([[0, 0], [1, 1]]))
"""
    pytest.importorskip("implicit", reason="implicit is not installed")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr


# Errors.


def test_from_implicit_rejects_other_models(als):
    with pytest.raises(TypeError, match=r"model must be an AlternatingLeastSquares or .* got builtins.dict"):
        from_implicit({}, als.users, als.items)


def test_from_lightfm_rejects_other_models():
    pytest.importorskip("lightfm", reason="LightFM is not installed: extra [engines]")
    with pytest.raises(TypeError, match=r"model must be a lightfm\.LightFM, got builtins\.dict"):
        from_lightfm({}, [1], [1])


def test_from_implicit_rejects_models_that_are_not_trained(als):
    with pytest.raises(ValueError, match=r"does not have factors\. Call its method fit first"):
        from_implicit(type(als.model)(K), als.users, als.items)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"users": [1, 2]}, r"users has 2 ids, but the model has \d+ users"),
        ({"items": ["a"] * 121}, "item ids of a matrix must be distinct"),
        ({"interactions": sp.csr_matrix((3, 4))}, r"of shape \(\d+, 121\), got shape \(3, 4\)"),
    ],
)
def test_ids_and_interactions_must_match_the_model(als, change, message):
    arguments = {"users": als.users, "items": als.items, "interactions": als.matrix} | change
    with pytest.raises(ValueError, match=message):
        from_implicit(als.model, **arguments)


def test_interactions_must_be_finite(als):
    matrix = als.matrix.copy()
    matrix.data[3] = np.nan
    with pytest.raises(ValueError, match="values of interactions must be finite, got nan"):
        from_implicit(als.model, als.users, als.items, interactions=matrix)


def test_confidences_below_one_are_rejected(als):
    matrix = als.matrix.copy()
    matrix.data[7] = 0.1
    with pytest.raises(ValueError, match=r"has the value 0\.1, which is a confidence of 0\.4 with alpha=4"):
        from_implicit(als.model, als.users, als.items, interactions=matrix)


def test_from_lightfm_requires_the_features_of_the_model(data):
    library = pytest.importorskip("lightfm", reason="LightFM is not installed: extra [engines]")
    matrix, users, items = data
    features = sp.random(matrix.shape[1], 7, 0.5, format="csr", random_state=1)
    model = library.LightFM(K, loss="warp").fit(sp.csr_matrix(matrix > 0), item_features=features)
    with pytest.raises(ValueError, match=r"items has 121 ids, but the model has 7 items.*pass user_features and item"):
        from_lightfm(model, users, items)
    with pytest.raises(ValueError, match="item_features has 3 columns, but the model has embeddings of 7"):
        from_lightfm(model, users, items, item_features=features[:, :3])


@pytest.mark.parametrize(("function", "library"), [(from_implicit, "implicit"), (from_lightfm, "lightfm")])
def test_the_error_about_a_missing_library_says_how_to_install_it(function, library, monkeypatch):
    for module in [name for name in sys.modules if name.split(".")[0] == library] + [library]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r'pip install "sklearn-recsketch\[engines\]"'):
        function(object(), [1], [1])


def test_the_model_and_its_interactions_are_not_modified(als):
    before = als.model.user_factors.copy(), als.matrix.copy()
    from_implicit(als.model, als.users, als.items, interactions=als.matrix).partial_fit([[als.users[0], "new"]])
    np.testing.assert_array_equal(als.model.user_factors, before[0])
    np.testing.assert_array_equal(als.matrix.toarray(), before[1].toarray())
