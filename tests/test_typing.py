"""Types that a caller sees: mypy accepts pages of correct code, and reports each of the mistakes in another one."""

from __future__ import annotations

import re
import textwrap
from importlib import import_module
from pathlib import Path

import pytest

import sklearn_recsketch

api = pytest.importorskip("mypy.api", reason="mypy is not installed")
pytestmark = pytest.mark.slow

CORRECT = """
    from typing import assert_type

    import numpy as np
    import pandas as pd

    from sklearn_recsketch import SideFeatureEncoder, SideFeatures, WARPRecommender, WRMFRecommender
    from sklearn_recsketch.datasets import make_interactions
    from sklearn_recsketch.metrics import make_ranking_scorer
    from sklearn_recsketch.serving import to_index
    from sklearn_recsketch.typing import Frame, RandomState


    def top_items(seed: RandomState) -> Frame:
        X, y, tags = make_interactions(50, 20, return_features=True, random_state=seed)
        recommender = WRMFRecommender(8, item_encoder=SideFeatureEncoder(idf=True), random_state=seed)
        assert_type(recommender.fit(X, y, item_features=tags), WRMFRecommender)
        assert_type(recommender.predict(X), np.ndarray)
        assert_type(recommender.score(X), float)
        print(make_ranking_scorer("ndcg@10")(recommender, X, y))
        return recommender.recommend(recommender.users_[:3], k=5)


    # What other parts of the package rely on.
    from sklearn_recsketch.recommenders._interface import ExplainableRecommender, FittedFactorRecommender

    wrmf: ExplainableRecommender = WRMFRecommender()
    warp: FittedFactorRecommender = WARPRecommender()

    features: SideFeatures = SideFeatures.from_dicts({"m1": {"tag": ["a", "b"]}})
    neighbours: Frame = WARPRecommender(scoring="recall@20").similar_items(["m1"], k=3)
    if isinstance(neighbours, pd.DataFrame):
        print(neighbours["similar_item"].tolist())
"""
# Results that depend on an argument.
OVERLOADS = """
    from typing import Any, assert_type

    import numpy as np
    import pandas as pd

    from sklearn_recsketch import PopularityRecommender, SideFeatures
    from sklearn_recsketch.datasets import make_interactions
    from sklearn_recsketch.metrics import make_ranking_scorer, novelty_at_k, precision_at_k, ranking_auc
    from sklearn_recsketch.preprocessing import threshold_interactions

    X, y = make_interactions(50, 20)
    assert_type(y, np.ndarray)
    X, y, tags = make_interactions(50, 20, return_features=True)
    assert_type(tags, SideFeatures)
    rows: pd.DataFrame = threshold_interactions(X, user_min=2)
    rows, strengths = threshold_interactions(X, y, user_min=2)
    pairs: np.ndarray = threshold_interactions(X.to_numpy(), user_min=2)
    rec = PopularityRecommender().fit(X, y)
    table = rec.recommend(k=5)
    assert_type(precision_at_k(X, table), float)
    assert_type(ranking_auc(X, table), float)
    assert_type(novelty_at_k(X, table, k=3), float)
    by_user: pd.Series = precision_at_k(X, table, per_user=True)  # type: ignore[type-arg, unused-ignore]
    assert_type(make_ranking_scorer("ndcg@10")(rec, X, y), float)
    assert_type(make_ranking_scorer(["ndcg@10", "recall@5"])(rec, X, y), dict[str, float])
"""
# Code, and a part of the message about its last line.
MISTAKES = {
    "parameter": ("WRMFRecommender(8, alpha=[1])", 'Argument "alpha"'),
    "encoder": ("WRMFRecommender(8, item_encoder=True)", 'Argument "item_encoder"'),
    "seed": ('WRMFRecommender(8, random_state="0")', 'Argument "random_state"'),
    "features": ('WRMFRecommender().fit([], item_features={"m1": {}})', 'Argument "item_features"'),
    "keyword": ("WRMFRecommender().recommend(n=5)", 'Unexpected keyword argument "n"'),
    "result": ("WRMFRecommender().recommend().iloc[0]", 'has no attribute "iloc"'),
    "mean of a metric": ("precision_at_k([], WRMFRecommender().recommend()).mean()", '"float" has no attribute "mean"'),
    "number of results": ("X, y, tags = make_interactions()", "Need more than 2 values"),
    "name of a metric": ("make_ranking_scorer(5)", 'No overload variant of "make_ranking_scorer"'),
}


MISTAKEN_IMPORTS = """
    from sklearn_recsketch import WRMFRecommender
    from sklearn_recsketch.datasets import make_interactions
    from sklearn_recsketch.metrics import make_ranking_scorer, precision_at_k
"""


def public_names():
    """A program that imports and uses every public name. Names that need Spark are left out."""
    lines = []
    for name in ("", *(f".{part}" for part in sklearn_recsketch.SUBPACKAGES if part != "spark")):
        names = getattr(import_module(f"sklearn_recsketch{name}"), "__all__", [])
        lines += [f"from sklearn_recsketch{name} import {one} as {one}_" for one in names]
        lines += [f"print({one}_)" for one in names]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The messages of mypy about correct code, followed by one line per mistake."""
    folder = tmp_path_factory.mktemp("user_code")
    lines = [code for code, _ in MISTAKES.values()]
    (folder / "correct.py").write_text(textwrap.dedent(CORRECT))
    (folder / "overloads.py").write_text(textwrap.dedent(OVERLOADS))
    (folder / "names.py").write_text(public_names())
    (folder / "mistakes.py").write_text("\n".join([textwrap.dedent(MISTAKEN_IMPORTS).strip(), *lines]) + "\n")
    options = ["--strict", "--follow-untyped-imports", "--ignore-missing-imports", "--no-error-summary"]
    files = [str(folder / name) for name in ("correct.py", "overloads.py", "names.py", "mistakes.py")]
    mypy_path = Path(__file__).parents[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MYPYPATH", str(mypy_path))
        return api.run([*options, "--config-file=", f"--cache-dir={folder / 'cache'}", *files])[0]


@pytest.mark.parametrize("page", ["correct", "overloads", "names"])
def test_correct_code_has_no_errors(report, page):
    assert re.findall(rf"^.*{page}\.py:.*$", report, re.MULTILINE) == []


def test_every_public_name_is_used():
    assert len(public_names().splitlines()) > 150


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_reported(report, name):
    line = 1 + len(MISTAKEN_IMPORTS.strip().splitlines()) + list(MISTAKES).index(name)
    assert re.search(rf"mistakes\.py:{line}: error: .*{re.escape(MISTAKES[name][1])}", report), report
