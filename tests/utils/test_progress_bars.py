"""Progress bars in notebooks need ipywidgets."""

from __future__ import annotations

import sys

import pytest

rich = pytest.importorskip("rich")
from sklearn.callback import ProgressBar, ScoringMonitor  # noqa: E402

from sklearn_recsketch import WRMFRecommender  # noqa: E402
from sklearn_recsketch.model_selection import EpochSearchCV  # noqa: E402

ESTIMATORS = [WRMFRecommender(2), EpochSearchCV(WRMFRecommender(2), {"alpha": [1]}, epochs=[1])]


@pytest.fixture
def notebook(monkeypatch):
    """rich believes to be in a notebook, and ipywidgets is not installed."""
    monkeypatch.setattr(rich.get_console(), "is_jupyter", True)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_without_ipywidgets_the_error_names_the_extra(notebook, estimator):
    with pytest.raises(ImportError, match=r'in a notebook.*pip install "sklearn-recsketch\[progress\]"'):
        estimator.set_callbacks(ProgressBar())
    assert not hasattr(estimator, "_skl_callbacks")


def test_with_ipywidgets_the_callback_is_set(notebook, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", object())
    rec, bar = WRMFRecommender(2), ProgressBar()
    assert rec.set_callbacks(bar) is rec
    assert rec._skl_callbacks == [bar]


def test_other_callbacks_need_no_ipywidgets(notebook):
    WRMFRecommender(2).set_callbacks(ScoringMonitor(scoring="precision@5"))


def test_outside_of_notebooks_no_ipywidgets_are_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    WRMFRecommender(2).set_callbacks(ProgressBar())
