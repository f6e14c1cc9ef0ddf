import sys

import pandas as pd
from sklearn.model_selection import GridSearchCV

from sklearn_recsketch import WRMFRecommender
from sklearn_recsketch.metrics import make_ranking_scorer
from sklearn_recsketch.model_selection import UserHoldoutSplit
from sklearn_recsketch.preprocessing import threshold_interactions

likes = threshold_interactions(pd.read_csv(sys.argv[1]))
train, test = next(UserHoldoutSplit(random_state=0).split(likes))
grid = {"n_components": [32, 64], "max_iter": [10, 20]}
ndcg = make_ranking_scorer("ndcg@10")
cv = UserHoldoutSplit(random_state=1)
search = GridSearchCV(WRMFRecommender(random_state=0, n_jobs=2), grid, scoring=ndcg, cv=cv).fit(likes.iloc[train])
print(search.best_params_, ndcg(search, likes.iloc[test]))
search.best_estimator_.fit(likes).recommend(k=10).to_csv(sys.argv[2], index=False)
