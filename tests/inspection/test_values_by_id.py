"""Titles and labels by id, which galleries, maps and explanations read in the same way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from gallery_page import page

from sklearn_recsketch import WARPRecommender, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import EmbeddingDisplay, ExplanationDisplay

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is an optional dependency")
matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402 - after the choice of the backend

IDS = [3, 5, 7, 9]
ALL = ["gallery", "map", "explanation"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    return make_interactions(n_users=60, n_items=40, n_tags=10, return_features=True, random_state=0)


@pytest.fixture(scope="module")
def rec(data):
    return WRMFRecommender(4, random_state=0).fit(*data[:2])


def explanation(ids=IDS):
    columns = {"source": "history", "name": ids, "contribution": 1.0, "similarity": np.nan}
    return pd.DataFrame(columns)


@pytest.fixture
def texts(rec):
    """Function that returns the text shown for each of IDS, or None if only the id is shown."""

    def texts(source, where):
        if where == "gallery":
            shown = page(pd.DataFrame({"item": IDS}), titles=source).all("b")
        elif where == "map":
            display = EmbeddingDisplay.from_estimator(rec, ids=IDS, method="pca", labels=source)
            labels = dict(zip(display.ids, display.labels, strict=True))
            shown = [labels[id_] for id_ in IDS]
        else:
            display = ExplanationDisplay(explanation=explanation()).plot(titles=source)
            shown = [text.get_text() for text in display.ax_.get_yticklabels()]
        return [None if text in ("", str(id_)) else text for text, id_ in zip(shown, IDS, strict=True)]

    return texts


@pytest.mark.parametrize("where", ALL)
@pytest.mark.parametrize("form", [dict, pd.Series, lambda mapping: mapping.get])
def test_mappings_series_and_functions_are_read_by_id(texts, where, form):
    assert texts(form({3: "three", 9: "nine", 8: "eight"}), where) == ["three", None, None, "nine"]


@pytest.mark.parametrize("where", ALL)
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, "", " \n"])
def test_missing_values_are_not_shown(texts, where, missing):
    assert texts({3: missing, 5: "five"}, where) == [None, "five", None, None]


@pytest.mark.parametrize("where", ALL)
@pytest.mark.parametrize("titles", [{"3": "three"}, pd.Series({"3": "three"})])
def test_text_keys_for_integer_ids_are_an_error(texts, where, titles):
    with pytest.raises(ValueError, match=r"s has keys such as '3', but ids such as \d are shown\. Convert them"):
        texts(titles, where)


@pytest.mark.parametrize("where", ALL)
def test_a_function_that_raises_for_one_id_affects_only_this_id(texts, where):
    titles = {3: "three", 7: "seven", 9: "nine"}
    with pytest.warns(UserWarning, match=r"s could not be loaded for 1 id \(first: 5, KeyError: 5\)") as record:
        assert texts(lambda id_: titles[id_], where) == ["three", None, "seven", "nine"]
    assert len(record) == 1


def test_the_warning_points_to_the_line_of_the_caller(rec):
    with pytest.warns(UserWarning, match="titles could not be loaded for 4 ids") as record:
        ExplanationDisplay(explanation=explanation()).plot(titles={}.__getitem__)
    assert record[0].filename == __file__


@pytest.mark.parametrize("where", ALL)
def test_a_function_is_called_once_per_id_with_python_integers(texts, where):
    calls = []
    texts(lambda id_: calls.append(id_) or "text", where)
    assert sorted(calls) == IDS
    assert {type(id_) for id_ in calls} == {int}


@pytest.mark.parametrize("where", ALL)
def test_a_list_of_texts_is_an_error(texts, where):
    with pytest.raises(TypeError, match=r"s must be a mapping, a pandas Series or a function of the id, got \['a'\]"):
        texts(["a"], where)


def test_a_function_is_only_called_for_items_that_are_drawn():
    calls = []
    display = ExplanationDisplay(explanation=explanation(range(100)), item=200)
    display.plot(n_bars=3, titles=lambda id_: calls.append(id_))
    assert calls == [200, 0, 1, 2]


def test_integer_keys_for_text_ids_are_an_error():
    display = ExplanationDisplay(explanation=explanation(["3", "5"]), item="7")
    with pytest.raises(ValueError, match="titles has keys such as 3, but ids such as '7' are shown"):
        display.plot(titles={3: "three"})


def test_integer_ids_that_are_text_in_a_polars_table_are_found(data):
    polars = pytest.importorskip("polars", reason="polars is an optional dependency")
    X, _, tags = data
    rec = WARPRecommender(4, max_iter=2, random_state=0).fit(polars.from_pandas(X), item_features=tags)
    display = ExplanationDisplay.from_estimator(rec, rec.users_[0], rec.items_[0], titles=lambda id_: f"{id_!r}!")
    title, *similar = [display.ax_.get_title().splitlines()[0], *display.ax_.get_xlabel().splitlines()[-3:]]
    assert title == f"{rec.items_[0]}!"
    assert all(line.split("!")[0].isdecimal() for line in similar)
