"""
Learning curves and early stopping
==================================

How many epochs are enough? Learning curves show it, and early stopping finds it during the fit.
"""

# %%
# A monitor scores the model after each epoch on training rows and on held-out rows.

import matplotlib.pyplot as plt

from sklearn_recsketch import WARPRecommender, WRMFRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.inspection import EpochCurveDisplay
from sklearn_recsketch.metrics import ranking_report
from sklearn_recsketch.model_selection import EpochCurveMonitor, UserHoldoutSplit

X, _ = make_interactions(1000, 400, random_state=0)
train, test = next(UserHoldoutSplit(user_fraction=0.5, random_state=0).split(X))
models = {
    "WRMF": WRMFRecommender(32, max_iter=40, random_state=0),
    "WARP": WARPRecommender(32, max_iter=40, random_state=0),
    "WARP, small penalty": WARPRecommender(32, max_iter=40, regularization=0.05, learning_rate=0.1, random_state=0),
}
axes = None
for name, model in models.items():
    monitor = EpochCurveMonitor("ndcg@10", X.iloc[test])
    model.set_callbacks(monitor).fit(X.iloc[train])
    axes = EpochCurveDisplay.from_monitor(monitor, name=name, axes=axes).axes_
    model.set_callbacks()
plt.show()

# %%
# WRMF needs few epochs, because each of them solves for all vectors. WARP takes small steps and still improves after 40
# epochs. With a small penalty, its training score grows towards 1 while its held-out score falls: that is overfitting.
#
# With ``early_stopping=True``, a tenth of the training rows is held out during the fit. The fit ends after five epochs
# without improvement, and keeps the model of the best epoch. The bars on the right show one standard error. Early
# stopping rescues the model that overfits, and saves epochs of WRMF. It is not free, because it trains on fewer rows,
# and a good penalty is better than an early stop.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
for position, model in enumerate(models.values()):
    for early, color in ((False, "#b8c0c8"), (True, "#0072B2")):
        fitted = model.set_params(early_stopping=early, n_iter_no_change=5).fit(X.iloc[train])
        row = ranking_report(fitted, X.iloc[test], ks=[10]).set_index("metric").loc["ndcg"]
        y = position + 0.4 * early
        label = ("early stopping" if early else "40 epochs") if position == 0 else None
        left.barh(y, len(fitted.loss_curve_), 0.38, color=color, label=label)
        right.barh(y, row["mean"], 0.38, xerr=row["standard error"], color=color, capsize=3)
left.set_yticks([0.2, 1.2, 2.2], models)
left.set(xlabel="epochs trained", title="Cost")
figure.legend(loc="outside lower center", ncols=2)
right.set(xlabel="nDCG at 10", title="Score on test rows")
plt.show()
