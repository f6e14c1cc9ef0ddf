"""embedding_norms and EmbeddingNormsDisplay."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from estimators import small
from sklearn.pipeline import Pipeline

from sklearn_recsketch import (
    InteractionThresholder,
    PopularityRecommender,
    SideFeatureEncoder,
    SideFeatures,
    WARPRecommender,
    WRMFRecommender,
)
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import EmbeddingNormsDisplay, embedding_norms

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is an optional dependency")
matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402 - after the choice of the backend

SHOW = EmbeddingNormsDisplay.from_estimator


@pytest.fixture(scope="module")
def data():
    return make_interactions(n_users=300, n_items=120, n_tags=20, return_features=True, random_state=0)


@pytest.fixture(scope="module", params=small(n_components=8, max_iter=5), ids=lambda model: type(model).__name__)
def fitted(request, data):
    X, y, tags = data
    encoder = SideFeatureEncoder(min_count=12)
    return request.param.set_params(item_encoder=encoder).fit(X, y, item_features=tags)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", ["item", "user"])
def test_norms_and_counts_of_users_and_items(fitted, data, name):
    table = embedding_norms(fitted, f"{name}s").set_index(name).sort_index()
    np.testing.assert_array_equal(table.index, getattr(fitted, f"{name}s_"))
    # The order of float32 sums differs.
    expected = np.sqrt((getattr(fitted, f"{name}_factors_").astype(np.float64) ** 2).sum(axis=1))
    np.testing.assert_allclose(table["norm"], expected, rtol=1e-5)
    np.testing.assert_array_equal(table["n_interactions"], data[0][name].value_counts().sort_index())


def test_norms_and_counts_of_features(fitted, data):
    tags = data[2]
    table = embedding_norms(fitted, "item_features").set_index("feature")
    assert set(table.index) == set(fitted.item_encoder_.feature_names_) < set(tags.feature_names())
    for name, embedding in zip(fitted.item_encoder_.feature_names_, fitted.item_embeddings_[len(fitted.items_) :]):
        assert table.loc[name, "norm"] == pytest.approx(np.linalg.norm(embedding), rel=1e-5)
        column = tags.feature_names().tolist().index(name)
        assert table.loc[name, "count"] == tags.matrix[:, [column]].count_nonzero() >= 12


def test_norms_and_counts_of_user_features(data):
    X, y, _ = data
    features = SideFeatures.from_dicts({int(user): {"sex": "fm"[user % 2]} for user in X["user"].unique()})
    table = embedding_norms(WARPRecommender(4, max_iter=2).fit(X, y, user_features=features), "user_features")
    assert sorted(table["feature"]) == ["sex=f", "sex=m"]
    assert table["count"].sum() == X["user"].nunique()
    assert "bias" not in table.columns


def test_an_indicator_of_0_is_not_counted_but_a_measurement_of_0_is(data):
    X, y, _ = data
    features = SideFeatures.from_dicts({int(item): {"vr": item % 2, "year": item % 3} for item in X["item"].unique()})
    table = embedding_norms(WARPRecommender(4, max_iter=2).fit(X, y, item_features=features), "item_features")
    counts = table.set_index("feature")["count"]
    assert counts["vr"] == (X["item"].unique() % 2).sum()
    assert counts["year"] == X["item"].nunique()


def test_only_models_with_biases_have_a_column_of_biases(fitted):
    for of, name in [("items", "item_biases_"), ("item_features", "item_feature_biases_")]:
        table = embedding_norms(fitted, of)
        assert ("bias" in table.columns) == hasattr(fitted, name)
        if hasattr(fitted, name):
            ids = fitted.items_ if of == "items" else fitted.item_encoder_.feature_names_
            expected = pd.Series(getattr(fitted, name)[-len(ids) :], index=ids)
            np.testing.assert_array_equal(table["bias"], expected[table.iloc[:, 0]])
    assert "bias" not in embedding_norms(fitted, "users").columns


def test_rows_are_sorted_by_popularity_and_id(fitted):
    table = embedding_norms(fitted)
    expected = table.sort_values(["n_interactions", "item"], ascending=[False, True])
    pd.testing.assert_frame_equal(table, expected)
    assert table["n_interactions"].duplicated().any()


def test_repeated_pairs_count_once():
    X = [[1, 1], [1, 1], [1, 1], [1, 2], [2, 2]]
    table = embedding_norms(WRMFRecommender(2, random_state=0).fit(X))
    assert table[["item", "n_interactions"]].to_numpy().tolist() == [[2, 2], [1, 1]]


def test_items_known_by_their_features_only_have_no_interactions(data):
    X, y, _ = data
    tags = SideFeatures.from_dicts({int(item): {"tag": "a"} for item in [*X["item"].unique(), 10_000]})
    table = embedding_norms(WRMFRecommender(4, random_state=0).fit(X, y, item_features=tags))
    assert table.iloc[-1][["item", "n_interactions"]].tolist() == [10_000, 0]


def test_norms_of_wrmf_are_correlated_with_popularity(data):
    X, y, _ = data
    table = embedding_norms(WRMFRecommender(8, alpha=1, random_state=0).fit(X, y))
    # If they were independent, the correlation would be 0 with a standard deviation of 0.09.
    assert table["n_interactions"].corr(table["norm"], method="spearman") > 0.8


def test_the_table_is_a_polars_frame_after_fit_on_polars(data):
    polars = pytest.importorskip("polars", reason="polars is an optional dependency")
    X = polars.DataFrame({"user": data[0]["user"].to_numpy(), "item": [f"m{i}" for i in data[0]["item"]]})
    table = embedding_norms(WARPRecommender(4, max_iter=2, random_state=0).fit(X))
    assert isinstance(table, polars.DataFrame)
    assert table.columns == ["item", "n_interactions", "norm", "bias"]
    assert table["item"].dtype == polars.String


def test_pipelines_are_unwrapped(data):
    pipe = Pipeline([("threshold", InteractionThresholder()), ("rec", WRMFRecommender(4, random_state=0))])
    assert len(embedding_norms(pipe.fit(*data[:2]))) == len(pipe["rec"].items_)


@pytest.mark.parametrize("call", [embedding_norms, SHOW])
def test_invalid_calls_are_errors(call, data):
    rec = WRMFRecommender(2, random_state=0).fit(*data[:2])
    with pytest.raises(ValueError, match=r"of must be one of \['items', 'users', .* got 'tags'"):
        call(rec, "tags")
    with pytest.raises(ValueError, match="was fitted without item features"):
        call(rec, "item_features")
    with pytest.raises(TypeError, match="PopularityRecommender has no embeddings"):
        call(PopularityRecommender().fit(*data[:2]))


# EmbeddingNormsDisplay.


@pytest.mark.parametrize(("of", "label"), [("users", "interactions"), ("item_features", "items that have the feature")])
def test_the_plot_shows_the_table_and_its_rank_correlation(fitted, of, label):
    display = SHOW(fitted, of)
    table = embedding_norms(fitted, of)
    shown = pd.DataFrame(display.points_.get_offsets()).sort_values([0, 1]).to_numpy()
    expected = table.iloc[:, 1:3].sort_values([table.columns[1], "norm"]).to_numpy()
    np.testing.assert_array_equal(shown, expected)
    correlation = table.iloc[:, 1].corr(table["norm"], method="spearman")
    assert display.rank_correlation_ == pytest.approx(correlation)
    assert display.ax_.get_title() == f"rank correlation {correlation:.2f}"
    assert (display.ax_.get_xlabel(), display.ax_.get_xscale()) == (label, "log")


def test_zero_interactions_have_a_position_on_the_axis():
    display = EmbeddingNormsDisplay(counts=[0, 1, 10, 100], norms=[0.1, 0.2, 0.3, 0.4]).plot()
    assert display.ax_.get_xscale() == "symlog"
    positions = display.ax_.transData.transform(display.points_.get_offsets())[:, 0]
    assert (np.diff(positions) > 10).all()


def test_the_rank_correlation_of_equal_norms_is_nan():
    assert np.isnan(EmbeddingNormsDisplay(counts=[1, 2, 3], norms=[1.0, 1.0, 1.0]).plot().rank_correlation_)


@pytest.mark.parametrize("name", ["c", "color"])
def test_scatter_kw_and_the_passed_axes_are_used(fitted, name):
    figure, ax = plt.subplots()
    display = SHOW(fitted, ax=ax, alpha=1, **{name: "red"})
    assert (display.ax_, display.figure_) == (ax, figure)
    assert plt.get_fignums() == [figure.number]
    np.testing.assert_array_equal(display.points_.get_facecolors(), [[1, 0, 0, 1]])


def test_the_error_without_matplotlib_names_the_extra(fitted, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'EmbeddingNormsDisplay .*pip install "sklearn-recsketch\[plot\]"'):
        SHOW(fitted)
