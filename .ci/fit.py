"""Fits with the installed package alone: no test's dependency, no file of the repository."""

from pathlib import Path

import sklearn_recsketch
from sklearn_recsketch import BPRRecommender, PopularityRecommender, WARPRecommender, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions

package = Path(sklearn_recsketch.__file__).parent
assert "site-packages" in package.parts, f"{package} is not what was installed."
assert (package / "py.typed").exists()
X, y, tags = make_interactions(200, 80, n_tags=8, return_features=True, random_state=0)
for recommender in (WRMFRecommender, WARPRecommender, BPRRecommender):
    table = recommender(8, random_state=0).fit(X, y, item_features=tags).recommend(k=5)
    assert len(table) == 5 * X["user"].nunique()
assert len(PopularityRecommender().fit(X, y).recommend([0, 1], k=3)) == 6
print(f"sklearn_recsketch {sklearn_recsketch.__version__} fits from its wheel.")
