"""Checks of ids: known users and items, unknown ones, and other names of the same ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sklearn_recsketch.utils.estimator_checks._check_data import (
    assert_same_model,
    expect,
    expect_ids,
    fitted,
    frame,
    make_check_rows,
    rows_of,
    table_of,
)

__all__ = ["CHECKS"]


def _check_ids(recommender: Any, X: pd.DataFrame) -> None:
    model = fitted(recommender, X)
    for side in ("user", "item"):
        rule = f"{side}s_ must contain the sorted distinct {side} ids of X"
        expect_ids(getattr(model, f"{side}s_"), X[side].unique(), rule)
    table = table_of(model, k=3)
    for side in ("user", "item"):
        strange = ~table[side].isin(X[side])
        expect(
            not strange.any(),
            f"recommend must return ids as in X, but the column {side} contains {table[side][strange].tolist()[:3]}",
        )
    users = X["user"].unique()[:3].tolist()
    listed = table_of(model, users, k=1)["user"].tolist()
    expect(listed == users, f"recommend({users}, k=1) must return one row for each of these users, got {listed}")


def check_integer_ids(recommender: Any) -> None:
    """Integer ids are returned as they were passed, whatever their values."""
    X = make_check_rows()
    _check_ids(recommender, frame(X))


def check_string_ids(recommender: Any) -> None:
    """String ids are returned as they were passed."""
    X = make_check_rows()
    _check_ids(recommender, frame(X).map("id {}".format))


def check_renamed_ids(recommender: Any) -> None:
    """Other ids in the same order give the same model."""
    X = make_check_rows()
    one = fitted(recommender, frame(X))
    for renamed, case in (
        (lambda ids: 1000 * ids + 17, "Replacing the ids by larger integers in the same order"),
        (lambda ids: ids.map("id{:06d}".format), "Replacing the ids by strings in the same order"),
    ):
        assert_same_model(one, fitted(recommender, frame(X).apply(renamed)), case, renamed=renamed)


def check_unknown_users(recommender: Any) -> None:
    """Unknown users get finite predictions and full lists, also in a batch with known users."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    known, unknown = int(X[0, 0]), [int(X[:, 0].max()) + 1, int(X[:, 0].min()) - 1]
    predicted = model.predict(np.column_stack([unknown, X[:2, 1]]))
    expect(np.isfinite(predicted).all(), f"predict must be finite for unknown users, got {predicted}")
    table = table_of(model, [unknown[0], known, unknown[1]], k=4)
    for user in unknown:
        scores = rows_of(table, user)["score"].to_numpy()
        expect(
            len(scores) == 4 and np.isfinite(scores).all(),
            f"recommend must return k=4 items with finite scores for an unknown user, got the scores {scores}",
        )


def check_unknown_items(recommender: Any) -> None:
    """Unknown items get finite predictions, and can be candidates."""
    X = make_check_rows()
    model = fitted(recommender, frame(X))
    known, unknown = X[X[:, 0] != X[0, 0]][0, 1], int(X[:, 1].max()) + 5
    predicted = model.predict(np.array([[X[0, 0], unknown], [X[:, 0].max() + 1, unknown]]))
    expect(np.isfinite(predicted).all(), f"predict must be finite for unknown items, got {predicted}")
    table = table_of(model, [int(X[0, 0])], candidates=[int(known), unknown], exclude_seen=False)
    expect(
        sorted(table["item"]) == sorted([known, unknown]) and np.isfinite(table["score"]).all(),
        f"recommend must rank an unknown item among the candidates with a finite score, got {table.to_dict('list')}",
    )


CHECKS = (check_integer_ids, check_string_ids, check_renamed_ids, check_unknown_users, check_unknown_items)
