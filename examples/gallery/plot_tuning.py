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
from importlib.util import find_spec

import matplotlib.pyplot as plt
import numpy as np
from skopt.space import Integer, Real

from sklearn_recsketch import WARPRecommender
from sklearn_recsketch.datasets import make_interactions
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import BayesSearchCV, EpochSearchCV, UserHoldoutSplit

X, _ = make_interactions(400, 200, random_state=0)
metric = make_ranking_scorer("ndcg@10")
log = []


def scorer(estimator, X, y=None):
    """Score as usual, and write down when."""
    score = metric(estimator, X, y)
    log.append((time.perf_counter(), score))
    return score


common = {"cv": UserHoldoutSplit(user_fraction=1.0, random_state=0), "scoring": scorer, "refit": False}
grid = {"n_components": [8, 16, 32, 64], "learning_rate": [0.02, 0.05, 0.1], "regularization": [0.1, 0.2, 0.4, 0.8]}
space = {
    "max_iter": Integer(2, 20),
    "n_components": Integer(8, 64),
    "learning_rate": Real(0.02, 0.1, "log-uniform"),
    "regularization": Real(0.1, 0.8, "log-uniform"),
}
rec = WARPRecommender(average=False, random_state=0)
epochs = range(2, 21, 3)
searches = {
    "grid, all epochs": EpochSearchCV(rec, grid, epochs=epochs, **common),
    "grid, halving": EpochSearchCV(rec, grid, epochs=epochs, prune="halving", random_state=0, **common),
    "Bayes": BayesSearchCV(rec, space, n_iter=15, random_state=0, **common),
}
if find_spec("optuna"):  # pip install optuna optuna-integration
    import optuna
    from optuna.distributions import FloatDistribution, IntDistribution
    from optuna_integration import OptunaSearchCV

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", message=".*(optuna|experimental|TerminatorCallback)")
    ranges = {
        "max_iter": IntDistribution(2, 20),
        "n_components": IntDistribution(8, 64),
        "learning_rate": FloatDistribution(0.02, 0.1, log=True),
        "regularization": FloatDistribution(0.1, 0.8, log=True),
    }
    searches["Optuna"] = OptunaSearchCV(rec, ranges, n_trials=15, random_state=0, **common)

# %%
# The best score so far against the seconds spent. The seconds depend on the machine. The searches arrive at
# about the same score: the standard error of a score is about 0.01. A grid grows with each parameter. Halving stops the
# worse settings early, and finds the same best one. The Bayesian searches, Optuna's included, need few trials.

rec.fit(X)  # loads the kernels before the clock runs
figure, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
for (name, search), color in zip(searches.items(), ("#0072B2", "#D55E00", "#009E73", "#CC79A7"), strict=False):
    log.clear()
    begin = time.perf_counter()
    search.fit(X)
    seconds, scores = np.array(log).T
    seconds, best = seconds - begin, np.maximum.accumulate(scores)
    ax.step(seconds, best, where="post", color=color, label=f"{name}: {best[-1]:.3f} in {len(log)} scores")
    ax.plot(seconds[-1], best[-1], "o", color=color)
ax.set(xlabel="seconds", ylabel="best nDCG at 10 so far", xlim=(0, None))
ax.legend(loc="lower right")
plt.show()
