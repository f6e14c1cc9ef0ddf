"""
Why was this item recommended?
==============================

A score of WRMF is a sum over the user's past items, and a score of any recommender with tags is a sum over the tags of
the item. Both sums are exact.
"""

# %%
# The words are the tags of the generated items. Each item is named after its rarest tag.

import matplotlib.pyplot as plt
import numpy as np

from sklearn_recsketch import SideFeatures, WARPRecommender, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import ExplanationDisplay, explain

TAGS = "character animal building weapon vehicle plant robot castle ship dragon horse sword temple tank lamp mask"
X, _, generated = make_interactions(1000, 300, n_tags=16, tags_per_item=3, return_features=True, random_state=0)
lists = np.split(generated.values[generated.matrix.indices], generated.matrix.indptr[1:-1])
words = [sorted((TAGS.split()[int(tag[1:])] for tag in own), key=TAGS.find) for own in lists]
tags_of = {f"{own[-1]} {item}": own for item, own in zip(generated.ids, words, strict=True)}
X["item"] = X["item"].map(dict(zip(generated.ids, tags_of, strict=True)))
tags = SideFeatures.from_dicts({item: {"tag": own} for item, own in tags_of.items()})

# %%
# The contributions of a user's past items to the score of a recommended item with several tags. In parentheses are the
# other tags of each item. Past items with the same taste contribute most. A negative contribution counts against the
# recommendation.

rec = WRMFRecommender(64, random_state=0).fit(X)
user = X["user"].value_counts().index[250]
several = [item for item in rec.recommend(user, k=30)["item"] if len(tags_of[item]) >= 4]
item = several[0]
titles = {item: f"{item} ({', '.join(own[:-1])})" if len(own) > 1 else item for item, own in tags_of.items()}
ExplanationDisplay.from_estimator(rec, user, item, titles=titles)
plt.show()

# %%
# The table behind the picture. The contributions sum to the score.

table = explain(rec, user, item)
print(table["contribution"].sum(), rec.predict([[user, item]])[0])
table.head().round(3)

# %%
# The same item, explained by its tags. WARP cannot attribute a score to past items, but the vector of an item is
# the sum of the vectors of its tags and of its own vector.

figure, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
for ax, model in zip(axes, (WRMFRecommender(64, random_state=0), WARPRecommender(64, random_state=0)), strict=True):
    model.fit(X, item_features=tags)
    ExplanationDisplay.from_estimator(model, user, item, by="features", ax=ax)
    ax.set_title(type(model).__name__)
plt.show()
