"""
A recommender of your own
=========================

A class with two methods becomes a recommender with everything else: ids, unseen items, candidates, histories, tables,
pipelines and searches. A suite of checks tells whether it keeps the promises of the package.
"""

# %%
# The likes are generated.

import matplotlib.pyplot as plt
import numpy as np

from sklearn_recsketch import PopularityRecommender, WRMFRecommender
from sklearn_recsketch.base import BaseRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import ranking_report
from sklearn_recsketch.model_selection import UserHoldoutSplit
from sklearn_recsketch.utils.estimator_checks import check_recommender

X, _ = make_interactions(1000, 300, n_tags=24, tags_per_item=1, taste=40, random_state=0)

# %%
# EASE (Steck, 2019) predicts each item of a user from the user's other items by a ridge regression, which has a closed
# form. New users without a history get popular items.


class EASERecommender(BaseRecommender):
    """Linear regression of each item on all other items."""

    def __init__(self, penalty=100.0):
        self.penalty = penalty

    def _learn(self, interactions):
        seen = (interactions > 0).astype(np.float64)
        gram = (seen.T @ seen).toarray()
        inverse = np.linalg.inv(gram + self.penalty * np.eye(len(gram)))
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0)
        return {"weights_": weights, "popularity_": np.diag(gram) / gram.max()}

    def _score_users(self, users, history):
        scores = (history > 0).astype(np.float64) @ self.weights_
        return scores + 1e-6 * self.popularity_


# %%
# The checks fit small tables with all kinds of ids, strengths and containers.

results = check_recommender(EASERecommender(), on_skip=None)
print(sum(result["status"] == "passed" for result in results), "checks passed")

# %%
# The new class is evaluated as any other. The bars show one standard error.

train, test = next(UserHoldoutSplit(user_fraction=0.5, random_state=0).split(X))
models = {"popularity": PopularityRecommender(), "EASE": EASERecommender(), "WRMF": WRMFRecommender(random_state=0)}
reports = [ranking_report(model.fit(X.iloc[train]), X.iloc[test], ks=[10]) for model in models.values()]
rows = [report.set_index("metric").loc["ndcg"] for report in reports]
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
errors = [row["standard error"] for row in rows]
left.bar(list(models), [row["mean"] for row in rows], yerr=errors, color=["#b8c0c8", "#D55E00", "#0072B2"], capsize=4)
left.set(ylabel="nDCG at 10", title="Held-out likes")

# %%
# The weights that EASE has learned, for items sorted by the first two directions of the matrix. The blocks are groups
# of items that the same users like.

weights = models["EASE"].weights_
symmetric = weights + weights.T
directions = np.linalg.eigh(symmetric)[1][:, -2:]
order = np.argsort(np.arctan2(*directions.T))
picture = right.imshow(symmetric[np.ix_(order, order)], cmap="RdBu_r", vmin=-0.1, vmax=0.1)
figure.colorbar(picture, label="sum of the two weights")
right.set(title="EASE: weights between items", xlabel="item", ylabel="item")
figure
