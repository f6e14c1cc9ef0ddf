"""
Ways to tune, and what they cost
================================

A grid search that trains each setting once (:class:`~sklearn_recsketch.model_selection.EpochSearchCV`), the same with
pruning, a Bayesian search and Optuna look for parameters of WARP. Which one is there first?
"""

# %%
# All searches use the same folds and the same scorer.

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from skopt.space import Integer, Real

from sklearn_recsketch import WARPRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import BayesSearchCV, EpochSearchCV, UserHoldoutSplit

X, _ = make_interactions(800, 400, random_state=0)
common = {"cv": UserHoldoutSplit(n_splits=2, user_fraction=0.5, random_state=0), "refit": False}
scorer = make_ranking_scorer("ndcg@10")
grid = {"n_components": [16, 64], "learning_rate": [0.01, 0.05, 0.2], "regularization": [0.1, 0.3, 0.9]}
space = {
    "max_iter": Integer(2, 30),
    "n_components": Integer(16, 64),
    "learning_rate": Real(0.01, 0.2, "log-uniform"),
    "regularization": Real(0.1, 0.9, "log-uniform"),
}
rec = WARPRecommender(average=False, random_state=0)
epochs = range(2, 31, 4)
searches = {
    "grid, all epochs": EpochSearchCV(rec, grid, epochs=epochs, scoring=scorer, **common),
    "grid, halving": EpochSearchCV(rec, grid, epochs=epochs, scoring=scorer, prune="halving", **common),
    "Bayes": BayesSearchCV(rec, space, n_iter=15, scoring=scorer, random_state=0, **common),
}
try:
    import optuna
    from optuna.distributions import FloatDistribution, IntDistribution
    from optuna_integration import OptunaSearchCV
except ImportError:  # pip install optuna optuna-integration
    pass
else:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", message=".*(optuna|experimental)")  # OptunaSearchCV is experimental
    ranges = {
        "max_iter": IntDistribution(2, 30),
        "n_components": IntDistribution(16, 64),
        "learning_rate": FloatDistribution(0.01, 0.2, log=True),
        "regularization": FloatDistribution(0.1, 0.9, log=True),
    }
    searches["Optuna"] = OptunaSearchCV(rec, ranges, n_trials=15, scoring=scorer, random_state=0, **common)

# %%
# The best score so far against the seconds spent. The times depend on the machine, the order of the lines less so. All
# searches find settings of about the same quality: the differences at the end are no larger than the standard error of
# a score, which is about 0.01 here. The grid has to be chosen well, though, and grows with each further parameter.

figure, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
for (name, search), color in zip(searches.items(), ("#0072B2", "#D55E00", "#009E73", "#CC79A7"), strict=False):
    begin = time.perf_counter()
    search.fit(X)
    seconds = time.perf_counter() - begin
    if hasattr(search, "trials_"):
        scores = np.array([trial.value for trial in search.trials_])
    else:
        scores = search.cv_results_["mean_test_score"]
    # The searches report scores in the order of their trials; each trial is given an equal share of the time.
    at = seconds * np.arange(1, len(scores) + 1) / len(scores)
    ax.step(at, np.fmax.accumulate(scores), where="post", color=color, label=f"{name}: {np.nanmax(scores):.3f}")
    ax.plot(seconds, np.nanmax(scores), "o", color=color)
ax.set(xlabel="seconds", ylabel="best nDCG at 10 so far", xlim=(0, None))
ax.legend(loc="lower right")
