"""Arrays from `np.empty` are written before they are read: results do not depend on uninitialised memory."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from estimators import small
from parquet_writing import write
from sklearn.base import clone

from sklearn_recsketch import (
    PopularityRecommender,
    WRMFRecommender,
)
from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch.inspection import explain
from sklearn_recsketch.metrics import ranking_report
from sklearn_recsketch.model_selection import TemporalUserSplit, UserHoldoutSplit, UserKFold
from sklearn_recsketch.preprocessing import ParquetInteractions, SideFeatureEncoder, threshold_interactions, to_matrix
from sklearn_recsketch.serving import to_index

MODELS = [
    *small(),
    *small([WRMFRecommender], item_encoder=SideFeatureEncoder(identity=False)),
    *small([WRMFRecommender], solver="cholesky"),
]

# Values that raise errors when they are used: signalling NaNs, and integers that are not valid indices.
POISON = {
    np.dtype(np.float32): np.uint32(0x7FA00000).view(np.float32),
    np.dtype(np.float64): np.uint64(0x7FF4000000000000).view(np.float64),
    np.dtype(np.uint8): np.uint8(255),
    np.dtype(np.int32): np.int32(2**31 - 1),
    np.dtype(np.int64): np.int64(2**63 - 1),
}


class PoisonedNumpy:
    """NumPy whose `empty` and `empty_like` return arrays filled with POISON."""

    def __getattr__(self, name):
        return getattr(np, name)

    def empty(self, shape, dtype=float):
        array = np.empty(shape, dtype)
        bits = f"u{array.itemsize}"  # assigned as bits, because assigning a signalling NaN may make it quiet
        array.view(bits)[...] = POISON[array.dtype].view(bits)
        return array

    def empty_like(self, prototype, dtype=None):
        return self.empty(prototype.shape, prototype.dtype if dtype is None else dtype)


@pytest.fixture
def poisoned(monkeypatch):
    """Replace `np` in the modules of the package, except for compiled kernels, by `PoisonedNumpy`."""
    for name, module in sys.modules.items():
        if name.startswith("sklearn_recsketch.") and ".kernels" not in name and vars(module).get("np") is np:
            monkeypatch.setattr(module, "np", PoisonedNumpy())


def test_arrays_of_the_package_are_poisoned(poisoned):
    from sklearn_recsketch._ranking import top_k as _ranking

    with pytest.raises(RuntimeWarning, match="invalid value"):
        _ranking.np.empty(1, np.float32).astype(float)
    assert _ranking.np.empty_like(np.zeros(2, np.int32)).min() == np.iinfo(np.int32).max


def test_weights_that_need_float64_from_the_second_batch(path, poisoned, monkeypatch):
    monkeypatch.setattr("sklearn_recsketch.preprocessing._parquet.READ_ROWS", 2)
    weights = [1.0, 2.0, 0.1, 3.0, 2.0]  # float32 represents the first batch exactly, but not 0.1
    file = write(pd.DataFrame({"user": range(5), "item": range(5), "weight": weights}), path)
    assert check_interactions(file).weight.tolist() == weights


def fitted(rec, planted):
    X, y, features = planted
    return clone(rec).fit(X, y, item_features=features)


def recommender_results(rec, planted):
    """Yield results of all methods of a recommender, and of the functions that use it."""
    X = planted[0]
    few = rec.users_[:3]
    yield rec.user_factors_
    yield rec.item_factors_
    yield rec.predict(X[:500])
    yield rec.recommend(k=5)["score"]
    yield rec.recommend(few, k=5)["score"]
    yield rec.recommend(few, k=120)["score"]
    yield rec.recommend(few, k=5, history=X[:200])["score"]
    yield rec.similar_items(k=3)["score"]
    yield rec.similar_users(few, k=3)["score"]
    yield ranking_report(rec, X[::3])["mean"]
    yield explain(rec, few[0], rec.items_[0])["contribution"]
    yield to_index(rec, "exact").recommend(few, k=4)["score"]
    yield rec.partial_fit(X[:50]).user_factors_


def table_results(planted, folder):
    """Yield results of the functions and splitters for tables."""
    X, y, _ = planted
    yield to_matrix(X, y)[0].toarray()
    yield threshold_interactions(X, user_min=12, item_min=20)
    for n, splitter in enumerate([UserHoldoutSplit(random_state=0), UserKFold(3, random_state=0)]):
        yield next(splitter.split(X))[n % 2]
    yield next(TemporalUserSplit().split(X, groups=np.arange(len(X)) % 1000))[1]
    for frame in (X, X.astype(str)):
        frame.to_parquet(folder / "likes.parquet", row_group_size=1000)
        rec = PopularityRecommender().fit(ParquetInteractions(folder / "likes.parquet"))
        yield rec.recommend(k=4)["score"]
        yield rec.partial_fit(frame[:100]).recommend(k=4)["score"]


def test_results_on_tables_do_not_depend_on_memory(planted, tmp_path, request):
    before = [np.asarray(values) for values in table_results(planted, tmp_path)]
    request.getfixturevalue("poisoned")
    for expected, values in zip(before, table_results(planted, tmp_path), strict=True):
        np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("rec", MODELS, ids=str)
def test_results_of_a_recommender_do_not_depend_on_memory(rec, planted, request):
    before = [np.asarray(values) for values in recommender_results(fitted(rec, planted), planted)]
    request.getfixturevalue("poisoned")
    for expected, values in zip(before, recommender_results(fitted(rec, planted), planted), strict=True):
        # BLAS may round differently at different addresses.
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)
