"""ExplanationDisplay."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sklearn_recsketch import SideFeatures, WARPRecommender, WRMFRecommender
from sklearn_recsketch.inspection import ExplanationDisplay, explain

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is an optional dependency")
matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402 - after the choice of the backend


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def rec(planted):
    X, y, tags = planted
    return WRMFRecommender(8, random_state=0).fit(X, y, item_features=tags)


@pytest.fixture(scope="module")
def warp(planted):
    X, _, tags = planted
    return WARPRecommender(8, max_iter=5, random_state=0).fit(X, item_features=tags)


def make_explanation(*contributions, source="history"):
    """Table as returned by explain, with contributions of items 0, 1, ..."""
    n = len(contributions)
    columns = {"source": source, "name": np.arange(n), "contribution": contributions, "similarity": np.nan}
    return pd.DataFrame(columns, index=range(n))


def labels(display):
    """Labels of the bars from top to bottom."""
    return [text.get_text() for text in display.ax_.get_yticklabels()]


def widths(display):
    return [bar.get_width() for bar in display.bars_]


@pytest.mark.parametrize("n_bars", [1, 3, 10, 100])
def test_bars_sum_to_the_score(rec, n_bars):
    user, item = rec.users_[0], rec.items_[0]
    display = ExplanationDisplay.from_estimator(rec, user, item, n_bars=n_bars)
    # The score is an inner product in float32, and the bars are in float64.
    assert sum(widths(display)) == pytest.approx(rec.predict([[user, item]])[0], abs=1e-5)


def test_small_contributions_are_summed_in_one_bar():
    display = ExplanationDisplay(explanation=make_explanation(0.5, 0.25, 0.1, -0.2, -1.0)).plot(n_bars=3)
    assert labels(display) == ["0", "1", "4", "2 others"]
    assert widths(display) == pytest.approx([0.5, 0.25, -1.0, -0.1])


def test_a_single_small_contribution_has_its_own_bar():
    assert labels(ExplanationDisplay(explanation=make_explanation(0.5, 0.25, 0.1)).plot(n_bars=2)) == ["0", "1", "2"]


def test_bars_are_in_the_order_of_the_table():
    display = ExplanationDisplay(explanation=make_explanation(0.5, 0.25, -0.2)).plot()
    assert [bar.get_y() for bar in display.bars_] == sorted((bar.get_y() for bar in display.bars_), reverse=True)
    assert widths(display) == [0.5, 0.25, -0.2]


def test_colours_distinguish_the_sign_and_the_sum_of_others():
    display = ExplanationDisplay(explanation=make_explanation(0.5, -0.4, 0.3, -0.2, 0.1, 0.1)).plot(n_bars=4)
    first, second, third, fourth, others = (bar.get_facecolor() for bar in display.bars_)
    assert first == third != second == fourth
    assert others not in (first, second)
    (remainder,) = ExplanationDisplay(explanation=make_explanation(0.5, source="remainder")).plot().bars_
    assert remainder.get_facecolor() == others


def test_the_title_contains_item_user_and_score(rec):
    user, item = rec.users_[0], rec.items_[0]
    score = rec.predict([[user, item]])[0]
    title = ExplanationDisplay.from_estimator(rec, user, item).ax_.get_title()
    head, tail = title.split(": score ")
    assert head == f"item {item}\nuser {user}"
    assert float(tail) == pytest.approx(score, abs=0.006)  # at least two decimals
    assert ExplanationDisplay(explanation=make_explanation(0.5)).plot().ax_.get_title() == "score 0.500"


def test_integer_ids_that_pandas_converted_to_floats_are_shown_as_integers(rec):
    best = rec.recommend(rec.users_[:1], k=1).iloc[0]
    title = ExplanationDisplay.from_estimator(rec, best["user"], best["item"]).ax_.get_title()
    assert f"item {int(best['item'])}\nuser {rec.users_[0]}:" in title


@pytest.mark.parametrize("kind", [dict, pd.Series])
def test_bars_of_items_are_labelled_by_titles(rec, kind):
    names = kind({int(item): f"Model {item}" for item in rec.items_[:-1]})
    display = ExplanationDisplay.from_estimator(rec, rec.users_[0], rec.items_[0], titles=names, n_bars=99)
    past = explain(rec, rec.users_[0], rec.items_[0])["name"].iloc[:-1]
    assert labels(display)[:-1] == [f"Model {name}" if name != rec.items_[-1] else str(name) for name in past]
    assert display.ax_.get_title().startswith(f"Model {rec.items_[0]}\n")


def test_titles_are_shortened_to_one_line_and_not_parsed_as_formulas():
    names = {0: "A very long title, " * 9, 1: "two\nlines", 2: "from $5 to $7"}
    display = ExplanationDisplay(explanation=make_explanation(3, 2, 1), item=2).plot(titles=names)
    long, broken, priced = labels(display)
    assert long.startswith("A very long title") and long.endswith("…") and len(long) <= 36
    assert (broken, priced) == ("two lines", "from $5 to $7")
    assert not any(text.get_parse_math() for text in [*display.ax_.get_yticklabels(), display.ax_.title])
    display.figure_.canvas.draw()


def test_titles_do_not_apply_to_features():
    display = ExplanationDisplay(explanation=make_explanation(1.0, source="item feature")).plot(titles={0: "a title"})
    assert labels(display) == ["0"]


def test_past_items_without_a_contribution_are_listed_below_the_plot(warp):
    user, item = warp.users_[0], warp.items_[0]
    names = {int(known): f"Model {known}" for known in warp.items_}
    display = ExplanationDisplay.from_estimator(warp, user, item, titles=names)
    past = explain(warp, user, item).query("source == 'history'")[:3]
    expected = [f"Model {name} ({similarity:.2f})" for name, similarity in zip(past["name"], past["similarity"])]
    assert display.ax_.get_xlabel().splitlines()[-3:] == expected
    assert "bias: the same for every user" in labels(display)
    assert sum(widths(display)) == pytest.approx(warp.predict([[user, item]])[0], abs=1e-5)


def test_the_plot_is_the_same_after_fit_on_polars(planted, warp):
    polars = pytest.importorskip("polars", reason="polars is an optional dependency")
    X, _, tags = planted
    on_polars = WARPRecommender(8, max_iter=5, random_state=0).fit(polars.from_pandas(X), item_features=tags)
    names = {int(item): f"Model {item}" for item in warp.items_}
    shown = [
        ExplanationDisplay.from_estimator(model, warp.users_[0], warp.items_[0], titles=names)
        for model in (on_polars, warp)
    ]
    assert labels(shown[0]) == labels(shown[1])
    assert widths(shown[0]) == widths(shown[1])
    assert shown[0].ax_.get_xlabel() == shown[1].ax_.get_xlabel()


def test_a_history_is_explained(rec):
    display = ExplanationDisplay.from_estimator(rec, 999, rec.items_[0], history=[[999, int(rec.items_[5])]])
    assert labels(display) == [str(rec.items_[5]), "remainder"]


def test_the_passed_axes_and_bar_kw_are_used(rec):
    _, (_, ax) = plt.subplots(1, 2)
    display = ExplanationDisplay.from_estimator(rec, rec.users_[0], rec.items_[0], ax=ax, color="red", height=0.5)
    assert display.ax_ is ax and display.figure_ is ax.figure
    assert {bar.get_facecolor() for bar in display.bars_} == {matplotlib.colors.to_rgba("red")}
    assert [bar.get_height() for bar in display.bars_] == pytest.approx([0.5] * len(display.bars_))
    assert len(plt.get_fignums()) == 1


def test_zero_contributions_are_drawn():
    display = ExplanationDisplay(explanation=make_explanation(0.0, 0.0)).plot()
    assert widths(display) == [0, 0]
    display.figure_.canvas.draw()


def test_an_explanation_without_contributions_is_an_error():
    with pytest.raises(ValueError, match="explanation has no rows with a contribution"):
        ExplanationDisplay(explanation=make_explanation(np.nan)).plot()


@pytest.mark.parametrize("n_bars", [0, -1, 2.5, True])
def test_n_bars_must_be_a_positive_int(n_bars):
    with pytest.raises(ValueError, match=f"n_bars must be an int of at least 1, got {n_bars}"):
        ExplanationDisplay(explanation=make_explanation(1.0)).plot(n_bars=n_bars)


@pytest.mark.slow
def test_the_error_without_matplotlib_names_the_extra():
    code = """
import sys
sys.modules["matplotlib"] = sys.modules["matplotlib.pyplot"] = None
import pandas as pd
from sklearn_recsketch.inspection import ExplanationDisplay
row = {"source": ["history"], "name": [1], "contribution": [1.0], "similarity": [1.0]}
try:
    ExplanationDisplay(explanation=pd.DataFrame(row)).plot()
except ImportError as error:
    print(error)
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert output.stdout.strip() == 'ExplanationDisplay requires matplotlib: pip install "sklearn-recsketch[plot]"'


def test_an_item_known_by_features_only_is_shown_with_the_mean_item(planted):
    X, y, tags = planted
    tags = tags.updated(SideFeatures.from_dicts({90_000: {"tag": "t1"}}), "item")
    rec = WRMFRecommender(4, max_iter=2, random_state=0).fit(X, y, item_features=tags)
    shown = {item: labels(ExplanationDisplay.from_estimator(rec, 0, item, by="features")) for item in (90_000, 7)}
    assert sorted(shown[90_000]) == ["tag=t1", "the mean item"]
    assert "the item itself" in shown[7]
