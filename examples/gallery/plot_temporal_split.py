"""
Evaluating on the future
========================

If rows are held out at random, a model can learn from interactions that are later than the ones it is tested on. A
split in time is closer to what happens in production, and gives lower scores.
"""

# %%
# The generated likes get times. Items are released and users join over a year, and a user likes an item soon after
# both are there. The table ends after a year.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_recsketch import PopularityRecommender, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import ranking_report
from sklearn_recsketch.model_selection import TemporalUserSplit, UserKFold

X, _ = make_interactions(1500, 500, random_state=0)
rng = np.random.default_rng(0)
released, joined = (pd.Series(rng.uniform(-200, 365, size)).clip(lower=0) for size in (500, 1500))
days = np.maximum(X["item"].map(released), X["user"].map(joined)) + rng.exponential(60, len(X))
X, days = X[days < 365], days[days < 365]
times = pd.Timestamp("2025-01-01") + pd.to_timedelta(days, unit="D")

# %%
# Four splits in time. Each split trains on everything before its cutoff and tests on the period after it. Users and
# items that appear only in the test period are unknown to the model.

cv = TemporalUserSplit(n_splits=4, test_size=0.15)
splits = list(cv.split(X, groups=times))
weeks = pd.date_range(times.min(), times.max(), freq="7D")
figure, axes = plt.subplots(4, 1, figsize=(9, 5.5), sharex=True, sharey=True, layout="constrained")
for ax, (train, test) in zip(axes, splits, strict=True):
    new_items = 1 - X["item"].iloc[test].isin(X["item"].iloc[train]).mean()
    new_users = 1 - X["user"].iloc[test].isin(X["user"].iloc[train]).mean()
    ax.hist(times.iloc[train], bins=weeks, color="#0072B2", label="training")
    ax.hist(times.iloc[test], bins=weeks, color="#D55E00", label="test")
    ax.set_title(f"test rows of new users: {new_users:.0%}, of new items: {new_items:.0%}", fontsize=10, loc="right")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].legend(loc="upper left")
figure.supylabel("likes per week")
plt.show()

# %%
# The same models, evaluated on the last of these splits and on a random split with the same number of test rows. The
# bars show one standard error. The random split flatters the model: it knows the
# new users, the new items and what users like later.

train, test = splits[-1]
random_train, random_test = next(UserKFold(n_splits=round(len(X) / len(test)), random_state=0).split(X))
figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
models = {"popularity": PopularityRecommender(), "WRMF": WRMFRecommender(64, random_state=0)}
for position, model in enumerate(models.values()):
    for offset, color, label, (fit_rows, test_rows) in (
        (0, "#b8c0c8", "random split", (random_train, random_test)),
        (0.4, "#0072B2", "split in time", (train, test)),
    ):
        report = ranking_report(model.fit(X.iloc[fit_rows]), X.iloc[test_rows], ks=[10]).set_index("metric")
        mean, error = report.loc["recall", ["mean", "standard error"]]
        label = label if position == 0 else None
        ax.barh(position + offset, mean, 0.38, xerr=error, color=color, label=label, capsize=3)
ax.set_yticks([0.2, 1.2], models)
ax.set(xlabel="recall at 10")
ax.legend()
plt.show()
