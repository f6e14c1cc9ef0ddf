"""
Do tags help?
=============

In the post "Learning to Rank Sketchfab Models with LightFM" (2016), tags made the recommendations worse. The author
lists experiments he would love to run: scale the tags, normalize them by the number of tags, drop rare tags, use tags
only for items with few likes. Each of these ideas is a parameter.
"""

# %%
# The generated likes depend on the tags of the items, so there is something to gain. Items have about twenty likes on
# average.

import matplotlib.pyplot as plt

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import ranking_report
from sklearn_recsketch.model_selection import ColdItemSplit, UserHoldoutSplit

X, _, tags = make_interactions(1200, 600, mean_activity=12, n_tags=100, return_features=True, random_state=0)
ideas = {
    "no tags": {},
    "no tags, another seed": {"random_state": 1},
    "tags, default parameters": {},
    "as in the post": {"item_encoder__norm": None, "item_encoder__idf": False},
    "divided by the number of tags": {"item_encoder__norm": "l1", "item_encoder__idf": False},
    "tags of at least 20 items": {"item_encoder__min_count": 20},
    "tags of items with few likes": {"item_encoder__max_interactions": 20},
    "half the weight": {"item_encoder__feature_weight": 0.5},
    "four times the weight": {"item_encoder__feature_weight": 4.0},
    "tags only, no item embeddings": {"item_encoder__identity": False},
}

# %%
# Warm scores are measured on held-out likes of items in the training data. Cold scores are measured on items all of
# whose likes are held out: here, a model without tags can only guess.


def per_user(splitter, metric, k, candidates=None):
    """Return the values of the evaluated users for each idea."""
    train, test = next(splitter.split(X))
    ranked = X.iloc[train]["item"].unique() if candidates is None else candidates
    values = {}
    for name, parameters in ideas.items():
        features = None if name.startswith("no tags") else tags
        if features is None and candidates is not None:
            continue
        model = WRMFRecommender(32, max_iter=10, random_state=0).set_params(**parameters)
        model.fit(X.iloc[train], item_features=features)
        report = ranking_report(model, X.iloc[test], ks=[k], candidates=ranked, per_user=True)
        values[name] = report[f"{metric}@{k}"]
    return values


warm = per_user(UserHoldoutSplit(user_fraction=1.0, n_items=3, random_state=0), "ndcg", 10)
cold = per_user(ColdItemSplit(test_size=0.2, random_state=0), "recall", 20, candidates="cold")

# %%
# On the left, the differences to the model without tags for the same users. On the right, the recall of cold items. The
# bars show one standard error, and the grey line on the right is a random order. Items with likes gain little from
# tags, and what they gain depends little on their treatment, as long as items keep vectors of their own. For items
# without likes, tags are all there is, and a larger weight is better.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
n_cold = round(0.2 * X["item"].nunique())
for ax, values in ((left, [warm.get(name) - warm["no tags"] for name in ideas]), (right, map(cold.get, ideas))):
    for position, value in enumerate(values):
        if value is not None:
            color = "#5d6b7a" if position < 2 else "#0072B2"
            if value.mean() < -0.02:  # far outside the others
                ax.text(-0.019, position, f"\u25c2 {value.mean():.3f}", va="center", color="#0072B2")
                continue
            ax.errorbar(value.mean(), position, xerr=value.sem(), fmt="o", color=color, capsize=3)
    ax.set_yticks(range(len(ideas)), list(ideas) if ax is left else [])
    ax.set_ylim(len(ideas) - 0.5, -0.5)
    ax.locator_params(axis="x", nbins=5)
    ax.grid(axis="x", alpha=0.3)
left.axvline(0, color="#5d6b7a", linewidth=0.8)
left.set_xlim(-0.02, 0.02)
left.set(xlabel="nDCG at 10, difference to no tags", title="Items with likes")
right.axvline(20 / n_cold, color="#5d6b7a", linewidth=0.8)
right.set(xlabel="recall at 20", title="Items without likes")
plt.show()
