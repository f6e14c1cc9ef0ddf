"""Checks of the rows of X: their order, their container, and that the caller's data never change."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any
from unittest import SkipTest

import joblib
import numpy as np

from sklearn_recsketch.utils.estimator_checks._check_data import (
    assert_same_model,
    expect,
    fitted,
    frame,
    items_of,
    make_check_rows,
    new_rows,
    table_of,
)

__all__ = ["CHECKS"]


def check_row_order(recommender: Any) -> None:
    """The order of the rows does not change the model."""
    X = make_check_rows()
    order = np.random.RandomState(1).permutation(len(X))
    one, other = fitted(recommender, frame(X)), fitted(recommender, frame(X[order]))
    assert_same_model(one, other, "Permuting the rows")


def check_lists_and_arrays(recommender: Any) -> None:
    """Lists and arrays give the same model as pandas frames."""
    X = make_check_rows()
    one = fitted(recommender, frame(X))
    assert_same_model(one, fitted(recommender, X), "Passing an array instead of a frame")
    assert_same_model(one, fitted(recommender, X.tolist()), "Passing lists instead of a frame")


def check_polars_frames(recommender: Any) -> None:
    """Polars frames give the same model as pandas frames, and recommendations are returned as polars frames."""
    polars = _import_or_skip("polars")
    X = make_check_rows()
    other = fitted(recommender, polars.DataFrame({"user": X[:, 0], "item": X[:, 1]}))
    table = other.recommend(k=1)
    expect(
        isinstance(table, polars.DataFrame),
        f"recommend must return a polars frame after fit with a polars frame, got {type(table)}",
    )
    assert_same_model(fitted(recommender, frame(X)), other, "Passing a polars frame instead of a pandas frame")


def check_arrow_tables(recommender: Any) -> None:
    """Arrow tables give the same model as pandas frames."""
    pyarrow = _import_or_skip("pyarrow")
    X = make_check_rows()
    table = pyarrow.table({"user": X[:, 0], "item": X[:, 1]})
    one, other = fitted(recommender, frame(X)), fitted(recommender, table)
    assert_same_model(one, other, "Passing an Arrow table instead of a pandas frame")


def check_read_only_arrays(recommender: Any) -> None:
    """Every method accepts arrays that cannot be written to."""
    X = make_check_rows()
    held_out = new_rows(X)
    y = np.full(len(X), 2.0)
    for array in (X, y, held_out):
        array.flags.writeable = False
    model = fitted(recommender, X, y)
    model.predict(X)
    model.score(held_out)
    model.recommend(X[:3, 0], history=X, candidates=held_out, exclude=X)


def check_data_of_caller(recommender: Any) -> None:
    """No method changes the data that it is passed."""
    X = make_check_rows()
    user = int(X[0, 0])
    data: dict[str, Any] = {
        "X": frame(X),
        "y": np.full(len(X), 2.0),
        "users": [user],
        "history": frame(new_rows(X)),
        "candidates": {user: np.unique(X[:, 1])[::-1].tolist()},
        "exclude": items_of(X, user)[::-1].copy(),
    }
    before = {name: joblib.hash(value) for name, value in data.items()}
    model = fitted(recommender, data["X"], data["y"])
    model.predict(data["X"])
    model.score(data["X"], data["y"])
    table_of(model, data["users"], **{name: data[name] for name in ("history", "candidates", "exclude")})
    changed = [name for name, value in data.items() if joblib.hash(value) != before[name]]
    expect(not changed, f"fit, predict, score and recommend must not change their arguments, but changed {changed}")


def _import_or_skip(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SkipTest(f"{module} is not installed") from error


CHECKS = (
    check_row_order,
    check_lists_and_arrays,
    check_polars_frames,
    check_arrow_tables,
    check_read_only_arrays,
    check_data_of_caller,
)
