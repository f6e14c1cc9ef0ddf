"""
A map of the items
==================

Items that the same users like are close in the embedding space. A map of the space shows which groups the
recommender has found.
"""

# %%
# The words are the tags of the generated items. Each item is named after its rarest tag. The recommender does not
# see the tags.

import matplotlib.pyplot as plt
import numpy as np

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import EmbeddingDisplay, EmbeddingNormsDisplay

TAGS = "character animal building weapon vehicle plant robot castle ship dragon horse sword temple tank lamp mask"
X, _, generated = make_interactions(
    1500, 500, n_tags=16, tags_per_item=1.5, taste=40, return_features=True, random_state=0
)
lists = np.split(generated.values[generated.matrix.indices], generated.matrix.indptr[1:-1])
words = [sorted((TAGS.split()[int(tag[1:])] for tag in own), key=TAGS.find) for own in lists]
titles = {item: f"{own[-1]} {item}" for item, own in zip(generated.ids, words, strict=True)}
X["item"] = X["item"].map(titles)

# %%
# The map of the items, projected by t-SNE. The colour is the most frequent tag of an item. The recommender has seen
# only likes, and yet it places items with the same tags close to each other.

rec = WRMFRecommender(64, random_state=0).fit(X)
color = {titles[item]: own[0] for item, own in zip(titles, words, strict=True)}
EmbeddingDisplay.from_estimator(rec, color=color, n_labels=40, random_state=0)
plt.show()

# %%
# On the left, the same vectors projected by PCA. It shows the two directions that vary most, and the groups overlap: a
# map by t-SNE shows neighbours better, while distances between its groups have no meaning. On the right, what both maps
# leave out: the norm of a vector grows with the number of the item's likes.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
EmbeddingDisplay.from_estimator(rec, color=color, method="pca", n_labels=0, random_state=0, ax=left)
left.set_title("Items, projected by PCA")
EmbeddingNormsDisplay.from_estimator(rec, ax=right)
plt.show()
