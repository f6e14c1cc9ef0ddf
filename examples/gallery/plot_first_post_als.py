"""
The first post: matrix factorization of likes
=============================================

Ethan Rosenthal's post "Intro to Implicit Matrix Factorization: Classic ALS with Sketchfab Models" (2016) thresholds
likes, holds out some of them, searches a grid with learning curves, and looks at similar items. This example does the
same in a few lines.
"""

# %%
# The data of the post are read with :func:`~sklearn_recsketch.datasets.load_likes`. Here, similar but smaller data are
# generated, so that the example needs no download. Items are named after their rarest tag.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import EpochCurveDisplay, ItemGallery, SearchTraceDisplay, placeholder_picture
from sklearn_recsketch.metrics import ranking_report
from sklearn_recsketch.model_selection import EpochSearchCV, UserHoldoutSplit
from sklearn_recsketch.preprocessing import describe_interactions, threshold_interactions

TAGS = "character animal building weapon vehicle plant robot castle ship dragon horse sword temple tank lamp mask"
likes, _, generated = make_interactions(
    1500, 600, n_tags=16, tags_per_item=2, mean_activity=12, return_features=True, random_state=0
)
lists = np.split(generated.values[generated.matrix.indices], generated.matrix.indptr[1:-1])
words = [sorted((TAGS.split()[int(tag[1:])] for tag in own), key=TAGS.find) for own in lists]
tags_of = {f"{own[-1]} {item}": own for item, own in zip(generated.ids, words, strict=True)}
likes["item"] = likes["item"].map(dict(zip(generated.ids, tags_of, strict=True)))

# %%
# **Thresholding.** Users with fewer than five likes and items with fewer than five likes are dropped repeatedly.

X = threshold_interactions(likes, user_min=5, item_min=5)
pd.DataFrame({"all likes": describe_interactions(likes), "after thresholding": describe_interactions(X)})

# %%
# **Split and grid search.** The splitter holds out five likes of 20 % of the users, as the post does. Each of the 27
# settings is trained once, and scored after 2, 4, ..., 20 iterations.

search = EpochSearchCV(
    WRMFRecommender(random_state=0),
    {"n_components": [8, 32, 64], "alpha": [1, 10, 100], "regularization": [1, 10, 100]},
    epochs=range(2, 21, 2),
    scoring="precision@5",
    cv=UserHoldoutSplit(random_state=0),
    return_train_score=True,
).fit(X)
print(search.best_params_)

# %%
# Each line is one setting. The best ones differ little, and many settings are far worse.

SearchTraceDisplay.from_search(search)
plt.show()

# %%
# The penalty has to suit the confidence: with a larger ``alpha``, a larger ``regularization`` is best. With "auto", the
# default, both are computed from the data in a single fit, and the search finds nothing better. The standard error of a
# score is about 0.02.

results = pd.DataFrame(search.cv_results_)
best_scores = results.pivot_table("mean_test_score", "param_alpha", "param_regularization", aggfunc="max")
train, test = next(UserHoldoutSplit(random_state=0).split(X))
default = ranking_report(WRMFRecommender(random_state=0).fit(X.iloc[train]), X.iloc[test], ks=[5]).loc[0]
figure, ax = plt.subplots(figsize=(5.5, 3.8), layout="constrained")
ax.imshow(best_scores, cmap="Blues", vmin=0.1)
for (row, column), score in np.ndenumerate(best_scores.to_numpy()):
    ax.text(column, row, f"{score:.3f}", ha="center", va="center", color="white" if score > 0.28 else "black")
ax.set(xlabel="regularization", ylabel="alpha", title=f"Precision at 5. With defaults: {default['mean']:.3f}")
ax.set_xticks(range(3), best_scores.columns)
ax.set_yticks(range(3), best_scores.index)
plt.show()

# %%
# The learning curves of the best setting. The precision on held-out likes rises for about eight iterations. The
# training precision is no guide: it is highest at the start.

EpochCurveDisplay.from_search(search)
plt.show()

# %%
# **Similar items.** The best setting was refitted on all likes. The first picture of each row is the item whose
# neighbours are shown. All items with the same rarest tag have the same picture, and the titles list their tags. The
# model has seen neither names nor tags, but most neighbours share a tag.

rec = search.best_estimator_
popular = X["item"].value_counts().index
queries = [next(item for item in popular if item.startswith(word)) for word in ("castle", "robot", "tank")]
similar = rec.similar_items(k=3)
for name, neighbours in (
    ("neighbours", similar["similar_item"]),
    ("random pairs", np.random.default_rng(0).permutation(similar["item"])),
):
    shared = [not set(tags_of[a]).isdisjoint(tags_of[b]) for a, b in zip(similar["item"], neighbours, strict=True)]
    print(f"{np.mean(shared):.0%} of {name} share a tag")
ItemGallery(
    rec.similar_items(queries, k=3),
    images=lambda item: placeholder_picture(item.split()[0], item.split()[0]),
    titles=lambda item: f"{item}: {', '.join(tags_of[item])}",
)
