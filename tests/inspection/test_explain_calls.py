"""Arguments of explain and errors."""

from __future__ import annotations

import pandas as pd
import pytest
from estimators import PAIRWISE, small
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_recsketch import (
    InteractionThresholder,
    PopularityRecommender,
    WRMFRecommender,
)
from sklearn_recsketch.inspection import explain
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit


@pytest.fixture(scope="module")
def plain(tiny):
    """WRMF without features."""
    return WRMFRecommender(4, max_iter=5, random_state=0).fit(tiny[0], tiny[1])


def test_pipelines_and_searches_are_unwrapped(planted):
    X, y, _ = planted
    pipe = Pipeline([("threshold", InteractionThresholder()), ("rec", WRMFRecommender(4, random_state=0))])
    scoring = make_ranking_scorer("precision@5")
    search = GridSearchCV(pipe, {"rec__alpha": [1]}, cv=UserHoldoutSplit(random_state=0), scoring=scoring).fit(X, y)
    rec = search.best_estimator_["rec"]
    pair = rec.users_[0], rec.items_[0]
    pd.testing.assert_frame_equal(explain(search, *pair), explain(rec, *pair))
    pd.testing.assert_frame_equal(explain(search.best_estimator_, *pair), explain(rec, *pair))


def test_errors_name_unknown_ids(plain):
    with pytest.raises(ValueError, match="The user 9999 is unknown: pass interactions as history"):
        explain(plain, 9999, plain.items_[0])
    with pytest.raises(ValueError, match="The item 9999 is unknown: only known items"):
        explain(plain, plain.users_[0], 9999)
    with pytest.raises(ValueError, match="history has no interactions of positive strength of the user 9999"):
        explain(plain, 9999, plain.items_[0], history=[[1, 2, 1.0], [9999, 2, 0.0]])


def test_several_users_or_items_are_an_error(plain):
    with pytest.raises(ValueError, match="user must be one id, got 2"):
        explain(plain, plain.users_[:2], plain.items_[0])
    with pytest.raises(ValueError, match="item must be one id, got 0"):
        explain(plain, plain.users_[0], [])


@pytest.mark.parametrize("model", small(PAIRWISE), ids=lambda model: type(model).__name__)
def test_scores_of_models_trained_by_sgd_are_not_split_by_history(model, tiny):
    rec = model.fit(*tiny[:2])
    with pytest.raises(
        ValueError, match=f"{type(model).__name__}, which is trained by SGD, are not a sum .* Use by='features'"
    ):
        explain(rec, rec.users_[0], rec.items_[0], by="history")


def test_the_error_for_an_unknown_by_lists_the_options(plain):
    with pytest.raises(ValueError, match="by must be 'history', 'features' or None, got 'tags'"):
        explain(plain, plain.users_[0], plain.items_[0], by="tags")


def test_a_model_without_embeddings_is_an_error(tiny):
    with pytest.raises(TypeError, match="PopularityRecommender has no embeddings"):
        explain(PopularityRecommender().fit(*tiny[:2]), 0, 0)


def test_an_unfitted_model_is_an_error():
    with pytest.raises(NotFittedError):
        explain(WRMFRecommender(), 0, 0)


def test_confidences_beyond_the_range_of_float32_are_an_error(plain):
    rec = clone(plain).set_params(alpha=40.0).fit([[1, 2], [1, 3], [2, 3]])
    with pytest.raises(ValueError, match=r"must be below 2\*\*24, but it is .* of user 999 and item 2"):
        explain(rec, 999, 2, history=[[999, 2, 3e38]])
