"""explain with a history that contains known, cold and unknown items."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import reference

from sklearn_recsketch import SideFeatureEncoder, SideFeatures, WRMFRecommender
from sklearn_recsketch.inspection import explain

COLD_ITEM = 888
HISTORIES = {"known": [3, 5], "cold": [3, COLD_ITEM], "unknown": [3, 12345], "both": [COLD_ITEM, 12345, 12346]}


@pytest.fixture(scope="module", params=[0.0, 0.7], ids="scaling={}".format)
def scaled(request, tiny):
    """WRMF with features of users and items, including an item without interactions."""
    X, y, items, users = tiny
    items = items.updated(SideFeatures.from_dicts({COLD_ITEM: {"tag": ["t1", "t2"]}}), "item")
    rec = WRMFRecommender(
        4,
        alpha=5,
        regularization=1,
        regularization_scaling=request.param,
        max_iter=5,
        user_encoder=SideFeatureEncoder(identity_weight=0.5),
        random_state=0,
    )
    return rec.fit(X, y, user_features=users, item_features=items)


def history_of(rec, user, kind):
    """History of a kind. Numbers in HISTORIES are row numbers of items, or ids if there is no such row."""
    items = [int(rec.items_[j]) if j < len(rec.items_) else j for j in HISTORIES[kind]]
    return pd.DataFrame({"user": user, "item": items, "weight": np.arange(1.0, len(items) + 1)})


def past(table):
    return table[table["source"] == "history"]


@pytest.mark.parametrize("kind", HISTORIES)
@pytest.mark.parametrize("index", [2, None], ids=["known user", "unknown user"])
def test_the_remainder_is_zero_for_a_history(scaled, index, kind):
    user = 999 if index is None else int(scaled.users_[index])
    history = history_of(scaled, user, kind)
    for item in scaled.items_[::4]:
        table = explain(scaled, user, item, history=history)
        assert len(past(table)) == len(history)
        # Only known users have features.
        assert ("user feature" in set(table["source"])) == (index is not None)
        # The relative residual of the exact solver is 1e-6, and its vectors are float32.
        assert abs(table["contribution"].iloc[-1]) < 1e-5


@pytest.mark.parametrize("kind", HISTORIES)
def test_contributions_of_cold_and_unknown_items_match_the_closed_form(scaled, kind):
    history = history_of(scaled, 999, kind)
    active = scaled.items_ != COLD_ITEM
    names = [*scaled.items_[active], *(item for item in history["item"] if item not in scaled.items_[active])]
    vectors = dict(zip(scaled.items_, scaled.item_factors_.astype(np.float64)))
    items = np.array([vectors.get(name, scaled._unknown_item) for name in names])
    strengths = history.set_index("item")["weight"].reindex(names).fillna(0).to_numpy()
    trained = scaled.interactions_.toarray()[:, active]
    weights = reference.confidences(trained, scaled.alpha).sum(axis=1)
    # The penalty is computed as for a row whose items were all in training.
    weight = trained.shape[1] + scaled.alpha * strengths.sum()
    lam = scaled.regularization * (weight / weights.mean()) ** scaled.regularization_scaling / 0.5**2
    shares, _ = reference.score_shares(strengths, items, lam, vectors[scaled.items_[3]], scaled.alpha)
    table = past(explain(scaled, 999, scaled.items_[3], history=history)).set_index("name")["contribution"]
    # Relative to the largest contribution: confidences and penalties are float32, and contributions cancel.
    scale = np.abs(table).max()
    assert {name: table[name] for name in table.index} == pytest.approx(
        {names[j]: share for j, share in shares.items()}, abs=1e-5 * scale
    )
