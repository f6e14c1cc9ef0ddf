"""EmbeddingDisplay: projection, selection of points, labels, colours and errors."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_recsketch import InteractionThresholder, PopularityRecommender, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import EmbeddingDisplay
from sklearn_recsketch.inspection._projection import project
from sklearn_recsketch.model_selection import UserHoldoutSplit
from sklearn_recsketch.recommenders._similarity import unit_length

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is an optional dependency")
matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402 - after the choice of the backend

MAP = EmbeddingDisplay.from_estimator
GREY = matplotlib.colors.to_rgba("#b8c0c8", 0.8)


@pytest.fixture(scope="module")
def data():
    return make_interactions(n_users=300, n_items=120, n_tags=20, return_features=True, random_state=0)


@pytest.fixture(scope="module")
def rec(data):
    X, y, tags = data
    return WRMFRecommender(8, random_state=0).fit(X, y, item_features=tags)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def popular(X, column="item"):
    """Ids sorted by decreasing frequency, ties by id."""
    counts = X[column].value_counts().sort_index()
    return counts.sort_values(ascending=False, kind="stable").index.to_numpy()


def written(display):
    """Labels that are drawn."""
    return [text.get_text() for text in display.texts_]


def cloud(n=200, seed=0):
    """Map of random points with labels of different lengths."""
    points = np.random.default_rng(seed).standard_normal((n, 2))
    return EmbeddingDisplay(points=points, labels=[f"label {'x' * (row % 9)}{row}" for row in range(n)])


def boxes(display):
    display.figure_.canvas.draw()
    return [text.get_window_extent() for text in display.texts_]


# Projection.


def test_the_same_random_state_gives_the_same_map(rec):
    first, again = (MAP(rec, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(first.points_.get_offsets(), again.points_.get_offsets())
    assert written(first) == written(again)


@pytest.mark.slow
def test_t_sne_is_reproducible_for_large_matrices():
    # t-SNE is initialised by PCA, which is randomised for a matrix of this size.
    vectors = np.random.default_rng(0).standard_normal((501, 128)).astype(np.float32)
    first, again = (project(vectors, "tsne", 3) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_pca_projects_to_the_first_two_principal_axes(rec):
    display = MAP(rec, method="pca")
    factors = rec.item_factors_[np.searchsorted(rec.items_, display.ids)].astype(np.float64)
    directions = factors / np.linalg.norm(factors, axis=1, keepdims=True)
    centred = directions - directions.mean(axis=0)
    expected = centred @ np.linalg.svd(centred)[2][:2].T
    signs = np.sign((expected * display.points).sum(axis=0))
    # The display computes in float32: errors are 1.5e-5 if LAPACK does not use fused multiply-add.
    np.testing.assert_allclose(display.points, expected * signs, atol=1e-4)


def test_the_norm_of_a_vector_does_not_matter(rec, monkeypatch):
    before = MAP(rec, method="pca").points
    lengths = np.random.default_rng(0).uniform(0.1, 10, (len(rec.items_), 1)).astype(np.float32)
    monkeypatch.setattr(rec, "item_factors_", rec.item_factors_ * lengths)
    np.testing.assert_allclose(MAP(rec, method="pca").points, before, atol=1e-4)  # float32


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_vectors_with_similar_directions_are_neighbours(rec, method, monkeypatch):
    rng = np.random.default_rng(0)
    group = rng.integers(3, size=len(rec.items_))
    axes = np.eye(3, 8, dtype=np.float32)
    monkeypatch.setattr(rec, "item_factors_", axes[group] + rng.normal(0, 0.05, (len(group), 8)).astype(np.float32))
    display = MAP(rec, method=method, random_state=0)
    group = group[np.searchsorted(rec.items_, display.ids)]
    distances = np.linalg.norm(display.points[:, None] - display.points, axis=-1) + 1e9 * np.eye(len(group))
    assert (group[distances.argmin(axis=1)] == group).all()


@pytest.mark.parametrize("method", ["tsne", "pca"])
@pytest.mark.parametrize("n_points", [3, 4, 10])
def test_a_map_may_have_few_points(rec, method, n_points):
    display = MAP(rec, ids=rec.items_[:n_points], method=method, random_state=0)
    assert display.points.shape == (n_points, 2)
    assert np.isfinite(display.points).all()


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_zero_vectors_have_finite_coordinates(rec, method, monkeypatch):
    factors = rec.item_factors_.copy()
    factors[::5] = 0
    monkeypatch.setattr(rec, "item_factors_", factors)
    assert np.isfinite(MAP(rec, method=method, random_state=0).points).all()


def test_a_transformer_is_cloned_and_keeps_its_parameters(rec):
    method = PCA(2, whiten=True, svd_solver="full")
    display = MAP(rec, method=method)
    assert not hasattr(method, "components_")
    factors = rec.item_factors_[np.searchsorted(rec.items_, display.ids)]
    expected = method.fit_transform(unit_length(factors))
    np.testing.assert_allclose(display.points, expected, rtol=1e-4, atol=1e-4)  # LAPACK in float32


# Selection of points.


def test_the_most_popular_points_are_shown_by_default(rec, data):
    assert MAP(rec, method="pca", n_points=17).ids.tolist() == popular(data[0])[:17].tolist()
    assert MAP(rec, "users", method="pca", n_points=9).ids.tolist() == popular(data[0], "user")[:9].tolist()


def test_selected_ids_are_shown_once_in_order_of_popularity(rec, data):
    ids = [60, 3, 41, 3, 17]
    expected = [item for item in popular(data[0]) if item in ids]
    assert MAP(rec, ids=ids, method="pca").ids.tolist() == expected
    assert MAP(rec, ids=pd.Series(ids), method="pca").ids.tolist() == expected


def test_the_most_frequent_features_are_shown_by_default(rec, data):
    tags = data[2]
    counts = pd.Series(np.diff(tags.matrix.tocsc().indptr), index=tags.feature_names())
    display = MAP(rec, "item_features", method="pca", n_points=6)
    assert counts[display.ids].tolist() == sorted(counts, reverse=True)[:6]


def test_features_are_represented_by_their_embeddings(rec):
    names = rec.item_encoder_.feature_names_
    display = MAP(rec, "item_features", ids=names[[4, 1, 9, 2]], method="pca")
    rows = [names.tolist().index(name) for name in display.ids]
    vectors = rec.item_embeddings_[len(rec.items_) :][rows]
    expected = PCA(2, svd_solver="full").fit_transform(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    np.testing.assert_allclose(display.points, expected, rtol=1e-4, atol=1e-5)  # LAPACK in float32


def test_the_prefix_selects_features_and_is_removed_from_labels(rec):
    display = MAP(rec, "item_features", method="pca", prefix="tag=t1")
    assert len(display.ids) > 3
    assert all(name.startswith("tag=t1") for name in display.ids)
    assert display.labels == [name.removeprefix("tag=t1") for name in display.ids]


def test_features_of_users_are_shown(data):
    X, y, _ = data
    features = make_interactions(n_users=5, n_items=300, n_tags=15, return_features=True, random_state=1)[2]
    rec = WRMFRecommender(4, random_state=0).fit(X, y, user_features=features)
    assert set(MAP(rec, "user_features", method="pca").ids) == set(features.feature_names())
    with pytest.raises(ValueError, match=r"no user feature 'tag=t33'\. Similar names: \['tag=t3'"):
        MAP(rec, "user_features", ids=["tag=t33"])


@pytest.mark.parametrize("wrap", ["pipeline", "search"])
def test_pipelines_and_searches_are_unwrapped(data, wrap):
    X, y, tags = data
    pipe = Pipeline([("threshold", InteractionThresholder()), ("rec", WRMFRecommender(4, random_state=0))])
    if wrap == "search":
        pipe = GridSearchCV(pipe, {"rec__alpha": [1, 10]}, cv=UserHoldoutSplit(random_state=0))
    pipe.fit(X, y, rec__item_features=tags)
    assert len(MAP(pipe, "item_features", method="pca").ids) == len(tags.feature_names())


def test_a_recommender_fitted_on_polars_is_shown(data):
    polars = pytest.importorskip("polars", reason="polars is an optional dependency")
    X = polars.DataFrame({"user": data[0]["user"].to_numpy(), "item": [f"m{i}" for i in data[0]["item"]]})
    rec = WRMFRecommender(4, random_state=0).fit(X)
    ids = polars.Series(["m3", "m7", "m11"])
    assert set(MAP(rec, ids=ids, method="pca").ids) == set(ids)


# Labels.


@pytest.mark.parametrize("size", [(7, 6), (3, 2.5)])
@pytest.mark.parametrize("n_labels", [5, 200])
def test_labels_overlap_neither_each_other_nor_the_frame(size, n_labels):
    _, ax = plt.subplots(figsize=size, layout="constrained")
    extents = boxes(cloud().plot(ax, n_labels=n_labels))
    assert len(extents) >= 5
    assert not any(one.overlaps(other) for one, other in itertools.combinations(extents, 2))
    assert all((ax.bbox.min <= box.min).all() and (box.max <= ax.bbox.max).all() for box in extents)


@pytest.mark.parametrize("seed", range(3))
def test_labels_do_not_cover_labelled_points(seed):
    _, ax = plt.subplots(figsize=(4, 3))
    display = cloud(60, seed).plot(ax, n_labels=60, s=60)
    dots = ax.transData.transform([text.xy for text in display.texts_])
    assert not any(box.contains(*dot) for box, dot in itertools.product(boxes(display), dots))


def test_labels_do_not_overlap_with_the_legend():
    display = cloud(60)
    display.color = np.where(display.points[:, 0] > 0, "right", "left")
    _, ax = plt.subplots(figsize=(4, 3))
    extents = boxes(display.plot(ax))
    assert ax.get_legend() is display.legend_
    assert not any(box.overlaps(display.legend_.get_window_extent()) for box in extents)


def test_the_most_popular_points_are_labelled_first(rec):
    display = MAP(rec, random_state=0, n_labels=3)
    # The map is large enough for the first labels.
    assert written(display) == [str(item) for item in display.ids[:3]]
    assert [tuple(text.xy) for text in display.texts_] == [tuple(point) for point in display.points[:3]]


def test_labels_without_space_are_skipped():
    points = [[0, 0], [0, 0], [0, 0], [1, 1], [-1, -1]]
    display = EmbeddingDisplay(points=points, labels=["alpha", "beta", "gamma", "delta", "epsilon"]).plot(n_labels=4)
    # There is space for two labels beside one point.
    assert written(display) == ["alpha", "beta", "delta", "epsilon"]


def test_labelled_points_have_an_edge():
    display = cloud(30).plot(n_labels=4, s=np.arange(30) + 10)
    edges = display.ax_.collections[-1]
    assert edges is not display.points_
    np.testing.assert_array_equal(edges.get_offsets(), [text.xy for text in display.texts_])


def test_n_labels_may_be_zero(rec):
    assert MAP(rec, method="pca", n_labels=0).texts_ == []


def test_labels_are_not_parsed_as_formulas_and_long_ones_are_cut():
    labels = [r"$\no$", "50% & $y^2$", "a word and another word and a third one and more"]
    display = EmbeddingDisplay(points=[[0, 0], [1, 1], [2, 2]], labels=labels).plot()
    assert written(display) == [*labels[:2], "a word and another word and a t…"]
    display.figure_.canvas.draw()


def test_points_outside_of_the_limits_have_no_label():
    _, ax = plt.subplots()
    ax.set_position([0, 0, 1, 1])
    ax.set(xlim=(-1, 1), ylim=(-1, 1))
    display = EmbeddingDisplay(points=[[5, 5], [0, 0], [0.5, 0.5]], labels=["out", "in", "inside"]).plot(ax)
    assert written(display) == ["in", "inside"]


# Colours.


def test_numbers_are_shown_with_a_colour_bar(rec, data):
    popularity = data[0]["item"].value_counts()
    display = MAP(rec, method="pca", color=popularity, norm="log", cmap="plasma")
    np.testing.assert_array_equal(display.points_.get_array(), popularity[display.ids])
    assert display.colorbar_.mappable is display.points_
    assert display.legend_ is None


def test_points_without_a_number_are_grey(rec):
    display = MAP(rec, method="pca", color={int(rec.items_[0]): 3.0, int(rec.items_[1]): 5})
    display.figure_.canvas.draw()
    grey = (np.abs(display.points_.get_facecolors() - GREY) < 1e-6).all(axis=1)
    assert (~grey).sum() == 2


def test_the_most_frequent_categories_have_their_own_colours_and_others_are_grey():
    categories = [c for n, c in enumerate("abcdefghij", start=1) for _ in range(n)] + [None]
    points = np.random.default_rng(0).standard_normal((len(categories), 2))
    display = EmbeddingDisplay(points=points, color=categories).plot()
    assert [text.get_text() for text in display.legend_.get_texts()] == [*"jihgfed", "others"]
    colors = display.points_.get_facecolors()
    assert len(np.unique(colors, axis=0)) == 8
    np.testing.assert_allclose(colors[[0, 5, -1]], [GREY, GREY, GREY])
    assert display.colorbar_ is None


@pytest.mark.parametrize("name", ["c", "color"])
def test_one_colour_for_all_points_can_be_passed_to_scatter(name):
    display = cloud(5).plot(**{name: "red", "alpha": 1})
    np.testing.assert_array_equal(display.points_.get_facecolors(), [[1, 0, 0, 1]])


# Figures.


def test_the_passed_axes_are_used(rec):
    figure, axes = plt.subplots(1, 2, sharex=True, sharey=True)
    display = MAP(rec, method="pca", ax=axes[1])
    assert (display.ax_, display.figure_) == (axes[1], figure)
    assert plt.get_fignums() == [figure.number]
    figure.canvas.draw()


def test_a_map_can_be_drawn_in_a_subfigure():
    part = plt.figure(layout="constrained").subfigures(1, 2)[0]
    assert written(cloud(5).plot(part.subplots()))


def test_the_error_without_matplotlib_names_the_extra(rec, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'EmbeddingDisplay .*pip install "sklearn-recsketch\[plot\]"'):
        MAP(rec, method="pca")


# Errors.


class ThreeCoordinates(BaseEstimator):
    def fit_transform(self, X):
        return X[:, :3]


class NotFinite(BaseEstimator):
    def fit_transform(self, X):
        return np.full((len(X), 2), np.nan)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"of": "item"}, r"of must be one of \['items', 'users', 'item_features', 'user_features'\], got 'item'"),
        ({"of": "user_features"}, r"WRMFRecommender was fitted without user features\. Call fit\(X, y, user_features="),
        ({"of": "item_features", "ids": ["tag=t33"]}, r"no item feature 'tag=t33'\. Similar names: \['tag=t3'"),
        ({"of": "item_features", "prefix": "category="}, "No item feature starts with prefix='category='"),
        ({"prefix": "tag="}, "prefix can only be used for features, got prefix='tag=' for items"),
        ({"prefix": "1", "ids": [10]}, "prefix can only be used for features, got prefix='1'"),
        (
            {"of": "item_features", "prefix": "tag=t1", "ids": ["tag=t2"]},
            "All ids must start with prefix='tag=t1', got 'tag=t2'",
        ),
        ({"ids": [1, 2, 9999]}, "The item 9999 is unknown: the model was fitted without it"),
        ({"ids": [1, 2]}, "at least 3 points and 2 components, got 2 points and n_components=8"),
        ({"ids": [], "labels": {1: "one"}}, "at least 3 points and 2 components, got 0 points"),
        ({"n_points": 0}, "n_points must be an int of at least 1, got 0"),
        ({"n_labels": -1}, "n_labels must be an int of at least 0, got -1"),
        ({"method": "umap"}, r"method must be 'tsne', 'pca' or a transformer, .* got 'umap'"),
        ({"method": PCA}, r"method must be 'tsne', 'pca' or a transformer, such as PCA\(2"),
        ({"method": ThreeCoordinates()}, r"two finite coordinates for each of 120 points, but ThreeC.*\(120, 3\)\."),
        ({"method": NotFinite()}, r"but NotFinite\(\) returned .* shape \(120, 2\) with values that are not finite"),
        ({"labels": {9999: "one"}}, r"labels has no value for any of the 120 points, such as \d+\. Write labels="),
        ({"labels": lambda _: None}, "labels has no value for any of the 120 points"),
        ({"color": {}}, "color has no value for any of the 120 points"),
    ],
)
def test_invalid_arguments_are_errors(rec, arguments, message):
    with pytest.raises(ValueError, match=message):
        MAP(rec, **{"method": "pca", **arguments})


def test_the_error_for_a_colour_name_says_how_to_use_one_colour(rec):
    with pytest.raises(TypeError, match=r"color must be a mapping, .* got 'red' of type str\. .* or c=\.\.\. for one"):
        MAP(rec, method="pca", color="red")


def test_a_map_of_equal_directions_is_an_error(rec, monkeypatch):
    monkeypatch.setattr(rec, "item_factors_", np.zeros_like(rec.item_factors_))
    with pytest.raises(ValueError, match="all 120 vectors have the same direction"):
        MAP(rec)


def test_a_model_with_one_component_is_an_error(data):
    with pytest.raises(ValueError, match="got 120 points and n_components=1"):
        MAP(WRMFRecommender(1, random_state=0).fit(*data[:2]))


def test_a_model_without_embeddings_is_an_error(data):
    with pytest.raises(TypeError, match="PopularityRecommender has no embeddings"):
        MAP(PopularityRecommender().fit(*data[:2]))
