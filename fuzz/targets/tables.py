"""Tables of interactions in all containers."""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from typing import Any

import numpy as np

from fuzz.oracle import check
from fuzz.target import Choices, Target
from fuzz.targets.python_values import (
    IDS,
    NUMBERS,
    ODD,
    byte_seeds,
    column_of,
    plain_id,
    rows_of,
    table_of,
)
from sklearn_recsketch import PopularityRecommender
from sklearn_recsketch._data.interactions import check_interactions

__all__ = ["Tables"]


class Tables(Target):
    """`fit` on a table: each row is in the matrix of interactions, under its own ids."""

    name = "tables"

    def seeds(self) -> list[bytes]:
        return byte_seeds()

    def run(self, data: bytes) -> None:
        choices = Choices(data)
        n = choices.below(5)
        columns = [column_of(choices, IDS[choices.pick(["integers", "strings"])], n) for _ in range(2)]
        if choices.below(3) == 0:
            columns.append(column_of(choices, NUMBERS, n))
        X = table_of(choices, columns)
        y = self._y(choices, n)
        before, rows = shown(X), rows_of(X)
        try:
            read = check_interactions(X, y)
            recommender = PopularityRecommender().fit(X, y) if choices.below(4) == 0 else None
        finally:
            check(shown(X) == before or rows is None, f"the table has changed: {before} is now {shown(X)}")
        check(rows is not None, f"accepted, but no table: {shown(X)}")
        assert rows is not None
        ids = [[plain_id(row[side]) for row in rows] for side in range(2)]
        got = [column.ids[column.codes].tolist() for column in (read.users, read.items)]
        check(got == ids, f"ids differ: {got}, not {ids}")
        weights = [float(row[2]) if len(row) == 3 else 1.0 for row in rows]
        strengths = [w * float(one) for w, one in zip(weights, [1.0] * len(rows) if y is None else y, strict=True)]
        check(
            np.allclose(read.strength, strengths, rtol=1e-12, atol=0),
            f"strengths differ: {read.strength}, not {strengths}",
        )
        if recommender is not None:
            self._check_matrix(recommender, ids, strengths)

    def _y(self, choices: Choices, n: int) -> Any:
        form = choices.below(8)
        if form < 4:
            return None
        values = column_of(choices, NUMBERS, n if choices.below(8) else n + 1)
        return {4: values, 5: tuple(values), 6: np.array(values, dtype=object), 7: choices.pick(ODD)}[form]

    @staticmethod
    def _check_matrix(recommender: Any, ids: list[list[Any]], strengths: list[float]) -> None:
        sums: defaultdict[tuple[Any, Any], float] = defaultdict(float)
        for user, item, strength in zip(*ids, strengths, strict=True):
            if strength > 0:
                sums[user, item] += strength
        coo = recommender.interactions_.tocoo()
        pairs = zip(recommender.users_[coo.row].tolist(), recommender.items_[coo.col].tolist(), strict=True)
        got = dict(zip(pairs, coo.data.tolist(), strict=True))
        tiny = float(np.finfo(np.float32).tiny)
        check(got.keys() == sums.keys(), f"pairs differ: {got.keys()}, not {sums.keys()}")
        check(
            all(math.isclose(got[pair], sums[pair], rel_tol=1e-6, abs_tol=tiny) for pair in got),
            f"sums differ: {got}, not {dict(sums)}",
        )


def shown(table: Any) -> str:
    """Return the representation of a table, without warnings of its library."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return repr(table)
