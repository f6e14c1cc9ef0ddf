"""Lists of parameter values in searches: values of any type are tried and returned unchanged."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hill_search import ACTIONS, BRIEF, FITS, ROWS, Hill, hill_search, rec_search, skopt
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklearn_recsketch import InteractionThresholder, SideFeatureEncoder, WRMFRecommender
from sklearn_recsketch.inspection import SearchScatterDisplay, SearchTraceDisplay
from sklearn_recsketch.model_selection import EpochSearchCV, UserHoldoutSplit

ENCODER = SideFeatureEncoder(min_count=2)
CATEGORIES = {
    "two ints": [2, 8],
    "two floats": [0.1, 1.0],
    "a range's words": [1e-3, 1.0, "log-uniform"],
    "none and int": [None, 5],
    "none and encoder": [None, ENCODER],
    "encoders": [SideFeatureEncoder(), ENCODER],
    "pipelines": [make_pipeline(InteractionThresholder()), make_pipeline(ENCODER)],
    "bools": [True, False],
    "equal numbers": [1, 1.0, True],
    "number and text": [1, "1"],
    "texts": ["round", "flat"],
    "lists": [[1, 2], [1, 3]],
    "lists and tuples": [[1], (1,), (1, 2)],
    "dicts": [{"a": 1}, {"a": 2}],
    "classes and functions": [Hill, len, lambda x: x],
    "not finite": [np.inf, np.nan, 1.0],
    "one": [5],
    "one none": [None],
    "many": list(range(12)),
}


@pytest.fixture
def pyplot():
    pytest.importorskip("matplotlib").use("agg")
    plt = pytest.importorskip("matplotlib.pyplot")
    yield plt
    plt.close("all")


@pytest.fixture(autouse=True)
def no_fits():
    FITS.clear()
    ACTIONS.clear()


def is_among(value, categories):
    """Return whether a value is one of the categories and has its type."""
    return any(value is other or (type(value) is type(other) and value == other) for other in categories)


def search_categories(categories, **options):
    search = hill_search({"kind": categories}, **{"n_iter": 8} | options).fit(ROWS)
    return [params["kind"] for params in search.cv_results_["params"]], search


@pytest.mark.parametrize("categories", CATEGORIES.values(), ids=CATEGORIES)
@pytest.mark.parametrize(
    "options",
    [{}, {"surrogate": "forest", "optimizer_kwargs": BRIEF}, {"n_points": 2, "n_iter": 4}],
    ids=["gp", "forest", "batches"],
)
def test_every_list_is_a_list_of_categories(categories, options):
    values, search = search_categories(categories, **options)
    assert all(is_among(value, categories) for value in values)
    assert len(values) == len({id(value) if not isinstance(value, float) else repr(value) for value in values})
    assert is_among(search.best_params_["kind"], categories)
    assert all(is_among(point[0], categories) for point in search.optimizer_results_[0].x_iters)


@pytest.mark.parametrize("name", ["two ints", "none and encoder", "equal numbers", "lists", "number and text"])
def test_all_categories_are_search_categories(name):
    assert len(search_categories(CATEGORIES[name], n_iter=14)[0]) == len(CATEGORIES[name])


@pytest.mark.parametrize("generator", ["lhs", "sobol", "grid"])
def test_initial_points_may_be_generated_from_any_categories(generator):
    kwargs = BRIEF | {"initial_point_generator": generator, "n_initial_points": 4}
    values, _ = search_categories(CATEGORIES["lists and tuples"], optimizer_kwargs=kwargs, n_iter=4)
    assert all(is_among(value, CATEGORIES["lists and tuples"]) for value in values)


@pytest.mark.parametrize(
    ("categories", "expected"),
    [
        (range(2, 9, 6), [2, 8]),
        (np.array([2, 8]), [2, 8]),
        (np.array([0.5, 1.0], dtype=np.float32), [0.5, 1.0]),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(["a", "b"]), ["a", "b"]),
        (pd.Series([2, 8], index=[5, 6]), [2, 8]),
        (pd.Index(["a", "b"]), ["a", "b"]),
        (pd.Categorical(["a", "b"]), ["a", "b"]),
        ([np.int64(2), np.float64(0.5)], [2, 0.5]),
        ({2: "a", 8: "b"}.keys(), [2, 8]),
        (skopt.space.Categorical([2, 8]), [2, 8]),
        (skopt.space.Categorical(np.array([2, 8]), transform="label"), [2, 8]),
    ],
)
def test_categories_are_converted_to_python_objects(categories, expected):
    values, _ = search_categories(categories, n_iter=12)
    assert all(is_among(value, expected) for value in values)
    assert len(values) == len(expected)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_columns_of_other_libraries_are_lists_of_categories(library):
    module = pytest.importorskip(library)
    column = module.Series([2, 8]) if library == "polars" else module.array([2, 8])
    assert sorted(search_categories(column, n_iter=12)[0]) == [2, 8]


def test_a_repeated_value_is_sampled_more_often():
    kwargs = {"n_initial_points": 40}
    values, search = search_categories(["flat", "round", "flat", "flat"], n_iter=40, optimizer_kwargs=kwargs)
    assert sorted(values) == ["flat", "round"]
    sampled = [point[0] for point in search.optimizer_results_[0].x_iters]
    # The expected number is 30 of 40; the probability of 20 or fewer is 0.0006.
    assert sampled.count("flat") > 20


def test_an_estimator_is_returned_itself_and_not_modified():
    encoder = SideFeatureEncoder(min_count=2)
    space = {"item_encoder": [encoder], "item_encoder__min_count": [7]}
    search = rec_search(space=space, n_iter=1)
    X = pd.DataFrame({"user": np.repeat(range(12), 6), "item": np.tile(range(9), 8)})
    search.fit(X)
    assert search.best_params_["item_encoder"] is encoder
    assert search.best_estimator_.item_encoder.min_count == 7
    assert encoder.min_count == 2


@pytest.mark.parametrize(
    ("values", "dimension_type", "bounds"),
    [
        ((2, 8), "Integer", (2, 8)),
        ((np.int64(2), np.int64(8)), "Integer", (2, 8)),
        ((0.5, 8), "Real", (0.5, 8.0)),
        ((1e-3, 1.0, "log-uniform"), "Real", (1e-3, 1.0)),
        ((1, 64, "log-uniform", 2), "Integer", (1, 64)),
        ((-1.0, 1.0, "uniform"), "Real", (-1.0, 1.0)),
    ],
)
def test_a_tuple_is_a_range(values, dimension_type, bounds):
    search = hill_search({"b": values}, n_iter=2, scoring=lambda hill, X, y=None: hill.b).fit(ROWS)
    dimension = search.optimizer_results_[0].space.dimensions[0]
    assert (type(dimension).__name__, dimension.bounds) == (dimension_type, bounds)
    assert type(search.best_params_["b"]) is (int if dimension_type == "Integer" else float)


RULE = r"^search_spaces\['b'\] must be a "
BAD = {
    "reversed": ((8, 2), r"range .* with low < high, got \(8, 2\)\. Write \(2, 8\)\.$"),
    "reversed log": ((1.0, 0.1, "log-uniform"), r"Write \(0\.1, 1\.0, 'log-uniform'\)\.$"),
    "equal": ((5, 5), r"range .* For a single value, write \[5\]\."),
    "none": ((None, 5), r"range .* For categories, write a list: \[None, 5\]\."),
    "texts": (("a", "b"), r"For categories, write a list: \['a', 'b'\]\."),
    "bools": ((True, False), "For categories, write a list"),
    "mixed": ((1, "2"), "For categories, write a list"),
    "three": ((1, 2, 3), r"third value is one of .* write a list: \[1, 2, 3\]"),
    "five": ((1, 2, 3, 4, 5), "For categories, write a list"),
    "single": ((1,), r"For categories, write a list: \[1\]"),
    "no tuple": ((), "For categories, write a list"),
    "prior": ((1.0, 2.0, "log"), r"third value is one of \['uniform', 'log-uniform'\]"),
    "base": ((1.0, 2.0, "log-uniform", 1), "fourth value is an int of at least 2"),
    "zero": ((0, 1.0, "log-uniform"), r"positive low if it is log-uniform, .* write \(0, 1\.0\)\."),
    "infinite": ((0.0, np.inf), "between finite numbers"),
    "set": ({2, 8}, r"got the set \{8, 2\}, which has no order"),
    "frozenset": (frozenset({2}), "which has no order"),
    "empty": ([], "with at least one value, got an empty list"),
    "empty array": (np.array([]), "at least one value"),
    "text": ("round", r"got 'round' of type str\. For one value, write \['round'\]\."),
    "number": (3, r"For one value, write \[3\]\."),
    "missing": (None, r"For one value, write \[None\]\."),
    "estimator": (ENCODER, "of type SideFeatureEncoder. For one value"),
    "class": (Hill, "of type type"),
    "dict": ({"low": 1}, "of type dict"),
    "generator": ((i for i in range(2)), "of type generator"),
    "distribution": (scipy.stats.loguniform(0.1, 1), "got a distribution, which only RandomizedSearchCV"),
    "arrays": ([np.arange(2), np.arange(3)], r"got array\(\[0, 1\]\) of type ndarray among them. Write an array as a"),
    "missing values": (pd.Series([1, None], dtype="Int64"), "got <NA> of type NAType among them"),
}


@pytest.mark.parametrize(("values", "text"), BAD.values(), ids=BAD)
def test_invalid_values_are_refused_with_the_name_of_the_parameter(values, text):
    with pytest.raises(ValueError, match=f"{RULE}(?s:.*){text}|{RULE}{text}"):
        hill_search({"b": values}).fit(ROWS)
    assert not FITS


# Initial parameters and resumed searches.


@pytest.mark.parametrize("first", [None, SideFeatureEncoder(min_count=2)])
def test_initial_parameters_match_a_category_by_content(first):
    categories = [SideFeatureEncoder(), None, ENCODER]
    values, _ = search_categories(categories, initial_params={"kind": first}, n_iter=1)
    assert values[0] is (None if first is None else ENCODER)


def test_an_initial_number_matches_an_equal_category():
    values, _ = search_categories([1, 10], initial_params={"kind": 10.0}, n_iter=1)
    assert (values, type(values[0])) == ([10], int)


def test_true_is_not_the_category_1():
    with pytest.raises(ValueError, match=r"kind=True is not one of \[1, 2\]"):
        search_categories([1, 2], initial_params={"kind": True})


@pytest.mark.parametrize("name", [name for name in CATEGORIES if name != "classes and functions"])
def test_a_resumed_search_recognizes_categories(tmp_path, name):
    categories = CATEGORIES[name]
    search = hill_search({"kind": categories}, checkpoint=tmp_path / "search.json", n_iter=5).fit(ROWS)
    FITS.clear()
    # Cloned estimators are equal but not identical, as in another process.
    space = {"kind": [clone(category, safe=False) for category in categories]}
    again = clone(search).set_params(search_spaces=space).fit(ROWS)
    assert len(FITS) == 1  # the refit
    assert all(is_among(params["kind"], again.search_spaces["kind"]) for params in again.cv_results_["params"])
    json.loads((tmp_path / "search.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("other", [[None, SideFeatureEncoder(min_count=3)], [None, 2], [None]])
def test_the_checkpoint_of_different_categories_is_refused(tmp_path, other):
    search = hill_search({"kind": [None, ENCODER]}, checkpoint=tmp_path / "search.json", n_iter=2).fit(ROWS)
    with pytest.raises(ValueError, match="a search with different search_spaces"):
        search.set_params(search_spaces={"kind": other}).fit(ROWS)


def test_a_category_that_cannot_be_compared_between_runs_is_refused(tmp_path):
    class Local:
        def __deepcopy__(self, memo):
            return self

        def __reduce__(self):
            raise TypeError("cannot be pickled")

    with pytest.raises(ValueError, match="whether search_spaces has changed"):
        hill_search({"kind": [Local()]}, checkpoint=tmp_path / "search.json").fit(ROWS)


# Lists of values in EpochSearchCV and in plots.


@pytest.fixture(scope="module")
def table():
    return pd.DataFrame({"user": np.repeat(range(12), 6), "item": np.tile(range(9), 8)})


def epoch_search(values, name="item_encoder", **options):
    estimator = WRMFRecommender(2, random_state=0)
    cv = UserHoldoutSplit(n_items=2, random_state=0)
    return EpochSearchCV(estimator, {name: values}, epochs=[1, 2], cv=cv, **options)


@pytest.mark.parametrize(
    "values", [range(1, 3), np.array([1, 2]), pd.Series([1, 2]), [np.int64(1), 2], (1, 2)], ids=str
)
def test_an_epoch_search_accepts_the_same_lists(table, values):
    params = epoch_search(values, "alpha").fit(table).cv_results_["params"]
    assert [(type(row["alpha"]), row["alpha"]) for row in params] == [(int, 1), (int, 1), (int, 2), (int, 2)]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({1, 2}, "which has no order"),
        ([], "at least one value, got an empty list"),
        ("log", r"For one value, write \['log'\]"),
        (1.0, r"For one value, write \[1\.0\]"),
        (scipy.stats.uniform(), "Set n_iter"),
    ],
)
def test_an_epoch_search_refuses_the_same_values(table, values, text):
    with pytest.raises(ValueError, match=rf"^param_distributions\['alpha'\] must be a list of values.*{text}"):
        epoch_search(values, "alpha").fit(table)


def test_a_sampled_value_is_a_python_object(table):
    search = epoch_search(scipy.stats.uniform(1, 2), "alpha", n_iter=2, random_state=0).fit(table)
    assert {type(params["alpha"]) for params in search.cv_results_["params"]} == {float}


def test_the_whole_grid_is_searched_if_n_iter_is_not_smaller(table):
    search = epoch_search([1, 2], "alpha", n_iter=9, random_state=0).fit(table)
    assert [params["alpha"] for params in search.cv_results_["params"]] == [1, 1, 2, 2]


def test_plots_label_encoders_and_none(table, pyplot):
    search = epoch_search([None, ENCODER]).fit(table)
    panel = SearchScatterDisplay.from_search(search).axes_[0]
    assert {label.get_text() for label in panel.get_xticklabels()} >= {"None"}
    assert "item_encoder=" in SearchTraceDisplay.from_search(search).legend_.get_texts()[0].get_text().replace("\n", "")


@pytest.mark.parametrize("name", [name for name in CATEGORIES if len(CATEGORIES[name]) > 1])
def test_categories_of_any_type_can_be_plotted(name, pyplot):
    _, search = search_categories(CATEGORIES[name], n_iter=14)
    SearchScatterDisplay.from_search(search).figure_.draw_without_rendering()
    SearchTraceDisplay.from_search(search).figure_.draw_without_rendering()
