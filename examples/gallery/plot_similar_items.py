"""
Similar items
=============

Items that the same users like have similar vectors. This example fits weighted matrix factorization to made-up likes,
and shows the nearest neighbours of three items.
"""

# %%
# The data are 1,000 users, 300 items and a table of likes. No strengths are passed, so all likes count the same.

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions

X, y = make_interactions(n_users=1000, n_items=300, random_state=0)
rec = WRMFRecommender(n_components=32, random_state=0).fit(X, y)

# %%
# ``similar_items`` returns a table with one row for each neighbour.

items = rec.items_[:3]
similar = rec.similar_items(items, k=5)
similar.round(3)

# %%
# An item gallery shows the same table as strips of pictures. The items of this data set have no pictures, so the
# gallery draws placeholders.

from sklearn_recsketch.inspection import ItemGallery

ItemGallery(similar, titles=lambda item: f"Item {item}")

# %%
# The norm of an item's vector grows with its popularity.

from sklearn_recsketch.inspection import EmbeddingNormsDisplay

EmbeddingNormsDisplay.from_estimator(rec)
