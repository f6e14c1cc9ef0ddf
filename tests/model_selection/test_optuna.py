"""OptunaSearchCV works with recommenders without changes."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from sklearn.pipeline import Pipeline

from sklearn_recsketch import InteractionThresholder, WARPRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.exceptions import DivergenceWarning
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserKFold

REASON = "Optuna is optional: pip install optuna optuna-integration"
optuna = pytest.importorskip("optuna", reason=REASON)
integration = pytest.importorskip("optuna_integration", reason=REASON)

pytestmark = [
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    # Version 5 uses a module that it has deprecated.
    pytest.mark.filterwarnings("ignore:.*optuna.terminator:FutureWarning"),
]
REC = WARPRecommender(4, max_iter=3, random_state=0)


@pytest.fixture(scope="module")
def likes():
    """X, y and item features with 80 users and 40 items."""
    return make_interactions(80, 40, n_tags=6, return_features=True, random_state=0)


@pytest.fixture(autouse=True)
def quiet():
    """Silence the logs of trials."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(level)


def rates(highest, name="learning_rate"):
    return {name: optuna.distributions.FloatDistribution(1e-3, highest, log=True)}


def search_of(estimator, space, **options):
    options = {"n_trials": 6, "random_state": 0, "cv": UserKFold(2, random_state=0), "error_score": "raise"} | options
    return integration.OptunaSearchCV(estimator, space, scoring=make_ranking_scorer("precision@5"), **options)


def test_the_best_learning_rate_is_refitted(likes):
    search = search_of(REC, rates(1.0)).fit(*likes[:2])
    assert search.best_score_ == search.trials_dataframe()["value"].max()
    assert search.best_estimator_.learning_rate == search.best_params_["learning_rate"]
    assert search.best_estimator_.recommend(k=2)["rank"].isin([1, 2]).all()


def test_the_same_seed_gives_the_same_trials(likes):
    tables = [search_of(REC, rates(1.0)).fit(*likes[:2]).trials_dataframe() for _ in range(2)]
    columns = ["value", "params_learning_rate"]
    np.testing.assert_array_equal(tables[0][columns], tables[1][columns])


def test_diverging_candidates_have_finite_scores_and_are_not_the_best(likes):
    with pytest.warns(DivergenceWarning, match="diverged in epoch 1 with learning_rate="):
        search = search_of(REC, rates(1e9), n_trials=12).fit(*likes[:2])
    assert np.isfinite(search.trials_dataframe()["value"]).all()
    assert search.best_params_["learning_rate"] < 10  # a diverged model has its random initial factors


@pytest.mark.parametrize("routing", [False, True])
def test_side_features_are_passed_to_a_pipeline(likes, routing):
    X, y, tags = likes
    pipe = Pipeline([("threshold", InteractionThresholder(1, 1)), ("rec", REC)])
    name = "item_features" if routing else "rec__item_features"
    with sklearn.config_context(enable_metadata_routing=routing):
        search = search_of(pipe, rates(1.0, "rec__learning_rate"), n_trials=2).fit(X, y, **{name: tags})
    np.testing.assert_array_equal(search.best_estimator_["rec"].items_, tags.ids)


def test_a_scorer_uses_the_best_estimator_of_the_search(likes):
    X, y, _ = likes
    search = search_of(REC, rates(1.0), n_trials=2).fit(X, y)
    scorer = make_ranking_scorer("precision@5")
    assert scorer(search, X, y) == scorer(search.best_estimator_, X, y)
