"""A failed fit does not change the estimator."""

import numpy as np
import pandas as pd
import pytest
from estimators import RECOMMENDERS, WITH_FACTORS

from sklearn_recsketch import SideFeatures, WRMFRecommender

GOOD = [["ann", 7], ["ann", 9], ["bob", 9], ["eve", 7]]

# A fit can fail before and during the validation of its arguments, and after it has prepared training.
FAILURES = [
    pytest.param({}, (GOOD, [1, 1, 1, -1]), {}, id="strength"),
    pytest.param({"max_iter": 0}, (GOOD,), {}, id="parameter"),
    pytest.param({}, (np.ones((2, 4), int),), {}, id="columns"),
    pytest.param({}, (GOOD,), {"X_val": GOOD}, id="validation"),
    pytest.param({}, (GOOD,), {"item_features": {7: {"tag": "a"}}}, id="features"),
    pytest.param({}, (GOOD,), {"item_features": SideFeatures.from_dicts({"7": {"tag": "a"}})}, id="feature_ids"),
    pytest.param({"early_stopping": True, "scoring": "precision"}, (GOOD,), {}, id="scoring"),
]


@pytest.mark.parametrize(("parameters", "data", "options"), FAILURES)
@pytest.mark.parametrize("cls", WITH_FACTORS)
def test_failed_fit_changes_nothing(cls, parameters, data, options):
    recommender = cls(n_components=2, max_iter=1, random_state=0).fit(pd.DataFrame(GOOD, columns=["u", "i"]))
    recommender.set_params(**parameters)
    before = dict(vars(recommender))
    with pytest.raises((TypeError, ValueError)):
        recommender.fit(*data, **options)
    after = vars(recommender)
    assert list(after) == list(before)
    assert all(after[name] is value for name, value in before.items())


@pytest.mark.parametrize("cls", RECOMMENDERS)
def test_failed_partial_fit_changes_nothing(cls):
    recommender = cls().fit(GOOD)
    before = dict(vars(recommender))
    with pytest.raises(ValueError, match="but row 1 is negative"):
        recommender.partial_fit(GOOD[:2], [1, -1])
    assert all(vars(recommender)[name] is value for name, value in before.items())
    assert len(vars(recommender)) == len(before)


def test_failed_first_fit_leaves_an_unfitted_estimator():
    recommender = WRMFRecommender(n_components=2, max_iter=1)
    before = dict(vars(recommender))
    with pytest.raises(TypeError, match="item_features must be a SideFeatures"):
        recommender.fit(pd.DataFrame(GOOD, columns=["u", "i"]), item_features={})
    assert vars(recommender) == before
