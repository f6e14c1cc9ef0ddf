"""Checks of ranked lists: their table, their order, their scores, and the metric that `score` computes from them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from sklearn_recsketch.metrics import precision_at_k
from sklearn_recsketch.utils.estimator_checks._check_data import (
    assert_same_lists,
    expect,
    expect_close,
    fitted,
    frame,
    items_of,
    make_check_rows,
    new_rows,
    rows_of,
    table_of,
)

__all__ = ["CHECKS"]


def check_table(recommender: Any) -> None:
    """Lists are in the order in which the users were passed, with ranks from 1 and distinct items."""
    X = make_check_rows()
    users = [int(user) for user in np.unique(X[:, 0])[[5, 2, 9]]]
    table = table_of(fitted(recommender, frame(X)), users, k=4)
    expect(
        table["user"].tolist() == np.repeat(users, 4).tolist(),
        f"recommend({users}, k=4) must return four rows for each user in this order, got {table['user'].tolist()}",
    )
    expect(
        table["rank"].tolist() == [1, 2, 3, 4] * 3,
        f"The ranks of each user must be 1, 2, 3, 4, got {table['rank'].tolist()}",
    )
    expect(not table.duplicated(["user", "item"]).any(), "recommend must not return an item twice for a user")


def check_order(recommender: Any) -> None:
    """Scores are finite and never increase with the rank."""
    X = make_check_rows()
    table = table_of(fitted(recommender, frame(X)), k=6)
    expect(np.isfinite(table["score"]).all(), "recommend must return finite scores")
    for user, scores in table.groupby("user")["score"]:
        expect((np.diff(scores) <= 0).all(), f"Scores must not increase with the rank; user {user}: {scores.tolist()}")


def check_ties(recommender: Any) -> None:
    """Items with equal scores are ordered by id."""
    X = make_check_rows()
    # Two items with the same users, and two unknown items, which have the same score.
    twin = int(X[:, 1].max()) + 1
    copied = X[:, 1] == np.median(np.unique(X[:, 1])[:-1])
    extra = np.column_stack([X[copied, 0], np.full(copied.sum(), twin)])
    X = np.concatenate([extra, X])
    candidates = [twin + 9, twin + 4, *np.unique(X[:, 1])[::-1].tolist()]
    model = fitted(recommender, frame(X))
    table = table_of(model, k=len(candidates), candidates=candidates, exclude_seen=False)
    for user, of_user in table.groupby("user"):
        items, scores = of_user["item"].to_numpy(), of_user["score"].to_numpy()
        wrong = (scores[1:] == scores[:-1]) & (items[1:] < items[:-1])
        if wrong.any():
            first = int(np.argmax(wrong))
            raise AssertionError(
                f"Items with equal scores must be ordered by id, but user {user} gets item {items[first]} before item "
                f"{items[first + 1]}, both with the score {scores[first]:g}."
            )


def check_predictions(recommender: Any) -> None:
    """The scores of recommendations are the predictions for the same pairs."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    users = [*np.unique(X[:, 0])[:8].tolist(), int(X[:, 0].max()) + 1]
    table = table_of(model, users, k=7)
    predicted = model.predict(table[["user", "item"]])
    expect(
        np.shape(predicted) == (len(table),),
        f"predict must return one value per row, got an array of shape {np.shape(predicted)} for {len(table)} rows",
    )
    expect_close(table["score"], predicted, "The scores of recommend must be the predictions of predict")


def check_best_items(recommender: Any) -> None:
    """The list of a user consists of the unseen items with the largest predictions."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    user, items = int(X[0, 0]), np.unique(X[:, 1])
    unseen = np.setdiff1d(items, items_of(X, user))
    predicted = np.sort(model.predict(np.column_stack([np.full(len(unseen), user), unseen])))[::-1]
    scores = table_of(model, [user], k=5)["score"].to_numpy()
    rule = f"recommend must return the five unseen items of user {user} with the largest predictions"
    expect_close(scores, predicted[:5], rule)


def check_batches(recommender: Any) -> None:
    """The list of a user is the same alone, in a batch, and when the user is passed twice."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    together = table_of(model, k=5)
    for user in np.unique(X[:, 0])[:4].tolist():
        alone = table_of(model, [user], k=5)
        rule = f"The scores of user {user} must not depend on the other users of the batch"
        expect_close(alone["score"], rows_of(together, user)["score"], rule)
        assert_same_lists(model, rows_of(together, user), alone, f"Recommending to user {user} alone")
        twice = table_of(model, [user, user], k=5)
        expect(len(twice) == 10, f"A user who is passed twice must get two lists of five items, got {len(twice)} rows")
        assert_same_lists(model, alone, twice[5:], f"Passing user {user} twice")


def check_score(recommender: Any) -> None:
    """The score of new rows is the precision at k of the recommended table."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    held_out = frame(new_rows(X))
    for k in (1, 5):
        expected = precision_at_k(held_out, model.recommend(held_out["user"].unique(), k=k), k=k)
        score = model.score(held_out, k=k)
        expect(
            abs(score - expected) < 1e-9,
            f"score(X, k={k}) must be the precision at {k} of recommend's table, {expected:g}, got {score:g}",
        )


def check_score_of_unknown_ids(recommender: Any) -> None:
    """The score of rows with unknown users or unknown items only is a number from 0 to 1."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    users, items = X[:, 0].max() + np.arange(1, 5), X[:4, 1]
    for name, rows in (
        ("users", np.column_stack([users, items])),
        ("items", np.column_stack([X[:4, 0], X[:, 1].max() + np.arange(1, 5)])),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that most users are unknown
            score = model.score(rows)
        expect(0 <= score <= 1, f"The score of rows with unknown {name} only must be from 0 to 1, got {score}")


CHECKS = (
    check_table,
    check_order,
    check_ties,
    check_predictions,
    check_best_items,
    check_batches,
    check_score,
    check_score_of_unknown_ids,
)
