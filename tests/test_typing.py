"""Types that a caller sees: mypy accepts a page of correct code, and reports each of its mistakes."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

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
# Code, and a part of the message about its last line.
MISTAKES = {
    "parameter": ("WRMFRecommender(8, alpha=[1])", 'Argument "alpha"'),
    "encoder": ("WRMFRecommender(8, item_encoder=True)", 'Argument "item_encoder"'),
    "seed": ('WRMFRecommender(8, random_state="0")', 'Argument "random_state"'),
    "features": ('WRMFRecommender().fit([], item_features={"m1": {}})', 'Argument "item_features"'),
    "keyword": ("WRMFRecommender().recommend(n=5)", 'Unexpected keyword argument "n"'),
    "result": ("WRMFRecommender().recommend().iloc[0]", 'has no attribute "iloc"'),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The messages of mypy about correct code, followed by one line per mistake."""
    folder = tmp_path_factory.mktemp("user_code")
    lines = [code for code, _ in MISTAKES.values()]
    (folder / "correct.py").write_text(textwrap.dedent(CORRECT))
    (folder / "mistakes.py").write_text("\n".join(["from sklearn_recsketch import WRMFRecommender", *lines]) + "\n")
    options = ["--strict", "--follow-untyped-imports", "--ignore-missing-imports", "--no-error-summary"]
    files = [str(folder / name) for name in ("correct.py", "mistakes.py")]
    mypy_path = Path(__file__).parents[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MYPYPATH", str(mypy_path))
        return api.run([*options, "--config-file=", f"--cache-dir={folder / 'cache'}", *files])[0]


def test_correct_code_has_no_errors(report):
    assert re.findall(r"^.*correct\.py:.*$", report, re.MULTILINE) == []


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_reported(report, name):
    line = 2 + list(MISTAKES).index(name)
    assert re.search(rf"mistakes\.py:{line}: error: .*{re.escape(MISTAKES[name][1])}", report), report
