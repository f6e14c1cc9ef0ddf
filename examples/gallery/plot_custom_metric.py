"""
A metric of your own
====================

A scorer is any function of an estimator and rows. This example writes one that rewards lists with items beyond the
best-known ones, and searches for settings with it.
"""

# %%
# The likes are generated, with a few very popular items.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import catalog_coverage_at_k, precision_at_k
from sklearn_recsketch.model_selection import UserHoldoutSplit

X, _ = make_interactions(1000, 500, popularity_exponent=1, taste=15, random_state=0)

# %%
# The function receives a fitted recommender and the held-out rows. It ranks items for their users, and returns numbers
# by name. Larger is better. The functions in ``sklearn_recsketch.metrics`` accept the table that ``recommend``
# returns. The items that the recommender was fitted to are in ``interactions_``.


def score(rec, X, y=None):
    """Return the precision, the coverage of the catalogue, and a precision in which rare items count more."""
    table = rec.recommend(pd.unique(X["user"]), k=10)
    share = pd.Series(np.diff(rec.interactions_.tocsc().indptr) / len(rec.users_), index=rec.items_)
    hits = table.merge(X[["user", "item"]])
    gain = -np.log2(share[hits["item"]]).sum()  # bits: a hit that one user in eight has liked counts three
    return {
        "precision": precision_at_k(X, table, k=10),
        "coverage": catalog_coverage_at_k(pd.DataFrame({"user": 0, "item": rec.items_}), table, k=10),
        "surprising precision": gain / len(table),
    }


# %%
# The function is passed as ``scoring``. ``refit`` names the number that decides, and all of them are recorded. The
# search of scikit-learn and those of this package accept it.

sizes = [2, 4, 8, 16, 32]
search = GridSearchCV(
    WRMFRecommender(max_iter=8, random_state=0),
    {"n_components": sizes},
    scoring=score,
    cv=UserHoldoutSplit(n_splits=4, user_fraction=0.5, n_items=3, random_state=0),
    refit="surprising precision",
).fit(X)
print(search.best_params_)

# %%
# Each point is a number of components, and the bars show the standard deviation over the four splits. Beyond 16
# components, the precision no longer grows, but the models still recommend more of the catalogue. A second metric tells
# apart what precision does not.

results = pd.DataFrame(search.cv_results_)
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
x, y = results["mean_test_coverage"], results["mean_test_precision"]
ax.errorbar(x, y, xerr=results["std_test_coverage"], yerr=results["std_test_precision"], fmt="o-", color="#0072B2")
for size, *place in zip(sizes, x, y, strict=True):
    ax.annotate(str(size), place, xytext=(5, 6), textcoords="offset points")
ax.plot(x[search.best_index_], y[search.best_index_], "o", color="#D55E00", markersize=10, label="most surprising hits")
ax.set(xlabel="fraction of the catalogue that is recommended", ylabel="precision at 10", title="Number of components")
ax.legend(loc="lower right")
plt.show()
