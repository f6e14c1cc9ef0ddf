"""The page on conversions: its examples run, and its tests exist."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import reference
from sparse_matrices import legacy_csr
from threadpoolctl import threadpool_limits

from sklearn_recsketch import metrics
from sklearn_recsketch.preprocessing import to_matrix

pytestmark = pytest.mark.engines
TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "conversion.rst"


def run(name, **given):
    """The names that an example of the page leaves behind."""
    found = re.search(rf"\.\. code-block:: python\n   :name: {name}\n\n((?:   .*\n|\n)+)", PAGE.read_text())
    with threadpool_limits(1, "blas"):  # as implicit asks for
        exec(textwrap.dedent(found[1]), given)
    return SimpleNamespace(**given)


@pytest.fixture(scope="module")
def likes(planted):
    """The likes of `planted` as a matrix."""
    return legacy_csr(to_matrix(planted[0])[0].astype(np.float32))


def assert_minimises(rec, solved, fixed, side):
    """Whether vectors of one side solve our objective, with the parameters of `rec`, for those of the other."""
    rows = rec.interactions_.toarray().astype(np.float64)
    rows = rows if side == "user" else rows.T
    scaling = 0 if rec.regularization_scaling == "auto" else rec.regularization_scaling  # penalties are numbers
    lam = reference.scaled_penalties(rows, rec.alpha, getattr(rec, f"{side}_regularization_"), scaling)
    fixed = np.asarray(fixed, dtype=np.float64)
    expected = [reference.solve_row(rec.alpha * row, fixed, one) for row, one in zip(rows, lam)]
    np.testing.assert_allclose(solved, expected, atol=2e-4)  # float32, components up to 2


def test_example_of_implicit(likes):
    pytest.importorskip("implicit", reason="implicit is not installed")
    after = run("example-implicit", matrix=likes)
    assert_minimises(after.rec, after.model.item_factors, after.model.user_factors, "item")
    assert after.rec.n_iter_ == after.model.iterations


def test_example_of_a_model_that_is_kept(likes):
    pytest.importorskip("implicit", reason="implicit is not installed")
    after = run("example-from-implicit", matrix=likes)
    np.testing.assert_array_equal(after.rec.item_factors_, after.model.item_factors)
    assert after.table["user"].tolist() == [0] * 5 + [1] * 5


def test_example_of_irspack(likes):
    pytest.importorskip("irspack", reason="irspack is not installed")
    after = run("example-irspack", matrix=likes)
    longer = np.sqrt(1.1)
    items, users = after.model.get_item_embedding(), after.model.get_user_embedding()
    assert_minimises(after.rec, longer * items, longer * users, "item")
    assert after.rec.n_iter_ == after.model.train_epochs


def test_example_of_cmfrec(likes):
    pytest.importorskip("cmfrec", reason="cmfrec, a source distribution, is not installed")
    after = run("example-cmfrec", matrix=likes)
    assert_minimises(after.rec, after.model.A_, after.model.B_, "user")
    assert after.rec.n_iter_ == after.model.niter


def test_example_of_spark(spark):
    X = pd.DataFrame([(u, (u + shift) % 8) for u in range(16) for shift in (0, 1, 3, 4)], columns=["user", "item"])
    df = spark.createDataFrame([(int(u), int(i), 1.0) for u, i in X.to_numpy()], ["user", "item", "rating"])
    after = run("example-spark", df=df, X=X, y=None)
    users, items = (
        np.array([row.features for row in sorted(table.collect(), key=lambda row: row.id)])
        for table in (after.model.userFactors, after.model.itemFactors)
    )
    assert_minimises(after.rec, users, items, "user")


@pytest.mark.parametrize("name", ["example-lightfm", "example-implicit-bpr"])
def test_examples_of_pairs_are_as_precise(name, split):
    library = "lightfm" if name == "example-lightfm" else "implicit"
    pytest.importorskip(library, reason=f"{library} is not installed")
    X, _, X_test, _ = split
    matrix, users, items = to_matrix(X)
    after = run(name, matrix=legacy_csr(matrix.astype(np.float32)))
    rows = np.searchsorted(users, X_test["user"]), np.searchsorted(items, X_test["item"])
    known = np.isin(X_test["user"], users) & np.isin(X_test["item"], items)
    test = np.column_stack(rows)[known]
    if library == "lightfm":
        scores = np.array([after.model.predict(int(u), np.arange(len(items))) for u in range(len(users))])
    else:
        scores = after.model.user_factors @ after.model.item_factors.T
    scores[matrix.nonzero()] = -np.inf
    best = np.argsort(-scores, axis=1)[:, :5]
    table = pd.DataFrame(
        [(u, rank, i) for u, row in enumerate(best) for rank, i in enumerate(row, 1)], columns=["user", "rank", "item"]
    )
    # Seeds of either differ by about 0.01. The BPR of implicit, at these parameters, is behind by 0.05.
    assert after.rec.score(test) > metrics.precision_at_k(test, table, k=5) - 0.03


def test_the_page_names_every_test_of_a_conversion():
    named = set(re.findall(r"``(test_\w+)``", PAGE.read_text()))
    defined = {
        name: set(re.findall(r"^def (test_\w+)", (TESTS / f"{name}.py").read_text(), re.MULTILINE))
        for name in ("conversion/test_least_squares", "conversion/test_pairwise", "metrics/test_metric_conversions")
    }
    assert named <= set().union(*defined.values())
    assert defined["conversion/test_least_squares"] | defined["conversion/test_pairwise"] <= named
