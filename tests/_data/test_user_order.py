"""Random orders of each user's items."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sklearn_recsketch._data.interactions import check_interactions
from sklearn_recsketch._data.user_order import sample_fraction_per_user


def n_sampled(interactions, fraction, seed):
    """Return the number of sampled items of each user."""
    mask = sample_fraction_per_user(interactions, fraction, np.random.RandomState(seed))
    pairs = pd.DataFrame({"user": interactions.users.codes, "item": interactions.items.codes})[mask]
    return np.bincount(pairs.drop_duplicates()["user"], minlength=len(interactions.users.ids))


@pytest.mark.parametrize("fraction", [0.01, 0.3, 0.5, 0.99])
def test_number_of_sampled_items_is_the_rounded_fraction(fraction, seed):
    users = np.repeat(np.arange(1, 31), np.arange(1, 31))  # user n has n items
    interactions = check_interactions(np.column_stack([users, np.arange(len(users))]), None)
    n = np.arange(1, 31)
    low, high = np.floor(fraction * n), np.floor(fraction * n) + 1
    sampled = n_sampled(interactions, fraction, seed)
    # One item of each user is left out.
    assert (sampled >= np.minimum(low, n - 1)).all()
    assert (sampled <= np.minimum(high, n - 1)).all()


def test_rows_of_a_pair_are_sampled_together(planted, seed):
    X, _, _ = planted
    X = pd.concat([X, X.sample(frac=0.5, random_state=seed)])
    mask = sample_fraction_per_user(check_interactions(X, None), 0.4, np.random.RandomState(seed))
    sampled, left = (set(rows.itertuples(index=False, name=None)) for rows in (X[mask], X[~mask]))
    assert sampled
    assert not sampled & left
