"""
New items and new users
=======================

How good are recommendations of items without likes, and recommendations for users who were not in the training data?
A few likes change a lot.
"""

# %%
# The likes and tags are generated.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import roc_auc_score

from sklearn_recsketch import PopularityRecommender, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import ndcg_at_k
from sklearn_recsketch.model_selection import ColdItemSplit, ColdUserSplit

X, _, tags = make_interactions(1500, 400, n_tags=60, return_features=True, random_state=0)

# %%
# **New users.** A fifth of the users are not in the training data. Five likes of each are to be found. Some of their
# other likes are passed as ``history``, and the vectors of the users are computed from them without training again.

train, test = next(ColdUserSplit(random_state=0).split(X))
test = X.iloc[test].groupby("user").filter(lambda rows: len(rows) >= 21)
wanted = test.groupby("user").tail(5)
earlier = test.drop(wanted.index)
model = WRMFRecommender(64, random_state=0).fit(X.iloc[train])
popular = PopularityRecommender().fit(X.iloc[train])
sizes = [0, 1, 2, 4, 8, 16]
curves = {"WRMF": [], "popularity": []}
for size in sizes:
    history = earlier.groupby("user")["item"].agg(lambda items: list(items)[:size]).to_dict()  # noqa: B023
    for name, rec in (("WRMF", model), ("popularity", popular)):
        curves[name].append(ndcg_at_k(wanted, rec.recommend(history=history, k=10), k=10, per_user=True))

# %%
# **New items.** A fifth of the items are not in the training data. The model knows their tags and, in turn, none to
# sixteen of their likes (``item_history``). For each item, the question is who will like it: the value is the fraction
# of pairs of a user who likes it and a user who does not in which the former has the higher score. The users
# of all other likes are excluded.


def auc_of_items(rec, **context):
    """Return the area under the ROC curve of each new item."""
    items = wanted["item"].unique()
    pairs = rec.recommend(k=len(items), candidates=items, exclude=earlier, **context)
    pairs = pairs.merge(wanted.assign(liked=True), how="left")
    return [roc_auc_score(part["liked"].notna(), part["score"]) for _, part in pairs.groupby("item")]


train, test = next(ColdItemSplit(random_state=0).split(X))
test = X.iloc[test].groupby("item").filter(lambda rows: len(rows) >= 32)
wanted = test.groupby("item").tail(16)
earlier = test.drop(wanted.index)
plain = WRMFRecommender(64, random_state=0).fit(X.iloc[train])
tagged = WRMFRecommender(64, random_state=0).fit(X.iloc[train], item_features=tags)
areas = {"first likes": [[0.5, 0.5]], "tags and first likes": [auc_of_items(tagged)]}
for size in sizes[1:]:
    history = earlier.groupby("item").head(size)
    areas["first likes"].append(auc_of_items(plain, item_history=history))
    areas["tags and first likes"].append(auc_of_items(tagged, item_history=history))

# %%
# The bars show one standard error over users or items. A single like of a new user doubles the nDCG of popular items,
# and each further like helps. For a new item, its tags are worth as much as its first eight likes, and each like
# improves on them.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for ax, lines in ((left, curves), (right, areas)):
    for (name, values), color in zip(lines.items(), ("#0072B2", "#D55E00"), strict=True):
        means = [np.mean(value) for value in values]
        errors = [np.std(value, ddof=1) / np.sqrt(len(value)) for value in values]
        ax.errorbar(range(len(sizes)), means, yerr=errors, marker="o", capsize=3, color=color, label=name)
    ax.set_xticks(range(len(sizes)), sizes)
    ax.legend()
left.set(xlabel="likes in the history of the user", ylabel="nDCG at 10", title="New users", ylim=(0, None))
right.set(xlabel="likes in the history of the item", ylabel="AUC over users", title="New items")
plt.show()
