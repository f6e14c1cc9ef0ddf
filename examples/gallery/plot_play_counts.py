"""
Play counts
===========

Strengths such as play counts or hours can be passed as ``y``. This example compares what the options make of them, and
shows that the unit of the counts does not matter by default.
"""

# %%
# Each generated count is 1 plus a random number that grows with the user's preference for the item. Most counts are
# small, and a few are large.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_recsketch import WARPRecommender, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import make_ranking_scorer, ranking_report
from sklearn_recsketch.model_selection import UserHoldoutSplit

X, y = make_interactions(2000, 400, counts=True, random_state=0)
train, test = next(UserHoldoutSplit(user_fraction=1.0, random_state=0).split(X))

# %%
# The models are evaluated in two ways: all held-out items are relevant, or only those with at least five plays. The
# dots show the nDCG at 10 minus that of ``WRMFRecommender().fit(X)`` for the same users, and the bars one standard
# error of this difference. On these data, the differences are small: counts do no harm by default, and what they add is
# within two standard errors.

models = {
    "WRMF, no counts": (WRMFRecommender(64, random_state=0), None),
    "WRMF, counts": (WRMFRecommender(64, random_state=0), y),
    'WRMF, counts, confidence="linear"': (WRMFRecommender(64, confidence="linear", random_state=0), y),
    'WRMF, counts, confidence="log"': (WRMFRecommender(64, confidence="log", random_state=0), y),
    "WARP, no counts": (WARPRecommender(64, random_state=0), None),
    "WARP, counts": (WARPRecommender(64, random_state=0), y),
    'WARP, counts, negatives="weaker"': (WARPRecommender(64, negatives="weaker", random_state=0), y),
}
relevance = {"all held-out items": None, "five plays or more": (y[test] >= 5).astype(float)}
values = {name: {} for name in models}
for name, (model, strengths) in models.items():
    model.fit(X.iloc[train], None if strengths is None else strengths[train])
    for kind, relevant in relevance.items():
        values[name][kind] = ranking_report(model, X.iloc[test], relevant, ks=[10], per_user=True)["ndcg@10"]

figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained", width_ratios=[1, 1.2, 1.2])
axes[0].hist(y, bins=np.geomspace(1, y.max() + 1, 25), color="#0072B2")
axes[0].set(xscale="log", yscale="log", xlabel="plays", ylabel="pairs of user and item", title="Counts")
for ax, kind in zip(axes[1:], relevance, strict=True):
    for position, name in enumerate(models):
        gain = values[name][kind] - values["WRMF, no counts"][kind]
        color = "#0072B2" if name.startswith("WRMF") else "#D55E00"
        ax.errorbar(gain.mean(), -position, xerr=gain.sem(), fmt="o", color=color, capsize=3)
    ax.locator_params(axis="x", nbins=5)
    ax.axvline(0, color="#5d6b7a", linewidth=0.8)
    ax.set_yticks(-np.arange(len(models)), list(models) if ax is axes[1] else [])
    ax.set(xlabel="nDCG at 10, difference", title=f"Relevant: {kind}")
plt.show()

# %%
# The unit does not matter by default: the same model is fitted to counts, to thousands and to thousandths. If
# ``alpha`` is a number, it multiplies the strengths, as in the original paper. The unit then matters, and a wrong one
# costs precision.

scorer = make_ranking_scorer("ndcg@10")
units = [0.001, 0.01, 0.1, 1, 10, 100, 1000]
curves = pd.DataFrame(index=units)
for alpha in ("auto", 10.0):
    model = WRMFRecommender(64, alpha=alpha, regularization="auto" if alpha == "auto" else 50.0, random_state=0)
    curves[f"alpha={alpha!r}, regularization={model.regularization!r}"] = [
        scorer(model.fit(X.iloc[train], unit * y[train]), X.iloc[test]) for unit in units
    ]
ax = curves.plot(marker="o", logx=True, color=["#0072B2", "#D55E00"], figsize=(7, 3.2), ylim=(0, None))
ax.set(xlabel="factor by which all counts are multiplied", ylabel="nDCG at 10")
ax.spines[["top", "right"]].set_visible(False)
ax.figure.tight_layout()
plt.show()
