"""Arrays from `np.empty` are written before they are read: no result depends on what memory held before."""

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


# Of floats a signalling NaN, which says so at the first sum or cast; of integers no place in any array.
HARM = {
    np.dtype(np.float32): np.uint32(0x7FA00000).view(np.float32),
    np.dtype(np.float64): np.uint64(0x7FF4000000000000).view(np.float64),
    np.dtype(np.uint8): np.uint8(255),
    np.dtype(np.int32): np.int32(2**31 - 1),
    np.dtype(np.int64): np.int64(2**63 - 1),
}


class DirtyNumpy:
    """numpy, whose `empty` returns the values that do most harm where they are read."""

    def __getattr__(self, name):
        return getattr(np, name)

    def empty(self, shape, dtype=float):
        array = np.empty(shape, dtype)
        bits = f"u{array.itemsize}"  # copied as bits, since a copy of a signalling NaN may be a quiet one
        array.view(bits)[...] = HARM[array.dtype].view(bits)
        return array

    def empty_like(self, prototype, dtype=None):
        return self.empty(prototype.shape, prototype.dtype if dtype is None else dtype)


@pytest.fixture
def dirty(monkeypatch):
    """Where the package makes arrays with `np.empty`, outside of compiled kernels, they hold the worst."""
    for name, module in sys.modules.items():
        if name.startswith("sklearn_recsketch.") and ".kernels" not in name and vars(module).get("np") is np:
            monkeypatch.setattr(module, "np", DirtyNumpy())


def test_arrays_are_dirty_where_they_should_be(dirty):
    from sklearn_recsketch._ranking import top_k as _ranking

    with pytest.raises(RuntimeWarning, match="invalid value"):
        _ranking.np.empty(1, np.float32).astype(float)
    assert _ranking.np.empty_like(np.zeros(2, np.int32)).min() == np.iinfo(np.int32).max


def test_weights_of_a_file_that_needs_float64_half_way(path, dirty, monkeypatch):
    monkeypatch.setattr("sklearn_recsketch.preprocessing._parquet.READ_ROWS", 2)
    weights = [1.0, 2.0, 0.1, 3.0, 2.0]  # of which the first batch fits float32
    file = write(pd.DataFrame({"user": range(5), "item": range(5), "weight": weights}), path)
    assert check_interactions(file).weight.tolist() == weights


def fitted(rec, planted):
    X, y, features = planted
    return clone(rec).fit(X, y, item_features=features)


def answers(rec, planted):
    """Numbers of everything that a recommender is asked for."""
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


def tables(planted, folder):
    """Numbers of everything that is done to tables."""
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


def test_nothing_that_is_done_to_tables_depends_on_memory(planted, tmp_path, request):
    before = [np.asarray(values) for values in tables(planted, tmp_path)]
    request.getfixturevalue("dirty")
    for expected, values in zip(before, tables(planted, tmp_path), strict=True):
        np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("rec", MODELS, ids=str)
def test_no_answer_of_a_recommender_depends_on_memory(rec, planted, request):
    before = [np.asarray(values) for values in answers(fitted(rec, planted), planted)]
    request.getfixturevalue("dirty")
    for expected, values in zip(before, answers(fitted(rec, planted), planted), strict=True):
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)  # of what BLAS makes of other addresses
