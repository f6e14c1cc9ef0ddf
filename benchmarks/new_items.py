"""Recommendations of new items with features and a few interactions: WRMF, on four data sets.

    python benchmarks/new_items.py

60 items with many interactions are left out of the training data. The model knows their features and, in turn, none to
32 of their interactions (`item_history`). The value is the area under the ROC curve over users: the probability that a
user with one of the other interactions has a higher score than a user without any. Requires the extra [bench].
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from board_data import Split, split
from common import markdown, publish

from sklearn_recsketch import WRMFRecommender

SETS, SIZES = ("lastfm", "steam", "citeulike-a", "amazon-beauty"), (0, 1, 2, 4, 8, 16, 32)
N_ITEMS, LEAST = 60, 45  # number of new items, and of interactions that each has at least


def areas(data: Split) -> dict[int, float]:
    """Mean area under the ROC curve for each number of known interactions."""
    rng = np.random.default_rng(0)
    assert data.tags is not None
    items, counts = np.unique(data.train["item"], return_counts=True)
    new = rng.choice(items[(counts >= LEAST) & np.isin(items, data.tags.ids)], N_ITEMS, replace=False)
    is_new = data.train["item"].isin(new)
    rec = WRMFRecommender(n_jobs=1, random_state=0).fit(data.train[~is_new], item_features=data.tags)
    found: dict[int, list[float]] = {size: [] for size in SIZES}
    for item in new:
        users = data.train.loc[data.train["item"] == item, "user"].to_numpy()
        users = rng.permutation(users[np.isin(users, rec.users_)])
        for size in SIZES:
            history = {"item_history": {item: users[:size].tolist()}} if size else {}
            table = rec.recommend(
                rec.users_, k=1, candidates=[item], item_features=data.tags, exclude_seen=False, **history
            )
            scores = table.set_index("user")["score"]
            others = np.sort(scores.drop(index=users))
            found[size].append(float(np.mean(np.searchsorted(others, scores.loc[users[size:]]) / len(others))))
    return {size: float(np.mean(values)) for size, values in found.items()}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    rows = [
        {"data": name} | {f"{size}": f"{area:.3f}" for size, area in areas(split(name, 0)).items()} for name in SETS
    ]
    publish("new items", markdown(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
