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

from sklearn_recsketch import EASERecommender, ItemKNNRecommender, PopularityRecommender, WRMFRecommender
from sklearn_recsketch.base import BaseRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import ranking_report
from sklearn_recsketch.model_selection import UserHoldoutSplit
from sklearn_recsketch.utils.estimator_checks import check_recommender

X, _ = make_interactions(1500, 400, popularity_exponent=1, taste=20, random_state=0)

# %%
# The recommender walks at random from an item of the user to another user who likes it, and from there to an item that
# this user likes. The score of an item is the probability that the walk ends there, divided by a power of the item's
# popularity (RP3beta, https://doi.org/10.1145/2955101). Without a history, the walk starts at any item.


class RandomWalkRecommender(BaseRecommender):
    """Rank items by random walks of three steps from the user."""

    def __init__(self, beta=0.5):
        self.beta = beta

    def _learn(self, interactions):
        likes = (interactions > 0).astype(np.float64)
        n_items, n_users = likes.sum(axis=1), likes.sum(axis=0)
        walks = (likes.T / n_users[:, None]) @ (likes / n_items[:, None])
        return {"walks_": walks.toarray() / n_users**self.beta}

    def _score_users(self, users, history):
        likes = (history > 0).astype(np.float64)
        return likes @ self.walks_ + 1e-9 * self.walks_.mean(axis=0)


# %%
# The checks fit small tables with all kinds of ids, strengths and containers, and query them in all ways.

results = check_recommender(RandomWalkRecommender(), on_skip=None)
print(sum(result["status"] == "passed" for result in results), "checks passed")

# %%
# The new class is evaluated as any other. The bars and the bands show one standard error. A moderate penalty on popular
# items helps, and a large one ruins the lists.

train, test = next(UserHoldoutSplit(user_fraction=1.0, n_items=3, random_state=0).split(X))


def ndcg(rec):
    """Return the mean and the standard error of the nDCG at 10."""
    report = ranking_report(rec.fit(X.iloc[train]), X.iloc[test], ks=[10]).set_index("metric")
    return report.loc["ndcg", ["mean", "standard error"]]


betas = np.linspace(0, 1.5, 7)
means, errors = zip(*(ndcg(RandomWalkRecommender(beta)) for beta in betas), strict=True)
figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ax.errorbar(betas, means, yerr=errors, fmt="o-", capsize=3, color="#D55E00")
ax.text(0, means[0] - 0.04, "RandomWalkRecommender", color="#D55E00")
others = (PopularityRecommender(), ItemKNNRecommender(), EASERecommender(), WRMFRecommender(random_state=0))
for rec, align in zip(others, ("center", "center", "top", "bottom"), strict=True):
    mean, error = ndcg(rec)
    ax.axhline(mean, color="#5d6b7a", linewidth=0.8)
    ax.axhspan(mean - error, mean + error, color="#5d6b7a", alpha=0.15)
    ax.text(1.53, mean, type(rec).__name__, va=align)
ax.set(xlabel="beta, the penalty on popular items", ylabel="nDCG at 10", xlim=(-0.05, 2.2), ylim=(0, None))
ax.set_xticks(betas)
plt.show()
