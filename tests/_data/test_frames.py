"""Tables that the package returns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch._data.frames import make_table


def columns():
    return {"user": np.array(["a", "b"], dtype=object), "rank": np.array([1, 2])}


def test_tables_equal_those_of_pandas():
    pd.testing.assert_frame_equal(make_table(columns(), "pandas"), pd.DataFrame(columns()))


def test_names_of_one_table_can_be_changed_without_others():
    first = make_table(columns(), "pandas")
    first.columns.name = "changed"
    assert make_table(columns(), "pandas").columns.name is None


@pytest.mark.parametrize("column", ["user", "item", "score"])
def test_changing_recommendations_does_not_change_the_model(planted, column):
    rec = WRMFRecommender(4, max_iter=2, random_state=0).fit(*planted[:2])
    table = rec.recommend(k=3)
    expected = table.copy()
    table.loc[:, column] = 0  # writes into the array of the column
    pd.testing.assert_frame_equal(rec.recommend(k=3), expected)
