"""Test make_interactions with extreme and with invalid parameters."""

import numpy as np
import pytest

from sklearn_recsketch.datasets import make_interactions


@pytest.mark.parametrize(
    "extreme",
    [
        {"n_tags": 0},
        {"n_tags": 1, "return_features": True},
        {"n_users": 1},
        {"n_items": 1},
        {"n_users": 1, "n_items": 1, "counts": True, "return_features": True},
        {"n_components": 1},
        {"n_components": 500},
        {"mean_activity": 2},
        {"mean_activity": 1e6},
        {"taste": 0},
        {"taste": 1e6, "counts": True},
        {"popularity_exponent": 0},
        {"popularity_exponent": 1e6},
        {"tags_per_item": 50},
    ],
    ids=str,
)
def test_extreme_parameters_give_interactions(extreme):
    X, y = make_interactions(**({"n_users": 20, "n_items": 10, "random_state": 0} | extreme))[:2]
    assert len(X) == len(y) > 0
    assert np.isfinite(y).all()
    assert not X.duplicated().any()


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"n_tags": 0, "return_features": True}, "return_features=True needs at least one tag, got n_tags=0"),
        *(({name: 0}, f"'{name}' parameter") for name in ("n_users", "n_items", "n_components", "tags_per_item")),
        *(({name: -1}, f"'{name}' parameter") for name in ("n_tags", "taste", "popularity_exponent")),
        *(({"mean_activity": value}, "'mean_activity' parameter") for value in (0, 1, np.inf, np.nan)),
        ({"n_users": 2.5}, "'n_users' parameter"),
        ({"random_state": "a"}, "'random_state' parameter"),
    ],
    ids=str,
)
def test_invalid_parameters_are_rejected(wrong, text):
    with pytest.raises(ValueError, match=text):
        make_interactions(**wrong)
