"""
Daily updates
=============

``partial_fit`` adds the interactions of a day, with new users and items, to a fitted model. Is that as good as fitting
the model again every night, and what does it save?
"""

# %%
# Made-up likes of thirty days. Items are released and users join over the whole period.

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import ranking_report

X, _ = make_interactions(6000, 1500, random_state=0)
rng = np.random.default_rng(0)
released = pd.Series(rng.uniform(-20, 28, 1500)).clip(lower=0)
joined = pd.Series(rng.uniform(-20, 28, 6000)).clip(lower=0)
start = np.maximum(X["item"].map(released), X["user"].map(joined))
day = np.ceil(start + rng.exponential(5, len(X))).to_numpy()

# %%
# The first model is fitted to the first 20 days. Each of the following days is used twice: first, the three models
# recommend items for the likes of this day, and then two of them learn from it. Likes of items or users that a model
# does not know yet count as misses.

initial = X[day <= 20]
frozen = WRMFRecommender(64, random_state=0).fit(initial)
updated = WRMFRecommender(64, random_state=0).fit(initial)
refitted = frozen
rows = []
for today in range(21, 31):
    for name, model in (("fitted once", frozen), ("partial_fit", updated), ("fit every night", refitted)):
        report = ranking_report(model, X[day == today], ks=[20]).set_index("metric")
        rows.append({"day": today, "model": name, **report.loc["recall", ["mean", "standard error"]]})
    begin = time.perf_counter()
    updated.partial_fit(X[day == today])
    middle = time.perf_counter()
    refitted = WRMFRecommender(64, random_state=0).fit(X[day <= today])
    rows[-2]["seconds"] = middle - begin
    rows[-1]["seconds"] = time.perf_counter() - middle
table = pd.DataFrame(rows)

# %%
# The recall at 20 of each day with one standard error, and the seconds of training per day. A model that is never
# updated soon knows few of the users and items that matter. ``partial_fit`` keeps up with the nightly fit at a fraction
# of its time.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for (name, part), color in zip(table.groupby("model", sort=False), ("#5d6b7a", "#D55E00", "#0072B2"), strict=True):
    style = {"marker": "o", "capsize": 3, "color": color, "label": name}
    left.errorbar(part["day"], part["mean"], yerr=part["standard error"], **style)
    if part["seconds"].notna().all():
        right.bar(name, part["seconds"].median(), 0.5, color=color)
left.set(xlabel="day", ylabel="recall at 20", ylim=(0, None), title="Likes of the next day")
left.set_xticks(range(21, 31))
left.legend()
right.set(ylabel="seconds per day", title="Time to train")
plt.show()
