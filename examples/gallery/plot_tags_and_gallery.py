"""
Tag suggestions and galleries of items
======================================

Which tags does an item lack? This example hides a tag of each item, counts how many of the hidden tags are suggested,
and shows items as a gallery of pictures.
"""

# %%
# The words are the tags of the generated items. Each item is named after its rarest tag.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_recsketch import SideFeatures, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import ItemGallery, placeholder_picture, rank_by_feature, suggest_features

TAGS = "character animal building weapon vehicle plant robot castle ship dragon horse sword temple tank lamp mask"
X, _, generated = make_interactions(1000, 400, n_tags=16, tags_per_item=2, return_features=True, random_state=0)
lists = np.split(generated.values[generated.matrix.indices], generated.matrix.indptr[1:-1])
words = [sorted((TAGS.split()[int(tag[1:])] for tag in own), key=TAGS.find) for own in lists]
tags_of = {f"{own[-1]} {item}": own for item, own in zip(generated.ids, words, strict=True)}
X["item"] = X["item"].map(dict(zip(generated.ids, tags_of, strict=True)))

# %%
# A random tag of each item with at least two tags is hidden.

rng = np.random.default_rng(0)
hidden = {item: rng.choice(own) for item, own in tags_of.items() if len(own) >= 2}
visible = {item: {"tag": [tag for tag in own if tag != hidden.get(item)]} for item, own in tags_of.items()}
rec = WRMFRecommender(32, random_state=0).fit(X, item_features=SideFeatures.from_dicts(visible))
suggested = suggest_features(rec, list(hidden), k=10, prefix="tag=")
suggested.head().round(2)

# %%
# How many of the hidden tags are among the first k suggestions? For comparison, the most frequent tags that the item
# does not have.

found = suggested["feature"] == "tag=" + suggested["item"].map(hidden)
frequency = pd.Series([tag for own in visible.values() for tag in own["tag"]]).value_counts()
popular = {item: [tag for tag in frequency.index if tag not in visible[item]["tag"]] for item in hidden}
positions = np.array([popular[item].index(tag) + 1 for item, tag in hidden.items()])
ks = np.arange(1, 11)
figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
for name, shares, color in (
    ("suggest_features", [(found & (suggested["rank"] <= k)).sum() / len(hidden) for k in ks], "#0072B2"),
    ("most frequent tags", [(positions <= k).mean() for k in ks], "#5d6b7a"),
):
    errors = [np.sqrt(share * (1 - share) / len(hidden)) for share in shares]
    ax.errorbar(ks, shares, yerr=errors, marker="o", capsize=3, color=color, label=name)
ax.set(
    xlabel="suggested tags", ylabel="hidden tags found", ylim=(0, 1.03), title=f"{len(hidden)} items with a hidden tag"
)
ax.legend(loc="lower right")
plt.show()

# %%
# A gallery shows any table of items. The first strip sorts the catalogue by the tag "castle", the second by "robot".
# Pictures, titles and links can be functions of the id. Here, the pictures are placeholders, the same for
# all items with the same rarest tag.

ItemGallery(
    rank_by_feature(rec, ["tag=castle", "tag=robot"], k=4),
    images=lambda item: placeholder_picture(item.split()[0], item.split()[0]),
    titles=lambda item: f"{item}: {', '.join(tags_of[item])}",
    heading="Sorted by tag",
)
