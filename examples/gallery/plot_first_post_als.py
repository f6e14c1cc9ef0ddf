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
from sklearn_recsketch.inspection import EpochCurveDisplay, ItemGallery, SearchTraceDisplay
from sklearn_recsketch.metrics import ranking_report
from sklearn_recsketch.model_selection import EpochSearchCV, UserHoldoutSplit
from sklearn_recsketch.preprocessing import describe_interactions, threshold_interactions

WORDS = (
    "character animal building weapon vehicle plant machine insect robot castle ship dragon horse sword temple tank "
    "plane tree lamp guitar chair bridge crystal mask"
).split()
likes, _, generated = make_interactions(
    1500, 600, n_tags=24, tags_per_item=2, mean_activity=12, return_features=True, random_state=0
)
lists = np.split(generated.values[generated.matrix.indices], generated.matrix.indptr[1:-1])
rarest = [WORDS[max(int(tag[1:]) for tag in own)] for own in lists]
likes["item"] = likes["item"].map({item: f"{word} {item}" for item, word in zip(generated.ids, rarest, strict=True)})

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
search.best_params_

# %%
# Each line is one setting. The best ones differ little, and many settings are far worse: it pays to search.

SearchTraceDisplay.from_search(search)

# %%
# The penalty has to suit the confidence: the larger ``alpha`` is, the larger is the best ``regularization``. With
# "auto", the default, both are computed from the data in a single fit, and the search finds nothing clearly better:
# the standard error of a score is about 0.01.

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

# %%
# The learning curves of the best setting. More iterations fit the training likes better, but after the first few
# iterations they do not improve the precision on held-out likes.

EpochCurveDisplay.from_search(search)

# %%
# **Similar items.** The best setting was refitted on all likes. The first picture of each row is the item whose
# neighbours are shown. The model knows no names and no tags, yet the neighbours of a castle include other castles.

best = search.best_estimator_
queries = [item for word in ("castle", "dragon", "tank") for item in best.items_ if item.startswith(word)][::9][:3]
ItemGallery(best.similar_items(queries, k=5), titles=lambda item: item)
