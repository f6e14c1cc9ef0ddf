"""The summary of a fitted recommender below its HTML diagram."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.utils import estimator_html_repr

from sklearn_recsketch import BPRRecommender, PopularityRecommender, WARPRecommender, WRMFRecommender
from sklearn_recsketch.base import BaseRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.exceptions import DivergenceWarning


class OwnRecommender(BaseRecommender):
    def _score_users(self, users, history):
        return np.zeros((len(users), len(self.items_)))


@pytest.fixture(scope="module")
def data():
    return make_interactions(60, 30, n_tags=5, return_features=True, random_state=0)


class Spans(HTMLParser):
    """Texts of the spans in a page."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.inside = [], False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.inside = tag == "span"
        if self.inside:
            self.texts.append("")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "span"

    def handle_data(self, text):
        if self.inside:
            self.texts[-1] += text


def summary(recommender):
    """Rows of the summary by name; no rows if there is no summary."""
    page = recommender._repr_mimebundle_()["text/html"]
    texts = Spans(page[page.index('<div class="recsketch-summary">') :]).texts if "recsketch-summary" in page else []
    return dict(zip(texts[::2], texts[1::2], strict=True))


RECOMMENDERS = [
    PopularityRecommender(),
    OwnRecommender(),
    *(model(2, max_iter=2, random_state=0) for model in (WRMFRecommender, WARPRecommender, BPRRecommender)),
]


@pytest.mark.parametrize("recommender", RECOMMENDERS, ids=lambda recommender: type(recommender).__name__)
def test_sizes_are_those_of_the_data(recommender, data):
    X, y, _ = data
    rows = summary(clone(recommender).fit(X, y))
    assert rows["users"] == str(X["user"].nunique())
    assert rows["items"] == str(X["item"].nunique())
    assert rows["interactions"] == f"{len(X):,}"


@pytest.mark.parametrize("recommender", RECOMMENDERS, ids=lambda recommender: type(recommender).__name__)
def test_an_unfitted_recommender_has_the_diagram_of_scikit_learn(recommender):
    def without_ids(page):
        return re.sub(r"sk-[a-z-]*id-\d+", "id", page)

    assert without_ids(recommender._repr_mimebundle_()["text/html"]) == without_ids(estimator_html_repr(recommender))


def test_the_diagram_precedes_the_summary(data):
    rec = PopularityRecommender().fit(data[0])
    page = rec._repr_html_()
    assert page.index("sk-top-container") < page.index('<div class="recsketch-summary">')


def test_there_is_no_page_if_scikit_learn_displays_text(data):
    rec = PopularityRecommender().fit(data[0])
    with sklearn.config_context(display="text"):
        assert not hasattr(rec, "_repr_html_")
        assert list(rec._repr_mimebundle_()) == ["text/plain"]


def test_the_loss_is_that_of_the_last_epoch(data):
    rec = WRMFRecommender(2, max_iter=3, random_state=0).fit(data[0])
    rows = summary(rec)
    assert rows["epochs"] == "3"
    assert float(rows["loss"]) == pytest.approx(rec.loss_curve_[-1], rel=1e-5)  # six digits are shown


def test_early_stopping_shows_the_best_epoch(data):
    rec = WRMFRecommender(2, max_iter=9, early_stopping=True, n_iter_no_change=1, random_state=0).fit(data[0])
    rows = summary(rec)
    assert rows["epochs"].startswith(f"{rec.n_iter_}: the best of {len(rec.validation_scores_)} ")
    assert float(rows["loss"]) == pytest.approx(rec.loss_curve_[rec.n_iter_ - 1], rel=1e-5)


def test_divergence_is_shown(data):
    rec = WARPRecommender(2, max_iter=2, learning_rate=1e6, random_state=0)
    with pytest.warns(DivergenceWarning):
        rec.fit(data[0])
    assert "diverged" in summary(rec)["epochs"]


def test_automatic_and_given_parameters_are_told_apart(data):
    rec = WRMFRecommender(2, alpha=3.5, regularization="auto", max_iter=1, random_state=0).fit(data[0])
    rows = summary(rec)
    assert rows["alpha"] == "3.5"
    assert rows["item_regularization"] == f"{rec.item_regularization_:.4g}, computed from the interactions"
    rows = summary(clone(rec).set_params(alpha="auto", regularization=2.0).fit(data[0]))
    assert rows["alpha"].endswith("computed from the interactions")
    assert rows["user_regularization"] == "2"


def test_the_number_of_features_is_shown(data):
    X, y, tags = data
    rows = summary(WRMFRecommender(2, max_iter=1, random_state=0).fit(X, y, item_features=tags))
    assert rows["items"].endswith(f", with {tags.matrix.shape[1]} features")
    assert "features" not in rows["users"]


def test_a_text_in_a_fitted_attribute_is_escaped(data):
    class Hostile(float):
        def __format__(self, spec):
            return "<script>"

    rec = WRMFRecommender(2, max_iter=1, random_state=0).fit(data[0])
    rec.alpha_ = Hostile(1)
    page = rec._repr_html_()
    assert "<script>" not in page[page.index('<div class="recsketch-summary">') :]
    assert summary(rec)["alpha"].startswith("<script>")


def test_the_summary_does_not_change_the_recommender(data):
    rec = WRMFRecommender(2, max_iter=1, random_state=0).fit(data[0])
    before = dict(vars(rec))
    rec._repr_html_()
    assert vars(rec).keys() == before.keys()
    assert all(vars(rec)[name] is value for name, value in before.items())
