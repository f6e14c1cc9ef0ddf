"""Parameters of estimators and splitters."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd

from fuzz.oracle import check
from fuzz.target import Choices, Target
from fuzz.targets.python_values import byte_seeds
from sklearn_recsketch import BPRRecommender, WARPRecommender, WRMFRecommender

__all__ = ["Parameters"]

X = pd.DataFrame(
    [(user, item) for user in range(4) for item in range(5) if (user + item) % 3], columns=["user", "item"]
)
VALUES: list[Any] = [
    0,
    1,
    2,
    -1,
    3.0,
    0.5,
    -0.5,
    1e-300,
    1e300,
    float("nan"),
    float("inf"),
    True,
    False,
    None,
    "",
    "auto",
]
VALUES += ["linear", "log", "cholesky", "cg", "balance", "mean", [], [1], (1, 2), {}, {"a": 1}, b"1", 1j, np.int64(2)]
VALUES += [np.float32(0.1), np.array([1]), np.array(2), np.random.RandomState(0), object(), int, pd.NA, np.str_("log")]
KEPT = ("n_jobs", "callbacks")  # more processes, and objects of scikit-learn


class Parameters(Target):
    """`fit` with odd parameters: an error that names the parameter, or a model of finite factors."""

    name = "parameters"

    def seeds(self) -> list[bytes]:
        return byte_seeds(length=12)

    def run(self, data: bytes) -> None:
        choices = Choices(data)
        kind = choices.pick([WRMFRecommender, WARPRecommender, BPRRecommender])
        estimator = kind(2, max_iter=1, random_state=0)
        names = sorted(estimator.get_params().keys() - set(KEPT))
        changed = {choices.pick(names): choices.pick(VALUES) for _ in range(1 + choices.below(2))}
        estimator.set_params(**changed)
        before = repr(copy.copy(estimator.get_params()))
        try:
            estimator.fit(X)
        except (TypeError, ValueError) as error:
            named = any(name in str(error) for name in changed)
            check(named, f"the error does not name the parameter: {changed}: {error}")
            raise
        finally:
            check(repr(estimator.get_params()) == before, f"fit changes a parameter: {before}")
        check(estimator.users_.tolist() == [0, 1, 2, 3], f"users are lost: {estimator.users_}")
        scores = estimator.predict(X)
        check(bool(np.isfinite(scores).all()), f"scores are not finite: {changed}: {scores}")
