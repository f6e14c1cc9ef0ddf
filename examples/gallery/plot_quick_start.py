"""
Quick start
===========

Fit a recommender to likes, recommend items to a user, and compare the precision of five recommenders.
"""

# %%
# The likes are generated: 1,000 users, 300 items and 16 tags. Each item is named after its rarest tag. The
# recommenders in this example do not see the tags.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_recsketch import (
    EASERecommender,
    ItemKNNRecommender,
    PopularityRecommender,
    WARPRecommender,
    WRMFRecommender,
)
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import ranking_report
from sklearn_recsketch.model_selection import UserHoldoutSplit

TAGS = "character animal building weapon vehicle plant robot castle ship dragon horse sword temple tank lamp mask"
X, y, generated = make_interactions(1000, 300, n_tags=16, tags_per_item=2, return_features=True, random_state=0)
lists = np.split(generated.values[generated.matrix.indices], generated.matrix.indptr[1:-1])
words = [sorted((TAGS.split()[int(tag[1:])] for tag in own), key=TAGS.find) for own in lists]
tags_of = {f"{own[-1]} {item}": own for item, own in zip(generated.ids, words, strict=True)}
X["item"] = X["item"].map(dict(zip(generated.ids, tags_of, strict=True)))
X.head()

# %%
# A recommender is fitted to a table with one row per like. It returns the ids that it was given.

rec = WRMFRecommender(random_state=0).fit(X)
user = X["user"].value_counts().index[400]
recommended = rec.recommend(user, k=10)
recommended.round(3)

# %%
# On the left, the tags of the items that this user likes, and how many items would have each tag if as many items were
# drawn at random. On the right, the ten recommended items. The recommender does not know any tags, but it recommends
# items with this user's favourite tags, because it has found users with the same taste.

liked = X.loc[X["user"] == user, "item"]
counts = pd.Series([tag for item in liked for tag in tags_of[item]]).value_counts()
expected = pd.Series([tag for own in words for tag in own]).value_counts() * len(liked) / len(words)
favourites = set(counts.index[counts >= 2 * expected[counts.index]]) & set(counts.index[counts >= 3])
shown = counts.index[:10][::-1]
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.barh(shown, counts[shown], color=["#D55E00" if tag in favourites else "#b8c0c8" for tag in shown])
left.plot(expected[shown], shown, "|", color="black", markersize=15, label="expected at random")
left.set(xlabel="liked items with the tag", title=f"{len(liked)} likes of user {user}")
left.legend(loc="lower right")
colors = ["#D55E00" if favourites & set(tags_of[item]) else "#b8c0c8" for item in recommended["item"]]
labels = [f"{item} ({', '.join(tags_of[item])})" for item in recommended["item"]]
right.barh(labels, recommended["score"], color=colors)
right.invert_yaxis()
right.set(xlabel="score", title="Recommended items")
share = np.mean([bool(favourites & set(own)) for own in words])
figure.suptitle(f"Orange: favourite tags, which {share:.0%} of all items have", fontsize=11)
plt.show()

# %%
# The precision is measured on five likes of 20 % of the users, which are held out from training. The bars show one
# standard error in each direction.

train, test = next(UserHoldoutSplit(random_state=0).split(X))
models = [PopularityRecommender(), ItemKNNRecommender(), EASERecommender(), WARPRecommender(random_state=0), rec]
reports = [ranking_report(model.fit(X.iloc[train]), X.iloc[test], ks=[5]).set_index("metric") for model in models]
means, errors = zip(*(report.loc["precision", ["mean", "standard error"]] for report in reports), strict=True)
figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.barh([type(model).__name__ for model in models], means, xerr=errors, color="#0072B2", capsize=4)
ax.set(xlabel="precision at 5", title="Precision on held-out likes")
plt.show()
