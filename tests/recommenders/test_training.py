"""Fitting recommenders: cold start, early stopping, failures, threads and processes."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import sklearn
from estimators import RECOMMENDERS, small
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_info

from sklearn_recsketch import (
    InteractionThresholder,
    SideFeatureEncoder,
    SideFeatures,
)
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.preprocessing import to_matrix

EVERY = pytest.mark.parametrize("rec", small(RECOMMENDERS, 6, max_iter=20), ids=lambda rec: type(rec).__name__)
WITH_FACTORS = pytest.mark.parametrize("rec", small(n_components=6, max_iter=20), ids=lambda rec: type(rec).__name__)


# Cold start.


def mean_relative_rank(model, X_cold, candidates):
    """Mean rank of the true items among the cold items, scaled to [0, 1]. By chance, it is 0.5."""
    users = np.intersect1d(X_cold["user"].unique(), model.users_)
    table = model.recommend(users, k=len(candidates), candidates=candidates, exclude_seen=False)
    found = table.merge(X_cold, on=["user", "item"])
    return ((found["rank"] - 1) / (len(candidates) - 1)).mean()


@WITH_FACTORS
def test_cold_items_are_ranked_by_their_features(rec, planted):
    X, _, features = planted
    cold = np.unique(X["item"])[::4]
    is_cold = X["item"].isin(cold).to_numpy()
    model = clone(rec).fit(X[~is_cold], item_features=features)
    # By chance, the mean over 1000 pairs is within 0.01 of 0.5.
    assert mean_relative_rank(model, X[is_cold], cold) < 0.42


@WITH_FACTORS
def test_cold_users_get_recommendations_by_their_features(rec, planted):
    X = planted[0]
    # Two kinds of users, each of which interacts with half of the items.
    X = X[(X["user"] + X["item"]) % 2 == 0]
    features = SideFeatures.from_dicts({int(u): {"kind": f"k{u % 2}"} for u in X["user"].unique()})
    cold = X["user"].unique()[::5]
    is_cold = X["user"].isin(cold).to_numpy()
    model = clone(rec).fit(X[~is_cold], user_features=features)
    table = model.recommend(cold, k=5)
    assert ((table["user"] + table["item"]) % 2 == 0).mean() > 0.9


@pytest.mark.filterwarnings("ignore::sklearn_recsketch.exceptions.UnknownIdWarning")
@EVERY
def test_all_items_with_features_are_known(rec, planted):
    X, y, features = planted
    rows = (X["item"] % 3 > 0).to_numpy()
    model = clone(rec).fit(X[rows], y[rows], item_features=features)
    np.testing.assert_array_equal(model.items_, features.ids)
    assert len(model.recommend([-1], k=500)) == len(features.ids)


@WITH_FACTORS
def test_vectors_are_sums_of_embeddings(rec, planted):
    X, y, features = planted
    encoder = SideFeatureEncoder(min_count=3, feature_weight=2.0)
    model = clone(rec).set_params(item_encoder=encoder).fit(X, y, item_features=features)
    design = model.item_encoder_.transform(model.item_features_, n_interactions=np.ones(len(model.items_)))
    np.testing.assert_allclose(design @ model.item_embeddings_, model.item_factors_, rtol=1e-4, atol=1e-5)


@WITH_FACTORS
def test_features_without_identity_give_equal_items_equal_vectors(rec, planted):
    X, y, _ = planted
    features = SideFeatures.from_dicts({int(i): {"tag": f"t{i % 4}"} for i in X["item"].unique()})
    encoder = SideFeatureEncoder(identity=False)
    model = clone(rec).set_params(item_encoder=encoder).fit(X, y, item_features=features)
    same = np.flatnonzero(model.items_ % 4 == 1)
    np.testing.assert_array_equal(model.item_factors_[same[0]], model.item_factors_[same[1]])


# Early stopping.


@WITH_FACTORS
@pytest.mark.parametrize("with_X_val", [False, True])
def test_early_stopping_restores_the_best_epoch(rec, with_X_val, split):
    X, y, X_test, y_test = split
    model = clone(rec).set_params(early_stopping=True, max_iter=40, n_iter_no_change=3, validation_fraction=0.3)
    model.fit(X, y, **({"X_val": X_test, "y_val": y_test} if with_X_val else {}))
    scores = model.validation_scores_
    assert model.n_iter_ == np.argmax(scores) + 1
    assert len(scores) == min(40, model.n_iter_ + 3)
    if with_X_val:
        assert model.score(X_test, y_test) == max(scores)


@WITH_FACTORS
def test_a_pipeline_transforms_the_validation_rows(rec, split):
    X, y, X_val, y_val = split
    model = clone(rec).set_params(early_stopping=True, max_iter=10)
    threshold = InteractionThresholder(5, 5)
    with sklearn.config_context(enable_metadata_routing=True):
        pipe = Pipeline([("threshold", threshold), ("rec", clone(model))], transform_input=["X_val"])
        pipe.fit(X, y, X_val=X_val, y_val=y_val)
    threshold.fit(X, y)
    expected = clone(model).fit(threshold.transform(X), y, X_val=threshold.transform(X_val), y_val=y_val)
    assert np.array_equal(pipe["rec"].validation_scores_, expected.validation_scores_)
    assert pipe["rec"].n_iter_ == expected.n_iter_


@WITH_FACTORS
def test_early_stopping_uses_the_scoring_parameter(rec, split):
    X, y, X_test, y_test = split
    model = clone(rec).set_params(early_stopping=True, scoring="ndcg@10").fit(X, y, X_val=X_test, y_val=y_test)
    assert make_ranking_scorer("ndcg@10")(model, X_test, y_test) == max(model.validation_scores_)


@WITH_FACTORS
def test_validation_rows_are_not_trained_on(rec, planted):
    X, y, _ = planted
    trained_on = []
    model = clone(rec).set_params(early_stopping=True, validation_fraction=0.25, max_iter=1)
    model.set_params(scoring=lambda fitted, X, y: trained_on.append(fitted.interactions_.nnz) or 0.0).fit(X, y)
    # The fraction is rounded randomly for each user, and each user keeps at least one item.
    assert trained_on[0] == pytest.approx(0.75 * to_matrix(X, y)[0].nnz, rel=0.05)


@WITH_FACTORS
def test_validation_rows_are_part_of_interactions_after_fit(rec, planted):
    X, y, _ = planted
    model = clone(rec).set_params(early_stopping=True, max_iter=2).fit(X, y)
    assert model.interactions_.nnz == to_matrix(X, y)[0].nnz


@WITH_FACTORS
def test_early_stopping_raises_if_no_row_can_be_held_out(rec):
    with pytest.raises(ValueError, match=r"validation_fraction=0\.1 holds out none of the 30 rows"):
        clone(rec).set_params(early_stopping=True).fit([[i, i % 3] for i in range(30)])


@WITH_FACTORS
def test_early_stopping_requires_a_single_metric(rec, planted):
    X, y, _ = planted
    several = make_ranking_scorer(["precision@5", "ndcg@5"])
    with pytest.raises(ValueError, match="scoring must be one metric"):
        clone(rec).set_params(early_stopping=True, scoring=several).fit(X, y)


@WITH_FACTORS
@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
def test_continuing_with_a_different_number_of_components_raises(rec, how, planted):
    X, y, _ = planted
    model = clone(rec).set_params(max_iter=1, warm_start=True).fit(X, y)
    model.set_params(n_components=model.n_components + 1)
    with pytest.raises(ValueError, match="n_components is"):
        (model.fit if how == "warm_start" else model.partial_fit)(X, y)


@EVERY
def test_validation_data_without_early_stopping_raise(rec, split):
    X, y, X_test, _ = split
    with pytest.raises(ValueError, match="X_val was passed"):
        clone(rec).fit(X, y, X_val=X_test)


# A failed fit changes nothing.


class _Stop:
    """A callback that raises in the second epoch."""

    def __init__(self, error):
        self.error = error
        self.epochs = 0

    def setup(self, estimator, context):
        self.epochs = 0

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, **kwargs):
        if context.task_name == "epoch":
            self.epochs += 1
            if self.epochs == 2:
                raise self.error

    def on_fit_task_end(self, estimator, context, **kwargs):
        return False


@WITH_FACTORS
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("boom")], ids=["interrupt", "error"])
def test_interrupted_fit_keeps_the_previous_model(rec, error, planted):
    X, y, features = planted
    model = clone(rec).fit(X, y)
    before = pickle.dumps({k: v for k, v in vars(model).items() if k.endswith("_")})
    recommended = model.recommend(k=3)
    model.set_callbacks(_Stop(error))
    strings = pd.DataFrame({"who": X["user"].astype(str), "what": X["item"].astype(str)})
    with pytest.raises(type(error)):
        model.fit(strings, y)
    with pytest.raises(type(error)):
        model.fit(X, y, item_features=features)
    assert pickle.dumps({k: v for k, v in vars(model).items() if k.endswith("_")}) == before
    pd.testing.assert_frame_equal(model.recommend(k=3), recommended)


@EVERY
def test_invalid_data_keep_the_previous_model(rec, planted):
    model = clone(rec).fit(*planted[:2])
    recommended = model.recommend(k=3)
    with pytest.raises(ValueError, match="negative"):
        model.fit([["a", "b"]], [-1.0])
    pd.testing.assert_frame_equal(model.recommend(k=3), recommended)


@WITH_FACTORS
def test_interrupted_first_fit_leaves_an_unfitted_model(rec, planted):
    model = clone(rec).set_callbacks(_Stop(RuntimeError("boom")))
    with pytest.raises(RuntimeError, match="boom"):
        model.fit(*planted[:2])
    assert not [name for name in vars(model) if name.endswith("_") and not name.startswith("_")]


# Threads and processes.


@EVERY
def test_queries_from_many_threads_equal_sequential_queries(rec, planted):
    X, y, _ = planted
    model = clone(rec).fit(X, y)
    groups = np.array_split(model.users_, 12)

    def query(users):
        return model.recommend(users, k=5, history=X[X["user"].isin(users)]), model.predict(X[:100])

    expected = [query(users) for users in groups]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(query, groups))
    for (table, scores), (expected_table, expected_scores) in zip(found, expected):
        pd.testing.assert_frame_equal(table, expected_table)
        np.testing.assert_array_equal(scores, expected_scores)


def blas_threads():
    return [(lib["filepath"], lib["num_threads"]) for lib in threadpool_info() if lib["user_api"] == "blas"]


@WITH_FACTORS
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_fit_and_queries_restore_the_number_of_blas_threads(rec, n_jobs, planted):
    before = blas_threads()
    clone(rec).set_params(n_jobs=n_jobs).fit(*planted[:2]).recommend(k=3)
    assert blas_threads() == before


@WITH_FACTORS
def test_an_error_in_fit_restores_the_number_of_blas_threads(rec, planted):
    before = blas_threads()
    with pytest.raises(RuntimeError):
        clone(rec).set_params(n_jobs=2).set_callbacks(_Stop(RuntimeError("boom"))).fit(*planted[:2])
    assert blas_threads() == before


def _fit_and_predict(rec, X, y, features):
    return rec.fit(X, y, item_features=features).predict(X[:50])


@EVERY
@pytest.mark.slow
def test_fit_in_worker_processes_gives_the_same_model(rec, planted):
    X, y, features = planted
    expected = _fit_and_predict(clone(rec), X, y, features)
    results = Parallel(n_jobs=2)(delayed(_fit_and_predict)(clone(rec), X, y, features) for _ in range(2))
    for predicted in results:
        np.testing.assert_array_equal(predicted, expected)
